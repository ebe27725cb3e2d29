"""Which root of the usage index answers, and when is a new one put into the log?

    views ──► index ──keep──► root at N ──append UsageIndexCommitted──► servable
              on demand: an answer needs a fresher N
              by timer, and after midnight UTC: where there is anything new

A root that a bundle will rest on is cited first: it is never let go. One that was let go is not
answered for by an older one; who asks is told which are near.

Entries that only commit roots are nothing new, or each would call for the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ledger.domain.base import Already, Provenance
from ledger.errors import CandourError
from ledger.events import UsageIndexCommitted
from ledger.limits import MAX_DECISIONS, MAX_WAIT_S
from ledger.log import Receipt
from ledger.store.core import LedgerStore, StoredEntry, StreamConflict
from ledger.store.usage_roots import INDEX_STREAM, KeptRoot, UsageRoots
from ledger.store.view_writer import read_stored
from ledger.times import DAY_US
from ledger.usage_index import INDEX_VERSION
from services.runtime.refusals import (
    TreeSizeBeyondHead,
    UsageRootMissing,
    UsageRootNotKept,
    ViewsBehind,
)
from services.runtime.serving import Serving

_log: Final = logging.getLogger("candour.index")
_POLL_S: Final = 0.05  # while somebody waits for the index
_LOOKED_BACK: Final = 64  # entries read at once to find the newest that says something


class IndexCommits:
    """Commits roots of one ledger's usage index.

    Args:
        serving: The ledger.
        roots: Of its usage index.
        run: Runs what waits for the database, in a thread.
    """

    def __init__(
        self, serving: Serving, roots: UsageRoots, run: Callable[..., Awaitable[Any]]
    ) -> None:
        self._serving, self._store = serving, serving.hosted.store
        self.ledger = serving.hosted.name
        self._roots, self._run = roots, run
        self._lock = asyncio.Lock()  # one commit at a time: the next finds it done

    async def cited_root(self, *, at_most: int | None = None, least: int = 0) -> KeptRoot:
        """As `root`, and from now on it is never let go."""
        for _ in range(MAX_DECISIONS):
            found = await self.root(at_most=at_most, least=least)
            if found.cited or await self._run(self._roots.cite, found.tree_size):
                return found
        raise ViewsBehind(least, found.tree_size)  # let go just now, again and again

    async def root(self, *, at_most: int | None = None, least: int = 0) -> KeptRoot:
        """A committed root to answer from.

        Args:
            at_most: The newest that speaks of no more entries; None for one that speaks of
                all there is.
            least: The least number of entries that it speaks of.
        Raises:
            UsageRootMissing: No root was committed so early.
            UsageRootNotKept: One was, and is no longer kept.
            TreeSizeBeyondHead: `least` is beyond the head.
            ViewsBehind: The index did not get there within MAX_WAIT_S.
        """
        if at_most is not None:
            found: KeptRoot | None = await self._run(self._of_the_past, at_most)
            if found is None or found.tree_size < least:
                raise UsageRootMissing(at_most, least)
            return found
        head: int = (await self._run(self._store.head)).tree_size
        if least > head:
            raise TreeSizeBeyondHead(least, head)
        least = max(least, await self._run(told_size, self._store, head))
        async with self._lock:
            newest: KeptRoot | None = await self._run(self._roots.servable)
            if newest is not None and newest.tree_size >= least:
                return newest
            await self._index_at(least)
            await self._commit()
            newest = await self._run(self._roots.servable)
        if newest is None or newest.tree_size < least:
            raise ViewsBehind(least, 0 if newest is None else newest.tree_size)
        return newest

    def _of_the_past(self, at_most: int) -> KeptRoot | None:
        """The newest committed root of so many entries at most. Blocking.

        Raises:
            UsageRootNotKept: The log commits to a newer one.
        """
        while True:
            found = self._roots.servable(at_most)
            passed_over = _commitment_after(self._store, found, at_most)
            if passed_over is None:
                return found
            leaf_index, fact = passed_over
            if self._roots.committed(fact, leaf_index):
                continue  # it was appended, and not yet marked
            after = self._roots.servable_after(at_most)
            raise UsageRootNotKept(
                at_most,
                fact.tree_size,
                before=None if found is None else found.tree_size,
                after=None if after is None else after.tree_size,
            )

    async def commit_news(self) -> bool:
        """Commit the root at the index's position, if it covers anything new."""
        async with self._lock:
            newest: KeptRoot | None = await self._run(self._roots.servable)
            position: int = await self._run(self._roots.position)
            told: int = await self._run(told_size, self._store, position)
            if newest is not None and newest.tree_size >= told:
                return False
            if position == 0:
                return False
            await self._commit()
        return True

    async def _index_at(self, least: int) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + MAX_WAIT_S
        while (held := await self._run(self._roots.position)) < least:
            if loop.time() > deadline:
                raise ViewsBehind(least, held)
            await asyncio.sleep(_POLL_S)

    async def _commit(self) -> None:
        """Keep the newest root, append its entry, mark it servable."""
        hosted, committer = self._serving.hosted, self._serving.committer
        kept: KeptRoot = await self._run(self._roots.keep_newest)
        fact = kept.commitment.to_fact()
        for _ in range(MAX_DECISIONS):
            told = Provenance(reporter=hosted.log.origin, recorded_us=hosted.log.clock_us())
            try:
                entry = await self._run(hosted.registrar.commit_index, kept.commitment, told)
            except Already:  # another process did, of as much or more, and may not have marked it
                await self._run(self._mark_newest)
                return
            committed = await committer.submit([entry])
            (result,) = committed.results
            if isinstance(result, Receipt):
                await self._run(self._roots.committed, fact, result.leaf_index)
                return
            assert isinstance(result, CandourError)
            if not isinstance(result, StreamConflict):
                raise result

    def _mark_newest(self) -> None:
        """Note which root the newest commitment speaks of. Blocking."""
        for stored in self._store.read_stream(INDEX_STREAM, desc=True, limit=1):
            fact = _fact_of(stored)
            if fact is not None:
                self._roots.committed(fact, stored.leaf_index)


