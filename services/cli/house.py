"""Which ledgers does one process keep, and in which order do they begin and end?

    directory: open ─► each ledger: open ─► held to its listing (guard) ─► publisher, projector
    end:  callers ─► committers ─► last checkpoints ─► last listings ─► the directory's own

Each ledger has a tree, keys, committer, publisher, projector, threads and database of its own;
what goes wrong in one is said of that one. The directory is an ordinary ledger without views.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Engine

from services.directory.follower import Follower
from services.directory.guard import Guard
from services.projector.child import ProjectorChild
from services.publisher.publisher import Publisher
from services.runtime.clock import database_offset_s
from services.runtime.hosting import Hosted, open_ledger, write_trust_files
from services.runtime.index_commits import IndexTimer
from services.runtime.reading import Reading
from services.runtime.serving import Serving
from services.runtime.settings import Settings
from services.runtime.telemetry import SILENT, Telemetry
from services.runtime.views import open_views


@dataclass(frozen=True, slots=True)
class Served:
    """One ledger of the process, with its views.

    Members:
        guard: Holds it to the directory; None where none is kept.
        database_offset_s: As services/runtime/clock.py; it blocks.
    """

    serving: Serving
    reading: Reading
    guard: Guard | None
    database_offset_s: Callable[[], float | None]

    @property
    def name(self) -> str:
        return self.serving.hosted.name


@dataclass(slots=True)
class House:
    """All ledgers of the process, and the directory where one is kept."""

    ledgers: list[Served] = field(default_factory=list)
    directory: Serving | None = None
    projectors: list[ProjectorChild] = field(default_factory=list)

    @property
    def pids(self) -> Iterator[int]:
        """Of the projectors that run now."""
        yield from (child.pid for child in self.projectors if child.pid is not None)

    @property
    def all_hosted(self) -> Iterator[Hosted]:
        """The directory last."""
        yield from (served.serving.hosted for served in self.ledgers)
        if self.directory is not None:
            yield self.directory.hosted

    async def follow(self, stack: AsyncExitStack) -> None:
        """Publish, list and project; the stack ends it in the opposite order.

        Raises:
            HistoryLost: A witness or the directory holds proof that a ledger signed more.
        """
        projectors = self.projectors
        stack.push_async_callback(_stop_all, projectors)
        for served in self.ledgers:
            committed = asyncio.Event()
            served.serving.committer.on_commit.append(committed)
            projectors.append(ProjectorChild(served.serving.hosted.settings, committed))
            projectors[-1].start()
        if self.directory is not None:
            await self._follow_directory(self.directory, stack)
        started: list[Publisher] = []
        stack.push_async_callback(_stop_all, started)
        # Together: each may wait for witnesses that do not answer.
        begun = (self._publish(served, started) for served in self.ledgers)
        for outcome in await asyncio.gather(*begun, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _publish(self, served: Served, started: list[Publisher]) -> None:
        check: Callable[[], None] = _unguarded if served.guard is None else served.guard.check
        publisher = Publisher(served.serving, check)
        await publisher.start()
        started.append(publisher)

    async def _follow_directory(self, directory: Serving, stack: AsyncExitStack) -> None:
        publisher = Publisher(directory)
        await publisher.start()
        stack.push_async_callback(publisher.stop)
        directory.start()
        stack.push_async_callback(directory.drain)
        guarded = {
            served.name: (served.serving, served.guard)
            for served in self.ledgers
            if served.guard is not None
        }
        follower = Follower(directory, guarded)
        follower.start()
        stack.push_async_callback(follower.stop)

    def start_timers(self, stack: AsyncExitStack) -> None:
        """Commit roots of the usage indexes; it ends before any committer drains."""
        for served in self.ledgers:
            hosted = served.serving.hosted
            timer = IndexTimer(
                served.reading.index,
                every_s=hosted.settings.index_every_s,
                clock_us=hosted.log.clock_us,
            )
            timer.start()
            stack.push_async_callback(timer.stop)


async def open_house(
    settings: Settings, stack: AsyncExitStack, telemetry: Telemetry = SILENT
) -> House:
    """Open every ledger of the settings, or none.

    Args:
        stack: Closes what was opened.
        telemetry: Of the process.
    Raises:
        StoreUnavailable, StoreMismatch, KeyFileRefused, WitnessPolicyRefused: As open_ledger.
        HistoryLost, DirectoryLost, Damaged: A ledger or the directory is not what it was.
    """
    house = House()
    if settings.keeps_directory:
        opened = await _open(settings.of_directory(), stack)
        house.directory = Serving(opened, telemetry=telemetry)
    for name in settings.names:
        hosted = await _open(settings.of(name), stack)
        guard = None
        if house.directory is not None:
            guard = await asyncio.to_thread(Guard, hosted, house.directory.hosted)
        house.ledgers.append(await _with_views(hosted, guard, stack, telemetry))
    for hosted in house.all_hosted:
        await asyncio.to_thread(write_trust_files, hosted)
    return house


async def _open(settings: Settings, stack: AsyncExitStack) -> Hosted:
    hosted = await asyncio.to_thread(open_ledger, settings)
    stack.push_async_callback(asyncio.to_thread, hosted.close)
    return hosted


async def _with_views(
    hosted: Hosted, guard: Guard | None, stack: AsyncExitStack, telemetry: Telemetry
) -> Served:
    engine: Engine = await asyncio.to_thread(open_views, hosted.settings)
    stack.push_async_callback(asyncio.to_thread, engine.dispose)
    views: list[Reading] = []
    serving = Serving(hosted, lambda: views[0].run(views[0].views.position), telemetry)
    views.append(Reading(serving, engine))
    return Served(serving, views[0], guard, partial(database_offset_s, engine))


async def _stop_all(these: Sequence[ProjectorChild | Publisher]) -> None:
    """At once: each takes its time, and one that fails keeps none of the others running."""
    stopped = await asyncio.gather(*(item.stop() for item in these), return_exceptions=True)
    for outcome in stopped:
        if outcome is not None:
            raise outcome


def _unguarded() -> None:
    """No directory is kept: only the database's own memory speaks of what was signed."""
