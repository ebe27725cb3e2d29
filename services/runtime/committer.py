"""How do many requests share one commit? One committer, always draining what has gathered.

    handlers ──submit──► queue ──drain (≤ MAX_COMMIT_ENTRIES)──► Log.append ──► futures
                           ▲ fills while the last commit is in flight: no timer, no tuning

One thread of its own calls the database; the event loop never waits for it. A failed
commit fails only the requests that were in it, and says that their outcome is not known.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeAlias

from ledger.errors import CandourError, Refused
from ledger.limits import MAX_COMMIT_ENTRIES, MAX_QUEUED_ENTRIES
from ledger.log import Log, Receipt
from ledger.store.core import Head, NewEntry

Result: TypeAlias = Receipt | CandourError


class Overloaded(Refused):
    """More is waiting to be committed than the queue holds; try again in a while."""

    def __init__(self, queued: int) -> None:
        super().__init__(f"{queued} entries are waiting already")
        self.queued = queued


class Draining(Refused):
    """The process is shutting down and takes nothing new."""

    def __init__(self) -> None:
        super().__init__("the process is shutting down")


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
    taken: int = 0
    results: list[Result] = field(default_factory=list)


class Committer:
    """The one writer of a ledger in this process."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")
        self._pending: deque[_Pending] = deque()
        self._queued = 0
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

    async def submit(self, entries: Sequence[NewEntry]) -> Committed:
        """Commit entries, in order, together with whatever else has gathered.

        Raises:
            Overloaded, Draining: Nothing was taken.
            StoreUnavailable: It is not known which of them were committed.
        """
        # Shielded: a caller that goes away does not undo what was accepted.
        return await asyncio.shield(self.enqueue(entries))

    def enqueue(self, entries: Sequence[NewEntry]) -> asyncio.Future[Committed]:
        """As `submit`, without waiting; shield the future where you await it.

        Raises:
            Overloaded, Draining: Nothing was taken.
        """
        if self._closing:
            raise Draining
        if self._queued + len(entries) > MAX_QUEUED_ENTRIES and self._queued:
            raise Overloaded(self._queued)
        pending = _Pending(entries, asyncio.get_running_loop().create_future())
        self._pending.append(pending)
        self._queued += len(entries)
        self._wake.set()
        return pending.future

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
            try:
                results, head, note = await loop.run_in_executor(self._thread, self._commit, batch)
            except Exception as error:  # noqa: BLE001  it goes to whoever asked
                self._fail(parts, error)
            else:
                self._deliver(parts, results, head, note)

    def _drain(self) -> list[tuple[_Pending, int, int]]:
        """Up to one transaction's worth of what is pending; a large request is split."""
        parts: list[tuple[_Pending, int, int]] = []
        room = MAX_COMMIT_ENTRIES
        while self._pending and room:
            pending = self._pending[0]
            start, end = pending.taken, min(pending.taken + room, len(pending.entries))
            parts.append((pending, start, end))
            room -= end - start
            pending.taken = end
            if end < len(pending.entries):
                break
            self._pending.popleft()
        return parts

    def _commit(self, batch: list[NewEntry]) -> tuple[list[Result], Head, bytes]:
        results, head = self.log.append(batch)
        return results, head, self.log.checkpoint(head)

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
            if rest:  # the head of the queue: none of its later parts was tried
                self._pending.popleft()
            self._queued -= end - start + rest
            if not pending.future.done():
                pending.future.set_exception(error)
                pending.future.exception()  # seen, even if the caller has gone away