def _commitment_after(
    store: LedgerStore, root: KeptRoot | None, at_most: int
) -> tuple[int, UsageIndexCommitted] | None:
    """The first commitment after a root's own, if it speaks of `at_most` entries or fewer."""
    version = 0
    if root is not None and root.leaf_index is not None:
        (own,) = store.entries_at([root.leaf_index])
        version = own.version
    while some := store.read_stream(INDEX_STREAM, gt=version, limit=1):
        (stored,) = some
        fact = _fact_of(stored)
        if fact is not None:
            return (stored.leaf_index, fact) if fact.tree_size <= at_most else None
        version = stored.version
    return None


def _fact_of(stored: StoredEntry) -> UsageIndexCommitted | None:
    """What it commits to; None where that is an index of another release."""
    try:
        _, fact = read_stored(stored)
    except CandourError:
        return None
    if isinstance(fact, UsageIndexCommitted) and fact.index == INDEX_VERSION:
        return fact
    return None


def told_size(store: LedgerStore, head: int) -> int:
    """How many of the first `head` entries hold all that says more than a root. Blocking."""
    while head > 0:
        start = max(0, head - _LOOKED_BACK)
        for stored in reversed(store.read_entries(start, head - start)):
            if stored.topic != UsageIndexCommitted.TOPIC:
                return stored.leaf_index + 1
        head = start
    return 0


class IndexTimer:
    """Commits a root every so often, and once after midnight UTC, where there is anything new.

    Args:
        commits: Of the ledger.
        every_s: At most so often; 0 for midnight only.
        clock_us: Microseconds from 1970 now.
    """

    def __init__(
        self, commits: IndexCommits, *, every_s: float, clock_us: Callable[[], int]
    ) -> None:
        self._commits, self._every_s, self._clock_us = commits, every_s, clock_us
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="index-timer")

    async def stop(self) -> None:
        """End it; call it before the committer drains."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            midnight_s = (DAY_US - self._clock_us() % DAY_US) / 1e6
            await asyncio.sleep(min(midnight_s, self._every_s or midnight_s))
            try:
                await self._commits.commit_news()
            except Exception as error:  # noqa: BLE001  whatever it was, the next round tries again
                kind, extra = type(error).__qualname__, {"ledger": self._commits.ledger}
                _log.warning("no root was committed: %s", kind, extra=extra)
