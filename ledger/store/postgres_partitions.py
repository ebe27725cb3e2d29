"""In which table does an entry stand, and is the next one there before it is needed?

    tree size ──is_short──► ahead: made after a commit, if nobody is in the way
    commit ──make_room──► made in the very transaction that would not fit, under the head's lock

So no append fails for want of a partition. Attaching one locks the parent against VACUUM and
other attaching alone; see postgres_steps.PARTITION.
"""

from __future__ import annotations

import logging
import re
from typing import Any, Final

import psycopg

from ledger.limits import ENTRIES_A_PARTITION, MAX_TREE_SIZE
from ledger.store.postgres_steps import BOUND, PARTITION

_END: Final = re.compile(r"TO \('?(\d+)'?\)")
_CHECK: Final = re.compile(r"leaf_index < '?(\d+)'?")
_NOWHERE: Final = MAX_TREE_SIZE + 1  # entries in one table end nowhere
_log = logging.getLogger("candour.store")


def first_bound(tree_size: int, entries_a_partition: int) -> int:
    """Where the table that is there ends once it is a partition: one partition of room, at least.

    Entries go on coming in while it is read for the check, and are held to the bound already.
    """
    return (tree_size // entries_a_partition + 2) * entries_a_partition


def bound_of(connection: psycopg.Connection[Any], schema: str) -> int | None:
    """The bound that a step has set on an `entries` that is no partition yet, if any."""
    rows = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s"
        " AND conrelid = to_regclass(%s)",
        (BOUND, f"{schema}.entries"),
    ).fetchall()
    found = _CHECK.search(rows[0][0]) if rows else None
    return None if found is None else int(found[1])


def end_of(connection: psycopg.Connection[Any], schema: str) -> int:
    """The first leaf index that no partition takes; beyond any where there are none."""
    rows = connection.execute(
        "SELECT pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits"
        " JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = to_regclass(%s)",
        (f"{schema}.entries",),
    ).fetchall()
    ends = [found[1] for (text,) in rows if (found := _END.search(str(text)))]
    return max(map(int, ends), default=_NOWHERE)


class Partitions:
    """What one process knows of a ledger's partitions. Under its writer's lock.

    Args:
        schema: Of the ledger.
        size: Leaf indexes of each that is made.
    """

    def __init__(self, schema: str, size: int = ENTRIES_A_PARTITION) -> None:
        self._schema, self._size = schema, size
        self._end = _NOWHERE
        self._again_at = 0  # after what was in the way

    def refresh(self, writer: psycopg.Connection[Any]) -> None:
        """Read how far they go."""
        self._end, self._again_at = end_of(writer, self._schema), 0

    def is_short(self, tree_size: int) -> bool:
        """True where the next should be made: less than half of one is left."""
        return self._end - tree_size < self._size // 2 and tree_size >= self._again_at

    def make_room(self, writer: psycopg.Connection[Any], tree_size: int) -> None:
        """See to it that this many entries have a place, within the transaction they come in."""
        if tree_size > self._end:
            writer.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._lock,))
            self._make(writer, tree_size)

    def make_ahead(self, writer: psycopg.Connection[Any], tree_size: int) -> None:
        """Make the next, within a transaction; where somebody is in the way, a while later."""
        # A tenth of what is left is worth another try.
        self._again_at = tree_size + max((self._end - tree_size) // 10, 1)
        try:
            with writer.transaction():  # a savepoint: what fails here is not missed yet
                writer.execute("SET LOCAL lock_timeout = '200ms'")
                (mine,) = writer.execute(
                    "SELECT pg_try_advisory_xact_lock(hashtext(%s))", (self._lock,)
                ).fetchone() or (False,)
                if mine:
                    self._make(writer, tree_size + self._size // 2)
        except psycopg.errors.LockNotAvailable:
            _log.info(
                "the next partition of entries waits for a lock; %s left", self._left(tree_size)
            )
        except psycopg.errors.InsufficientPrivilege:
            _log.warning(
                "the next partition of entries cannot be made, %s left: connect as the owner of"
                " schema %s, or run `candour db migrate` as that",
                *(self._left(tree_size), self._schema),
            )

    def _left(self, tree_size: int) -> int:
        return max(self._end - tree_size, 0)

    @property
    def _lock(self) -> str:
        return f"{self._schema}.partitions"

    def _make(self, writer: psycopg.Connection[Any], tree_size: int) -> None:
        self.refresh(writer)  # another process may have made it
        while self._end < tree_size:
            start, stop = self._end, self._end + self._size
            writer.execute(partition_sql(self._schema, start, stop).encode(), prepare=False)
            self._end = stop


def partition_sql(schema: str, start: int, stop: int) -> str:
    """What makes the partition of leaf indexes start to stop-1."""
    named = PARTITION.replace("{s}", schema).replace("{start}", str(start))
    return named.replace("{stop}", str(stop))


def give_room_back(writer: psycopg.Connection[Any], schema: str) -> None:
    """Take the bound away that a migration left behind on entries that are in one table still."""
    writer.execute(f"ALTER TABLE IF EXISTS {schema}.entries DROP CONSTRAINT IF EXISTS {BOUND}")
