"""How do entries get into the usage index? By large batches, after the views, at their own pace.

    position (compare and swap) ► fold ► descend the trie, rehash what was touched ► commit

The position is a row of its own, so the index may lag behind the views and never runs ahead of
them. A batch ends at each tree size that an entry of the log commits to, and whose root is
worth keeping: made anew, the index keeps the same roots.

A long part of the log is spooled and inserted in the order of its keys (usage_spool.py), in
one transaction: for whoever makes an index anew, not for a projector that others wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Connection, Engine, select, update

from ledger.errors import CandourError
from ledger.events import UsageIndexCommitted
from ledger.limits import USAGE_BATCH, USAGE_BULK
from ledger.store import usage_tables as t
from ledger.store.core import LedgerStore
from ledger.store.usage_fold import Additions, fold_entries
from ledger.store.usage_nodes import NodeCache, SqlNodes
from ledger.store.usage_roots import (
    INDEX_STREAM,
    insert_into,
    keep_root,
    lock_position,
    mark_committed,
    newest_kept,
    synced,
)
from ledger.store.usage_spool import Progress, Spool
from ledger.store.view_writer import PositionMoved, read_stored
from ledger.times import us_of_text
from ledger.usage_index import Ref, insert
from ledger.usage_index.retention import CommittedRoot, roots_to_let_go

_COMMITMENTS_READ = 1_000  # entries of 500 bytes, at once


class UsageWriter:
    """Folds entries of one ledger into its usage index.

    Args:
        engine: Of view_tables.open_engine.
        store: Of the ledger.
        clock_us: Where roots that are let go by now need not be kept anew. Without it all are.
    """

    def __init__(
        self, engine: Engine, store: LedgerStore, *, clock_us: Callable[[], int] | None = None
    ) -> None:
        self.engine, self.store, self._clock_us = engine, store, clock_us
        self._cache = NodeCache()
        self._cached_at = -1  # the position that the cached nodes belong to
        # From the position on, the log commits to these, and they are worth keeping.
        self._commitments: list[CommittedRoot] = []
        self._commitments_read = 0  # of the stream, up to this version
        self.withheld = 0  # reports met here that no longer disclose their performer

    def position(self) -> int:
        """Entries that the index holds."""
        with self.engine.connect() as connection:
            held = connection.execute(select(t.position.c.tree_size)).scalar()
        return 0 if held is None else int(held)

    def advance(
        self, stop: int, *, batch: int = USAGE_BATCH, progress: Progress | None = None
    ) -> int:
        """One batch towards `stop`, which the views must hold; returns the position.

        Args:
            stop: Entries that the index holds in the end.
            batch: At most so many in one transaction.
            progress: Told (stage, done, total) where the batch is long.
        Raises:
            PositionMoved: Another projector was here; nothing was written.
        """
        start = self.position()
        stop = self._end_of_batch(start, min(stop, start + batch))
        if stop <= start:
            return start
        with self.engine.begin() as connection:
            held = lock_position(connection)
            if held.tree_size != start:
                raise PositionMoved(f"the usage index is no longer at {start}")
            if self._cached_at != start:
                self._cache = NodeCache()
            self._cached_at = -1  # until this is committed
            if self._is_committed(start):
                # Kept by whoever committed it; with SQLite a power cut may have taken that back.
                keep_root(connection, start, held.ref)
            nodes = SqlNodes(connection, next_id=held.next_id, cache=self._cache)
            kept, root, withheld = newest_kept(connection), held.ref, 0
            with Spool(progress) as spool:
                for found in self._additions(start, stop, connection):
                    _write_beside(connection, found)
                    withheld += found.withheld
                    if stop - start > USAGE_BULK:
                        spool.add(found.registers)
                        spool.say("entries read", found.end - start, stop - start)
                    else:
                        root = insert(nodes, root, found.registers, tree_size=stop, kept=kept)
                for some in spool.slices():
                    root = insert(nodes, root, some, tree_size=stop, kept=kept)
            self._move(connection, stop, root, nodes.next_id)
        self.withheld += withheld
        self._cached_at = stop
        return stop

    def _additions(self, start: int, stop: int, connection: Connection) -> Iterator[Additions]:
        """What the entries start..stop-1 add, folded USAGE_BULK at once."""
        while start < stop:
            wanted = min(USAGE_BULK, stop - start)
            entries = self.store.read_entries(start, wanted, with_disclosures=True)
            assert len(entries) == wanted, "the log has no gaps"
            found = fold_entries(entries, self.store, connection if start else None)
            start += wanted
            found.end = start
            yield found

    def _move(self, connection: Connection, stop: int, root: Ref, next_id: int) -> None:
        """Move the position to `stop`; keep the root there where the log commits to it."""
        moved = update(t.position).values(
            tree_size=stop, root_id=root.node_id, root=root.hash, total=root.total, next_id=next_id
        )
        connection.execute(moved)
        if self._is_committed(stop):
            keep_root(connection, stop, root)

    def catch_up(
        self, stop: int, *, batch: int = USAGE_BATCH, progress: Progress | None = None
    ) -> int:
        """All batches up to `stop`, as `advance`; returns the position."""
        done = self.position()
        while done < stop:
            try:
                done = self.advance(stop, batch=batch, progress=progress)
            except PositionMoved:
                done = self.position()
        return done

    def drop(self, *, cite: Iterable[int] = ()) -> None:
        """Forget the index: the next catch_up makes it anew from the log. Citations stay.

        Args:
            cite: Tree sizes whose roots are worth keeping from now on.
        """
        self._cached_at = -1
        with synced(self.engine) as connection:
            t.clear(connection)
            for tree_size in cite:
                put = insert_into(connection, t.cited).values(tree_size=tree_size)
                connection.execute(put.on_conflict_do_nothing())

    def _end_of_batch(self, start: int, stop: int) -> int:
        """Where a batch must end: at the next root that the log commits to, if it is to be kept."""
        if self._cached_at != start:  # somebody else moved the position, backwards perhaps
            self._commitments, self._commitments_read = [], 0
        if new := list(commitments(self.store, self._commitments_read)):
            self._commitments_read = new[-1][0]
            every = [*self._commitments, *(root for _, root in new)]
            self._commitments = self._worth_keeping(every)
        self._commitments = [root for root in self._commitments if root.tree_size >= start]
        return min(
            [stop, *(root.tree_size for root in self._commitments if root.tree_size > start)]
        )

    def _is_committed(self, tree_size: int) -> bool:
        """The log commits to the root there, and it is worth keeping."""
        return any(tree_size == root.tree_size for root in self._commitments)

    def _worth_keeping(self, roots: list[CommittedRoot]) -> list[CommittedRoot]:
        """Without those that would be let go again at once; by tree size."""
        roots = sorted(roots)
        if self._clock_us is None:
            return roots
        with self.engine.connect() as connection:
            cited = set(connection.execute(select(t.cited.c.tree_size)).scalars())
        going = set(roots_to_let_go(roots, now_us=self._clock_us(), cited=cited))
        return [root for root in roots if root.tree_size not in going]


def commitments(store: LedgerStore, after: int = 0) -> Iterator[tuple[int, CommittedRoot]]:
    """What the log commits to, each with the version of its entry, from the one beyond `after`."""
    while some := store.read_stream(INDEX_STREAM, gt=after, limit=_COMMITMENTS_READ):
        for stored in some:
            after = stored.version
            try:
                entry, fact = read_stored(stored)
                if isinstance(fact, UsageIndexCommitted):
                    yield after, CommittedRoot(fact.tree_size, us_of_text(entry.recorded_at))
            except CandourError:
                continue  # of another release: its roots are not kept by this one


def _write_beside(connection: Connection, found: Additions) -> None:
    """Names of technologies, which source was heard when, and what commits to kept roots."""
    for leaf_index, fact in found.commitments:
        mark_committed(connection, fact, leaf_index)
    if found.names:
        names = [{"part": part, "name": name} for part, name in sorted(found.names.items())]
        connection.execute(insert_into(connection, t.names).on_conflict_do_nothing(), names)
    if found.sources:
        rows = [
            {
                "agency": agency,
                "source": source,
                "slot": slot,
                "first_leaf": first,
                "last_leaf": last,
            }
            for (agency, source, slot), (first, last) in sorted(found.sources.items())
        ]
        put = insert_into(connection, t.sources)
        later = {"last_leaf": put.excluded.last_leaf}
        keys = ["agency", "source", "slot"]
        connection.execute(put.on_conflict_do_update(index_elements=keys, set_=later), rows)
