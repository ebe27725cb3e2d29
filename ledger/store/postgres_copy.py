"""How does one ledger get from one PostgreSQL to another, while it is written to?

    source ──entries, by the batch──► appended at the target as if they came in now: the target is
                                      at every moment a whole ledger, a prefix of the source's
           ──what stands beside the log──► compared by digests of stretches of each table; the
                                      stretches that differ are copied, in one transaction

So it can be broken off anywhere and gone on with, and comes out the same. Tiles are not copied:
they follow from the entries, and that the roots agree shows that every entry came across.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from ledger.errors import Malformed, Refused
from ledger.limits import MAX_COMMIT_ENTRIES
from ledger.merkle import leaf_hash, new_tiles, root_at
from ledger.store.core import Growth, Head, LedgerStore, NewEntry, StoreUnavailable, Transaction
from ledger.store.postgres import PostgresStore
from ledger.store.postgres_connect import connect

# (what, done, of how many)
Progress = Callable[[str, int, int], None]

_STRETCH: Final = 65_536  # rows of one digest: millions of entries make a list that fits a screen


@dataclass(frozen=True, slots=True)
class Beside:
    """A table beside the log.

    Members:
        stretch: SQL of the stretch that a row belongs to, a text.
        within: Rows that a tree of so many entries may have, where later ones must wait.
    """

    name: str
    stretch: str
    within: str = "true"


BESIDE: Final = (
    Beside("disclosures", f"(leaf_index / {_STRETCH})::text", "leaf_index < {size}"),
    Beside("performers", "encode(substr(digest, 1, 1), 'hex')"),
    Beside("checkpoints", f"(tree_size / {_STRETCH})::text", "tree_size <= {size}"),
)
# Not behind the fence: the directory notes where it lists a ledger, whoever serves that.
TRACKING: Final = Beside("tracking", "''")
# Of the views nothing but this cannot be made anew: which roots bundles rest on.
CITED: Final = Beside("view_usage_cited", "''")
# Derived here, or the place's own.
_OWN: Final = frozenset({"meta", "head", "entries", "tile_hashes", "stream_versions"})


class NotACopy(Refused):
    """The target holds entries that the source does not."""

    def __init__(self, tree_size: int) -> None:
        super().__init__(
            f"the {tree_size} entries at the new place are not the first {tree_size} of this ledger"
        )
        self.tree_size = tree_size


class TableUnknown(Refused):
    """The source has a table, or columns of one, that this release would leave behind."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"the ledger's table {table} is not as this release makes it; run `candour db migrate`"
            " where the ledger is, or move it with the release that made it"
        )
        self.table = table


def check_prefix(source: LedgerStore, target: LedgerStore) -> None:
    """Raises NotACopy unless the target's tree is one that the source had."""
    size, root = target.head().tree_size, target.head().root
    try:
        same = size <= source.head().tree_size and root == root_at(size, source.read_tile)
    except Malformed:
        same = False
    if not same:
        raise NotACopy(size)


def copy_entries(source: LedgerStore, target: LedgerStore, progress: Progress) -> Head:
    """Append at the target what the source has now; returns the target's head.

    Raises:
        StoreUnavailable: Either is away; what was copied stays.
        NotACopy: Somebody else appends at the target.
    """
    stop = source.head().tree_size
    done = target.head().tree_size
    while done < stop:
        rows = source.read_entries(done, min(MAX_COMMIT_ENTRIES, stop - done))
        new = [
            NewEntry(row.stream, row.version, row.topic, row.entry, leaf_hash(row.entry))
            for row in rows
        ]
        with target.transaction() as transaction:
            _extend(transaction, done, new)
        done += len(new)
        progress("entries", done, stop)
    return target.head()


def _extend(transaction: Transaction, start: int, new: Sequence[NewEntry]) -> None:
    head, _, _ = transaction.begin([], [])
    if head.tree_size != start:
        raise NotACopy(head.tree_size)
    frontier, tiles = new_tiles(head.frontier, [item.leaf_hash for item in new])
    transaction.commit(Growth(start, list(new), tiles, Head(frontier, frontier.root())), None)


