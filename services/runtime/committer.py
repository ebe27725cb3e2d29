"""How do many requests share one commit? One committer, always draining what has gathered.

    handlers ──room──► prepare ──submit──► queue ──drain (≤ MAX_COMMIT_ENTRIES)──► Log.append ──► futures
                                             ▲ fills while the last commit is in flight: no timer, no tuning

One thread of its own calls the database; the event loop never waits for it. A failed
commit fails only the requests that were in it, and says that their outcome is not known.
What there is no room for is refused before any work is done on it: a process that spent its time on
what it refuses later would have none for what it took.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from opentelemetry.trace import SpanContext

from ledger.errors import CandourError
from ledger.limits import MAX_COMMIT_ENTRIES, MAX_QUEUED_ENTRIES
from ledger.log import Log, Receipt
from ledger.store.core import Head, NewEntry, StoreUnavailable
from services.runtime.metrics import LedgerMetrics, silent
from services.runtime.refusals import Draining, Overloaded
from services.runtime.tracing import OFF, Tracing

Result: TypeAlias = Receipt | CandourError


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of a request: a result an entry, in order, and a checkpoint over them."""

    results: list[Result]
    checkpoint: bytes
    tree_size: int


@dataclass(slots=True)
class _Pending:
    entries: Sequence[NewEntry]
    future: asyncio.Future[Committed]
    whole: bool = False
    asked: SpanContext | None = None  # the span of whoever asked
    taken: int = 0
    results: list[Result] = field(default_factory=list)


class Committer:
    """The one writer of a ledger in this process.

    Args:
        log: The ledger.
        metrics, tracing: Where it is said how it goes; None, OFF for nowhere.
    """

    def __init__(
        self, log: Log, metrics: LedgerMetrics | None = None, tracing: Tracing = OFF
    ) -> None:
        self.log = log
        self._metrics = silent() if metrics is None else metrics
        self._tracing = tracing
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self._pending: deque[_Pending] = deque()
        self._queued = self._inside = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self.head: Head | None = None
        self.on_commit: list[asyncio.Event] = []

    @property
    def queued(self) -> int:
        """Entries waiting or in flight."""
        return self._queued

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="committer")

    @contextmanager
    def room(self, count: int) -> Iterator[None]:
        """Room for so many reports of one call, from before they are read until they are answered.

        Raises:
            Overloaded, Draining: There is none; nothing was looked at.
        """
        refused: Draining | Overloaded | None = None
        if self._closing:
            refused = Draining()
        elif self._inside and self._inside + count > MAX_QUEUED_ENTRIES:
            refused = Overloaded(self._inside)
        if refused is not None:
            self._metrics.turned_away(refused, count)
            raise refused
        self._inside += count
        try:
            yield
        finally:
            self._inside -= count

    async def submit(self, entries: Sequence[NewEntry], *, whole: bool = False) -> Committed:
        """Commit entries, in order, together with whatever else has gathered.

        Args:
            entries: MAX_COMMIT_ENTRIES at most, where they stay whole.
            whole: All in one transaction: some go on from others among them.
        Raises:
            Overloaded, Draining: Nothing was taken.
            StoreUnavailable: It is not known which of them were committed.
        """
        # Shielded: a caller that goes away does not undo what was accepted.
        return await asyncio.shield(self.enqueue(entries, whole=whole))

    def enqueue(
        self, entries: Sequence[NewEntry], *, whole: bool = False
    ) -> asyncio.Future[Committed]:
        """As `submit`, without waiting; shield the future where you await it.

        Raises:
            Overloaded, Draining: Nothing was taken.
        """
        refused = self._refusal(len(entries))
        if refused is not None:
            self._metrics.failed(entries, refused)
            raise refused
        assert not whole or len(entries) <= MAX_COMMIT_ENTRIES
        future = asyncio.get_running_loop().create_future()
        pending = _Pending(entries, future, whole, self._tracing.current())
        self._pending.append(pending)
        self._queued += len(entries)
        self._wake.set()
        return pending.future

    def _refusal(self, count: int) -> Draining | Overloaded | None:
        if self._closing:
            return Draining()
        if self._queued + count > MAX_QUEUED_ENTRIES and self._queued:
            return Overloaded(self._queued)
        return None

    async def drain(self) -> None:
        """Take nothing new, commit what was accepted, stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._pending:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            parts = self._drain()
            batch = [entry for pending, start, end in parts for entry in pending.entries[start:end]]
            asked = [pending.asked for pending, _, _ in parts]
            try:
                results, head, note, took_s = await loop.run_in_executor(
                    self._thread, self._commit, batch, asked
                )
            except Exception as error:  # noqa: BLE001  it goes to whoever asked
                self._fail(parts, error)
                if self._closing and isinstance(error, StoreUnavailable):
                    # Their callers were told that they have no receipt, and nothing was tried:
                    # waiting for the database for each of them would keep the process from ending.
                    self._fail(self._all_pending(), error)
            else:
                self._deliver(parts, results, head, note)
                self._metrics.committed(batch, results, took_s)

    def _drain(self) -> list[tuple[_Pending, int, int]]:
        """Up to one transaction's worth of what is pending; a large request is split."""
        parts: list[tuple[_Pending, int, int]] = []
        room = MAX_COMMIT_ENTRIES
        while self._pending and room:
            pending = self._pending[0]
            if pending.whole and len(pending.entries) > room:
                break  # `parts` is not empty: room for all of it there is in the next
            start, end = pending.taken, min(pending.taken + room, len(pending.entries))
            parts.append((pending, start, end))
            room -= end - start
            pending.taken = end
            if end < len(pending.entries):
                break
            self._pending.popleft()
        return parts

    def _all_pending(self) -> list[tuple[_Pending, int, int]]:
        """Everything that no transaction has been tried for."""
        parts = [(each, each.taken, len(each.entries)) for each in self._pending]
        self._pending.clear()
        return parts

    def _commit(
        self, batch: list[NewEntry], asked: list[SpanContext | None]
    ) -> tuple[list[Result], Head, bytes, float]:
        started = time.perf_counter()
        with self._tracing.commit(self._metrics.ledger, len(batch), asked) as span:
            with span("candour.append"):
                results, head = self.log.append(batch)
            with span("candour.sign"):
                note = self.log.checkpoint(head)
        return results, head, note, time.perf_counter() - started

    def _deliver(
        self,
        parts: list[tuple[_Pending, int, int]],
        results: list[Result],
        head: Head,
        note: bytes,
    ) -> None:
        self.head = head
        at = 0
        for pending, start, end in parts:
            pending.results += results[at : at + end - start]
            at += end - start
            self._queued -= end - start
            if end == len(pending.entries) and not pending.future.done():
                pending.future.set_result(Committed(pending.results, note, head.tree_size))
        for event in self.on_commit:
            event.set()

    def _fail(self, parts: list[tuple[_Pending, int, int]], error: Exception) -> None:
        for pending, start, end in parts:
            rest = len(pending.entries) - end
            self._metrics.failed(pending.entries[start:], error)
            if rest:  # the head of the queue: none of its later parts was tried
                self._pending.popleft()
            self._queued -= end - start + rest
            if not pending.future.done():
                pending.future.set_exception(error)
                pending.future.exception()  # seen, even if the caller has gone away
