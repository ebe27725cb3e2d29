"""Which entries are the registers', up to a tree size? In leaf order, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Engine, select

from ledger.limits import PROJECTOR_BATCH
from ledger.store import view_tables as t
from ledger.store.core import LedgerStore, StoredEntry


def register_entries(
    engine: Engine, store: LedgerStore, tree_size: int
) -> Iterator[Sequence[StoredEntry]]:
    """Entries of the registers below `tree_size`, with what is disclosed of them.

    Args:
        engine: Over views that hold as many entries.
    """
    column, start = t.register_entries.c.leaf_index, 0
    while True:
        wanted = select(column).where(column >= start, column < tree_size).order_by(column)
        with engine.connect() as connection:
            leaves = list(connection.execute(wanted.limit(PROJECTOR_BATCH)).scalars())
        if not leaves:
            return
        yield store.entries_at(leaves, with_disclosures=True)
        start = leaves[-1] + 1
