"""How do ledgers stand now? Read every OBSERVE_EVERY_S, kept in memory, told to whoever looks.

    store.head, views.position, oldest entry not in the views ──read──► Reading of each ledger
    Reading, publication, committer, clocks ──► gauges, /readyz, gRPC health

Whoever looks waits for no database: a reading that is too old is unknown, and gives no metric.
The projector is a process of its own; how far it is stands in the views, for whichever process
asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from opentelemetry.metrics import Observation

from ledger.canonical_json import decode
from ledger.limits import OBSERVE_EVERY_S, OBSERVE_WAIT_S, OBSERVED_FOR_S
from ledger.store.core import LedgerStore
from ledger.times import us_of_text
from services.runtime.clock import SinceStart, kernel_offset_s, middle_s
from services.runtime.metrics import Instruments, reason_of
from services.runtime.process_metrics import observe_process
from services.runtime.serving import Serving

_FRESH_S: Final = 1.0  # a reading that whoever looks takes as it is


@dataclass(frozen=True, slots=True)
class Reading:
    """How far one ledger was.

    Members:
        tree_size: Of the committed tree.
        position: Entries that the views hold; None where there are no views.
        lag_s: Since the oldest entry was recorded that they do not hold; None likewise.
        at, moved_at: When it was read, and when the views moved last or had nothing to do, by the
            monotonic clock.
        writable: Whether the database took more than questions.
    """

    tree_size: int
    position: int | None
    lag_s: float | None
    at: float
    moved_at: float
    writable: bool = True

    @property
    def behind(self) -> int:
        return 0 if self.position is None else max(self.tree_size - self.position, 0)

    @property
    def still_s(self) -> float:
        """How long the views have been behind without moving."""
        return self.at - self.moved_at if self.behind else 0.0


class Observatory:
    """Watches the ledgers of a process, and answers for them.

    Args:
        ledgers: By name, the directory among them.
        instruments: Where its gauges are made.
        projectors: Process ids of the projectors that run now.
        database_offset_s: As `clock.database_offset_s`, of a ledger that lives in one; it blocks.
        clock_us: Microseconds from 1970 now.
    """

    def __init__(
        self,
        ledgers: Mapping[str, Serving],
        instruments: Instruments,
        *,
        projectors: Callable[[], Iterable[int]] = tuple,
        database_offset_s: Callable[[], float | None] | None = None,
        clock_us: Callable[[], int],
    ) -> None:
        self._ledgers, self._clock_us = ledgers, clock_us
        self._started_us = clock_us()
        self._readings: dict[str, Reading] = {}
        self._moved = SinceStart()
        self._database_offset_s = database_offset_s
        self._database_offset: tuple[float, float] | None = None  # when, and how far
        self._task: asyncio.Task[None] | None = None
        self._under_way: asyncio.Task[None] | None = None
        self._make_gauges(instruments)
        observe_process(instruments, projectors)

    # --- reading ------------------------------------------------------------------
    def start(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="observatory")

    async def stop(self) -> None:
        for task in (self._task, self._under_way):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(OBSERVE_EVERY_S)

    async def look(self) -> None:
        """Read what is not fresh; returns within OBSERVE_WAIT_S, whatever the databases do."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._read_all(), name="observing")
        with suppress(TimeoutError):
            async with asyncio.timeout(OBSERVE_WAIT_S):
                await asyncio.shield(self._under_way)

    async def _read_all(self) -> None:
        await asyncio.gather(*(self._read(serving) for serving in self._ledgers.values()))
        if self._database_offset_s is not None:
            with suppress(Exception):  # unknown stays unknown
                found = await asyncio.to_thread(self._database_offset_s)
                self._database_offset = None if found is None else (time.monotonic(), found)

    async def _read(self, serving: Serving) -> None:
        name, store = serving.hosted.name, serving.hosted.store
        before = self._readings.get(name)
        if before is not None and time.monotonic() < before.at + _FRESH_S:
            return
        with suppress(Exception):  # the database is away: what was read grows old, and is let go
            position = None if serving.projected is None else await serving.projected()
            size: int = (await serving.run(store.head)).tree_size
            writable = await serving.run(store.writable)
            lag_s = None
            if position is not None:
                lag_s = 0.0
                if position < size:
                    recorded_us = await serving.run(_recorded_us, store, position)
                    lag_s = max((self._clock_us() - recorded_us) / 1e6, 0.0)
            now = time.monotonic()
            still = before is not None and before.behind and before.position == position
            moved_at = before.moved_at if before is not None and still else now
            self._readings[name] = Reading(size, position, lag_s, now, moved_at, writable)

    def reading(self, ledger: str) -> Reading | None:
        """The newest, unless it is too old to say anything."""
        found = self._readings.get(ledger)
        if found is None or time.monotonic() > found.at + OBSERVED_FOR_S:
            return None
        return found

    # --- telling ------------------------------------------------------------------
    def _make_gauges(self, instruments: Instruments) -> None:
        for name, tell in (
            ("candour.commit.queue_depth", self._queued),
            ("candour.tree.size", self._tree_size),
            ("candour.checkpoint.tree_size", self._checkpoint_size),
            ("candour.checkpoint.age", self._checkpoint_age),
            ("candour.cosignature.tree_size", self._cosigned_size),
            ("candour.cosignature.age", self._cosigned_age),
            ("candour.ledger.halted", self._halted),
            ("candour.projection.lag_entries", self._lag_entries),
            ("candour.projection.lag", self._lag),
            ("candour.clock.offset", self._offsets),
        ):
            instruments.observe(name, tell)

    def _queued(self) -> Iterator[Observation]:
        for name, serving in self._ledgers.items():
            yield Observation(serving.committer.queued, {"ledger": name})

    def _each_reading(self) -> Iterator[tuple[dict[str, str], Reading]]:
        for name in self._ledgers:
            found = self.reading(name)
            if found is not None:
                yield {"ledger": name}, found

    def _tree_size(self) -> Iterator[Observation]:
        for labels, found in self._each_reading():
            yield Observation(found.tree_size, labels)

    def _lag_entries(self) -> Iterator[Observation]:
        for labels, found in self._each_reading():
            if found.position is not None:
                yield Observation(found.behind, labels)

    def _lag(self) -> Iterator[Observation]:
        for labels, found in self._each_reading():
            if found.lag_s is not None:
                # As of now: it grows while nobody reads.
                older_s = time.monotonic() - found.at if found.behind else 0.0
                yield Observation(found.lag_s + older_s, labels)

    def _checkpoint_size(self) -> Iterator[Observation]:
        for name, serving in self._ledgers.items():
            newest = serving.publication.newest
            if newest is not None:
                yield Observation(newest.tree_size, {"ledger": name})

    def _checkpoint_age(self) -> Iterator[Observation]:
        for name, serving in self._ledgers.items():
            newest = serving.publication.newest
            if newest is not None:
                yield Observation(self._since_s(newest.published_us), {"ledger": name})

    def _cosigned_size(self) -> Iterator[Observation]:
        for name, serving in self._ledgers.items():
            for witness, seen in serving.publication.witnesses.items():
                yield Observation(seen.tree_size or 0, {"ledger": name, "witness": witness})

    def _cosigned_age(self) -> Iterator[Observation]:
        for name, serving in self._ledgers.items():
            for witness, seen in serving.publication.witnesses.items():
                at = seen.answered_at
                since_us = self._started_us if at is None else int(at * 1e6)
                labels = {"ledger": name, "witness": witness}
                yield Observation(self._since_s(since_us), labels)

    def _halted(self) -> Iterator[Observation]:
        for name, serving in self._ledgers.items():
            halted = serving.hosted.log.halted
            if halted is not None:
                yield Observation(1, {"ledger": name, "reason": reason_of(halted)})

    def _offsets(self) -> Iterator[Observation]:
        witnesses = middle_s(
            seen.answered_at - seen.cosigned_at
            for serving in self._ledgers.values()
            for seen in serving.publication.witnesses.values()
            if seen.answered_at is not None and seen.cosigned_at is not None
        )
        database = None
        if self._database_offset is not None:
            at, offset = self._database_offset
            database = offset if time.monotonic() < at + OBSERVED_FOR_S else None
        log = min((serving.hosted.clock.ahead_s() for serving in self._ledgers.values()), default=0)
        for reference, known in (
            ("log", log),
            ("kernel", kernel_offset_s()),
            ("start", self._moved.offset_s()),
            ("witness", witnesses),
            ("database", database),
        ):
            if known is not None:
                yield Observation(known, {"reference": reference})

    def _since_s(self, then_us: int) -> float:
        return max((self._clock_us() - then_us) / 1e6, 0.0)


def _recorded_us(store: LedgerStore, leaf_index: int) -> int:
    """When an entry was recorded. Blocking."""
    (stored,) = store.read_entries(leaf_index, 1)
    return us_of_text(decode(stored.entry, what="entry")["recorded_at"])
