"""How do entries get into the usage index? By large batches, after the views, at their own pace.

    position (compare and swap) ► fold ► descend the trie, rehash what was touched ► commit

The position is a row of its own, so the index may lag behind the views and never runs ahead of
them. A batch ends at each tree size that an entry of the log commits to: made anew, the index
keeps the same roots.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.errors import CandourError
from ledger.events import UsageIndexCommitted
from ledger.limits import USAGE_BATCH
from ledger.store import usage_tables as t
from ledger.store.core import LedgerStore
from ledger.store.usage_fold import Additions, fold_entries
from ledger.store.usage_nodes import SqlNodes
from ledger.store.usage_roots import (
    INDEX_STREAM,
    keep_root,
    lock_position,
    mark_committed,
    newest_kept,
)
from ledger.store.view_writer import PositionMoved, read_stored
from ledger.usage_index import Node, insert


class UsageWriter:
    """Folds entries of one ledger into its usage index.

    Args:
        engine: Of view_tables.open_engine.
        store: Of the ledger.
    """

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self.engine, self.store = engine, store
        self._cache: dict[int, Node] = {}
        self._cached_at = -1  # the position that the cached nodes belong to
        self._commitments: list[int] = []  # tree sizes beyond the position that the log commits to
        self._commitments_read = 0  # of the stream, up to this version
        self.withheld = 0  # reports met here that no longer disclose their performer

    def position(self) -> int:
        """Entries that the index holds."""
        with self.engine.connect() as connection:
            held = connection.execute(select(t.position.c.tree_size)).scalar()
        return 0 if held is None else int(held)

    def advance(self, stop: int, *, batch: int = USAGE_BATCH) -> int:
        """One batch towards `stop`, which the views must hold; returns the position.

        Raises:
            PositionMoved: Another projector was here; nothing was written.
        """
        start = self.position()
        stop = self._end_of_batch(start, min(stop, start + batch))
        if stop <= start:
            return start
        entries = self.store.read_entries(start, stop - start, with_disclosures=True)
        assert len(entries) == stop - start, "the log has no gaps"
        with self.engine.begin() as connection:
            held = lock_position(connection)
            if held.tree_size != start:
                raise PositionMoved(f"the usage index is no longer at {start}")
            if self._cached_at != start:
                self._cache = {}
            self._cached_at = -1  # until this is committed
            found = fold_entries(entries, self.store, connection if start else None)
            nodes = SqlNodes(connection, next_id=held.next_id, cache=self._cache)
            kept = newest_kept(connection)
            root = insert(nodes, held.ref, found.registers, tree_size=stop, kept=kept)
            moved = update(t.position).values(
                tree_size=stop,
                root_id=root.node_id,
                root=root.hash,
                total=root.total,
                next_id=nodes.next_id,
            )
            connection.execute(moved)
            _write_beside(connection, found)
            if stop in self._commitments:
                keep_root(connection, stop, root)
            for leaf_index, fact in found.commitments:
                mark_committed(connection, fact, leaf_index)
            self._cache = nodes.cache
        self.withheld += found.withheld
        self._cached_at = stop
        return stop

    def catch_up(self, stop: int, *, batch: int = USAGE_BATCH) -> int:
        """All batches up to `stop`; returns the position."""
        done = self.position()
        while done < stop:
            try:
                done = self.advance(stop, batch=batch)
            except PositionMoved:
                done = self.position()
        return done

    def drop(self) -> None:
        """Forget the index: the next catch_up makes it anew from the log."""
        self._cached_at = -1
        with self.engine.begin() as connection:
            for table in t.metadata.sorted_tables:
                connection.execute(table.delete())

    def _end_of_batch(self, start: int, stop: int) -> int:
        """Where a batch must end: at the next root that the log commits to."""
        if self._cached_at != start:  # somebody else moved the position, backwards perhaps
            self._commitments, self._commitments_read = [], 0
        for stored in self.store.read_stream(INDEX_STREAM, gt=self._commitments_read):
            self._commitments_read = stored.version
            try:
                _, fact = read_stored(stored)
            except CandourError:
                continue  # of another release: its roots are not kept by this one
            if isinstance(fact, UsageIndexCommitted):
                self._commitments.append(fact.tree_size)
        self._commitments = sorted(size for size in self._commitments if size > start)
        return min([stop, *self._commitments[:1]])


def _write_beside(connection: Connection, found: Additions) -> None:
    """Names of technologies, and which source was heard when."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    if found.names:
        names = [{"part": part, "name": name} for part, name in sorted(found.names.items())]
        connection.execute(dialect.insert(t.names).on_conflict_do_nothing(), names)
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
        put = dialect.insert(t.sources)
        later = {"last_leaf": put.excluded.last_leaf}
        keys = ["agency", "source", "slot"]
        connection.execute(put.on_conflict_do_update(index_elements=keys, set_=later), rows)
