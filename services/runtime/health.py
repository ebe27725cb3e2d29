"""Can a ledger do its work now? Four checks, for load balancers, for whoever looks, for gRPC health.

    head       the database answers, within a probe's time  ┐ without them it takes no reports:
    writing    nothing keeps it from appending              ┘ /readyz is 503
    publisher  its rounds go on, held back or not           ┐ without them it still takes reports, so
    views      they hold all, or are on their way           ┘ it stays in: /readyz?verbose tells

gRPC's health of a service is NOT_SERVING where no ledger passes all that the service needs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ledger.directory import DIRECTORY
from ledger.limits import HEAD_ANSWER_S, OBSERVE_EVERY_S, PUBLISHER_SILENT_S, VIEWS_STUCK_S
from ledger.store.core import LedgerStore, StoreUnavailable
from services.runtime.observing import Observatory, Reading
from services.runtime.serving import Serving

HEAD: Final = "head"
WRITING: Final = "writing"
PUBLISHER: Final = "publisher"
VIEWS: Final = "views"
_READY: Final = frozenset({HEAD, WRITING})


@dataclass(frozen=True, slots=True)
class Check:
    """One of the four, of one ledger.

    Members:
        ok: None where it cannot be told, or there is no such thing here.
        says: In words.
    """

    name: str
    ok: bool | None
    says: str


class Health:
    """The health of a process's ledgers.

    Args:
        ledgers: By name; the directory, if it is among them, keeps nobody from reporting.
        observatory: Watches them; None where nobody does, and then views are not told of.
    """

    def __init__(
        self, ledgers: Mapping[str, Serving], observatory: Observatory | None = None
    ) -> None:
        self._ledgers, self._observatory = ledgers, observatory

    async def ask(self, name: str) -> list[Check]:
        """The checks of one ledger, the database asked."""
        serving = self._ledgers[name]
        writable: bool | None = None
        try:
            async with asyncio.timeout(HEAD_ANSWER_S):
                size, writable = await serving.run(_asked, serving.hosted.store)
            head = Check(HEAD, True, f"{size} entries")
        except StoreUnavailable:
            head = Check(HEAD, False, "the store is not available")
        except TimeoutError:
            head = Check(HEAD, False, f"the store did not answer within {HEAD_ANSWER_S} s")
        return [head, *self._remembered(serving, self._reading(name), writable)]

    def able(self, needs: frozenset[str]) -> bool:
        """True where some ledger passes these, as far as was seen last; it waits for nothing."""
        for name, serving in self._ledgers.items():
            if name == DIRECTORY:
                continue
            reading = self._reading(name)
            gone = self._observatory is not None and reading is None
            checks = [Check(HEAD, not gone, ""), *self._remembered(serving, reading)]
            if all(check.ok is not False for check in checks if check.name in needs):
                return True
        return False

    async def report(self) -> tuple[bool, str, str]:
        """Whether callers may be sent here; why not, in a line; and every check, in a line each."""
        why, lines = "", []
        for name in self._ledgers:
            for check in await self.ask(name):
                mark = {True: "+", False: "-", None: " "}[check.ok]
                lines.append(f"[{mark}] {name} {check.name}: {check.says}\n")
                # Reports go on without the directory; its status says what is wrong.
                if check.ok is False and check.name in _READY and name != DIRECTORY:
                    why = why or f"ledger {name}: {check.says}\n"
        return not why, why or "ok\n", "".join(lines)

    def _reading(self, name: str) -> Reading | None:
        return None if self._observatory is None else self._observatory.reading(name)

    def _remembered(
        self, serving: Serving, reading: Reading | None, writable: bool | None = None
    ) -> list[Check]:
        """What needs no database; `writable` is None where it was not asked now."""
        halted, publication = serving.hosted.log.halted, serving.publication
        if writable is None:
            writable = reading is None or reading.writable
        if halted is None and not writable:
            writing = Check(WRITING, False, "the store can only be read")
        else:
            writing = Check(WRITING, halted is None, str(halted or "it appends and signs"))
        return [writing, _publisher(publication.tried_at, publication.reason), _views(reading)]


def _asked(store: LedgerStore) -> tuple[int, bool]:
    """Tree size, and whether it can be written to. Blocking."""
    return store.head().tree_size, store.writable()


def _publisher(tried_at: float | None, held_back: str) -> Check:
    if tried_at is None:
        return Check(PUBLISHER, None, "no round yet")
    silent_s = time.monotonic() - tried_at
    if silent_s > PUBLISHER_SILENT_S:
        return Check(PUBLISHER, False, f"no round ended for {silent_s:.0f} s")
    return Check(PUBLISHER, True, f"held back: {held_back}" if held_back else "all is published")


def _views(reading: Reading | None) -> Check:
    if reading is None or reading.position is None:
        return Check(VIEWS, None, "not known" if reading is None else "none here")
    if reading.still_s > VIEWS_STUCK_S:
        says = f"{reading.behind} entries behind, and not moving for {reading.still_s:.0f} s"
        return Check(VIEWS, False, says)
    return Check(VIEWS, True, f"{reading.behind} entries behind")


class HealthTimer:
    """Tells a server's health again and again.

    Args:
        health: Of its ledgers.
        say: Told what decides over a service by its needs.
    """

    def __init__(
        self, health: Health, say: Callable[[Callable[[frozenset[str]], bool]], Awaitable[None]]
    ) -> None:
        self._health, self._say = health, say
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="health")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(OBSERVE_EVERY_S)
            await self._say(self._health.able)
