"""What were the registers told, up to a tree size? Read once, and kept for the next who asks.

    tree size ─► newest register entry below it ─► kept? ─► else: the nearest kept before it, copied,
                                                            and the entries since added

Registers that were handed out never change: newer ones are copies that share their histories.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

from sqlalchemy import Engine, func, select

from ledger.errors import CandourError
from ledger.limits import MAX_CACHED_REGISTERS, PROJECTOR_BATCH
from ledger.projections.registers import Registers
from ledger.store import view_tables as t
from ledger.store.core import LedgerStore
from ledger.store.reading_entries import read_stored, shown_values


class RegisterSnapshots:
    """Registers of one ledger at tree sizes that its views hold. Safe to call from threads.

    What is disclosed is what was when an entry was read: whoever erases asks for a new process.
    """

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self._engine, self._store = engine, store
        self._lock = Lock()
        # By how many entries they hold of the log, the least recently asked for first.
        self._kept: dict[int, Registers] = {}

    def at(self, tree_size: int) -> Registers:
        """The registers as the first `tree_size` entries tell them; not to be added to."""
        with self._lock:
            end = self._end(tree_size)
            found = self._kept.pop(end, None)
            if found is None:
                found = self._made(end)
            self._kept[end] = found
            while len(self._kept) > MAX_CACHED_REGISTERS:
                del self._kept[next(iter(self._kept))]
            return found

    def _end(self, tree_size: int) -> int:
        """The smallest tree size with the same registers."""
        column = t.register_entries.c.leaf_index
        with self._engine.connect() as connection:
            newest = connection.execute(select(func.max(column)).where(column < tree_size))
            last: int | None = newest.scalar()
        return 0 if last is None else last + 1

    def _made(self, end: int) -> Registers:
        start = max((size for size in self._kept if size < end), default=0)
        registers = self._kept[start].copy() if start else Registers()
        column = t.register_entries.c.leaf_index
        while start < end:
            wanted = select(column).where(column >= start, column < end)
            with self._engine.connect() as connection:
                rows = connection.execute(wanted.order_by(column).limit(PROJECTOR_BATCH))
                leaves = list(rows.scalars())
            for stored in self._store.entries_at(leaves, with_disclosures=True):
                with suppress(CandourError):  # none that the views hold; a newer release's may be
                    entry, _fact = read_stored(stored)
                    registers.add(stored.leaf_index, entry, shown_values(stored))
            start = leaves[-1] + 1 if leaves else end
        return registers
