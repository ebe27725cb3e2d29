"""How do entries become rows? By the batch, with the position in the same transaction.

    position (compare and swap) ► fold each entry ► close replaced rows ► insert ► commit

Two projectors may run: the row of the position is the lock, and the slower one starts over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from sqlalchemy import Connection, Engine, func, select, update

from ledger.errors import CandourError, Refused
from ledger.events import ToolUseSameAs
from ledger.projections.registers import Aliases
from ledger.store import usage_tables
from ledger.store import view_tables as t
from ledger.store.authority_histories import Histories
from ledger.store.core import LedgerStore, StoredEntry
from ledger.store.reading_entries import read_stored, shown_values
from ledger.store.view_batch import Batch
from ledger.store.view_names import aliases_at

__all__ = ["PositionMoved", "ViewWriter", "read_stored", "shown_values", "unread_count"]


class PositionMoved(Refused):
    """Another projector has folded these entries; start over from where it is."""


class ViewsReplaced(CandourError):
    """Another release made the views anew in its own layout; whoever opens them makes ours."""

    def __init__(self, layout: int) -> None:
        super().__init__(f"the views have layout {layout} now, not {t.LAYOUT}")
        self.layout = layout


class ViewWriter:
    """Folds entries of one ledger into its views.

    Args:
        engine: Of view_tables.open_engine.
        store: Of the ledger; asked for the history of a use that changes.
    """

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self.engine, self.store = engine, store
        self._names: dict[str, int] = {}
        self._histories = Histories(store, Aliases())
        self._names_at = -1  # the position they were read at, or -1

    def position(self) -> int:
        """Entries that the views hold. Raises ViewsReplaced."""
        with self.engine.connect() as connection:
            held = connection.execute(select(t.position.c.tree_size, t.position.c.layout)).one()
        if held.layout != t.LAYOUT:
            raise ViewsReplaced(held.layout)
        return int(held.tree_size)

    def apply(self, entries: Sequence[StoredEntry]) -> int:
        """Fold entries, which must go on from the position; returns the new position.

        Raises:
            PositionMoved: Another projector was here; nothing was written.
        """
        start = entries[0].leaf_index
        end = entries[-1].leaf_index + 1
        assert end - start == len(entries), "entries are contiguous"
        with self.engine.begin() as connection:
            moved = connection.execute(
                update(t.position)
                .where(t.position.c.tree_size == start, t.position.c.layout == t.LAYOUT)
                .values(tree_size=end)
            )
            if moved.rowcount != 1:
                raise PositionMoved(f"the views are no longer at {start}")
            if self._names_at != start:  # another projector has been at work since
                rows = connection.execute(select(t.names.c.name, t.names.c.id))
                self._names = dict(rows.tuples().all())
                self._histories = Histories(self.store, aliases_at(connection, start))
            self._names_at = -1  # until these are committed
            earlier = self._earlier(entries)
            Batch(connection, self.store, self._names, self._histories, entries, earlier).write()
        self._names_at = end
        return end

    def catch_up(self, *, batch: int, stop: int | None = None) -> int:
        """Fold everything up to the head (or `stop`); returns the position."""
        done = self.position()
        target = self.store.head().tree_size if stop is None else stop
        while done < target:
            entries = self.store.read_entries(
                done, min(batch, target - done), with_disclosures=True
            )
            try:
                done = self.apply(entries)
            except PositionMoved:
                done = self.position()
        return done

    def drop(self) -> None:
        """Forget everything folded: the next catch_up rebuilds it from the log.

        The usage index goes too, for it never runs ahead of the views.
        """
        self._names_at = -1
        with self.engine.begin() as connection:
            usage_tables.clear(connection)
            for table in reversed(t.metadata.sorted_tables):
                connection.execute(table.delete())
            connection.execute(t.position.insert().values(t.BEGINNING))

    def refresh_statistics(self) -> None:
        """Tell the query planner how the tables have grown."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA analysis_limit = 1000")
                connection.exec_driver_sql("ANALYZE")

    def _earlier(self, entries: Sequence[StoredEntry]) -> dict[str, list[StoredEntry]]:
        """The histories, before this batch, of uses that it changes, and of what they repeat."""
        start = entries[0].leaf_index
        told = {item.stream for item in entries if item.version == 1}
        asked = {
            item.stream
            for item in entries
            if item.version > 1 and item.stream.startswith("tool_use/")
        }
        asked |= _repeated(entries)
        histories: dict[str, list[StoredEntry]] = {}
        for _ in ("changed or repeated here", "repeated by what is changed here"):
            asked -= told
            found = self.store.entries_of_streams(sorted(asked)) if asked else []
            earlier = [item for item in found if item.leaf_index < start]
            for item in earlier:
                histories.setdefault(item.stream, []).append(item)
            told |= asked
            asked = _repeated(earlier)
        return histories


def _repeated(entries: Iterable[StoredEntry]) -> set[str]:
    """The uses that others are found to repeat: each is named inside a fact."""
    found = set()
    for stored in entries:
        if stored.topic == ToolUseSameAs.TOPIC:
            with suppress(CandourError):
                _entry, fact = read_stored(stored)
                if isinstance(fact, ToolUseSameAs):
                    found.add(fact.same_as)
    return found


def unread_count(connection: Connection, tree_size: int) -> int:
    """Entries below a tree size that this release could not fold."""
    below = t.unread.c.leaf_index < tree_size
    return int(connection.execute(select(func.count()).where(below)).scalar_one())