def copy_beside(
    source: PostgresStore, target: PostgresStore, tables: Sequence[Beside], tree_size: int
) -> int:
    """Make tables at the target as they are at the source; returns how many stretches differed.

    Args:
        tree_size: Rows of entries beyond it wait.
    Raises:
        TableUnknown: The source has one that is none of ours.
        StoreUnavailable: Either is away; nothing was copied.
    """
    try:
        with connect(source.url) as here, connect(target.url) as there:
            here.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            here.read_only = True
            for connection in (here, there):  # one waits while the other reads whole tables
                connection.execute("SET LOCAL statement_timeout = 0")
                connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            _refuse_unknown(here, source.schema)
            differing = [
                (table, _differing(here, there, source.schema, table, tree_size))
                for table in tables
            ]
            # All go before any comes: an identity may have passed from one row to another.
            for table, stretches in differing:
                there.execute(
                    f"DELETE FROM {target.schema}.{table.name}"
                    f" WHERE {table.stretch} = ANY(%s)".encode(),
                    (stretches,),
                )
            for table, stretches in differing:
                _copy(here, there, source.schema, table, stretches, tree_size)
            return sum(len(stretches) for _, stretches in differing)
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def _refuse_unknown(connection: psycopg.Connection[Any], schema: str) -> None:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
        " AND relkind IN ('r', 'p') AND NOT relispartition AND NOT starts_with(relname, 'view_')",
        (schema,),
    )
    known = _OWN | {table.name for table in (*BESIDE, TRACKING)}
    for name in sorted(str(name) for (name,) in rows):
        if name not in known:
            raise TableUnknown(name)


def _differing(
    here: psycopg.Connection[Any],
    there: psycopg.Connection[Any],
    schema: str,
    table: Beside,
    tree_size: int,
) -> list[str]:
    """The stretches of a table that are not the same on both sides, in order."""
    columns = _columns(here, schema, table.name)
    if not columns:  # views that were never made
        return []
    if columns != _columns(there, schema, table.name):
        raise TableUnknown(table.name)
    # A sum over digests is the same in whatever order rows are read, and in every release.
    sql = (
        f"SELECT {table.stretch}, count(*),"
        f" sum(('x' || left(md5(ROW({columns})::text), 15))::bit(60)::bigint)"
        f" FROM {schema}.{table.name} WHERE {table.within.format(size=tree_size)} GROUP BY 1"
    ).encode()
    sides = []
    for connection in (here, there):
        connection.execute("SET LOCAL bytea_output = hex")
        sides.append({row[0]: row[1:] for row in connection.execute(sql)})
    ours, theirs = sides
    return sorted(one for one in ours.keys() | theirs.keys() if ours.get(one) != theirs.get(one))


def _columns(connection: psycopg.Connection[Any], schema: str, table: str) -> str:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s)"
        " AND attnum > 0 AND NOT attisdropped ORDER BY attname",
        (f"{schema}.{table}",),
    )
    return ", ".join(f'"{name}"' for (name,) in rows)


def _copy(
    here: psycopg.Connection[Any],
    there: psycopg.Connection[Any],
    schema: str,
    table: Beside,
    stretches: list[str],
    tree_size: int,
) -> None:
    if not stretches:
        return
    columns = _columns(here, schema, table.name)
    out = (
        f"COPY (SELECT {columns} FROM {schema}.{table.name} WHERE {table.stretch} = ANY(%s)"
        f" AND ({table.within.format(size=tree_size)})) TO STDOUT"
    ).encode()
    into = f"COPY {schema}.{table.name} ({columns}) FROM STDIN".encode()
    with (
        here.cursor().copy(out, (stretches,)) as rows,
        there.cursor().copy(into) as taken,
    ):
        for block in rows:
            taken.write(block)
