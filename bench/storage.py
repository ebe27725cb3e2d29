"""How many bytes does each table of a ledger take, and its indexes?

    PostgreSQL: pg_table_size, pg_indexes_size      SQLite: dbstat, of both files

As the files lie there: free space within pages, dead rows and the free pages of a file count. What
does not: the write-ahead log, which is bounded, and is gone after a checkpoint.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from ledger.store.postgres import schema_of

KINDS: Final = ("log", "disclosures", "views", "usage index")
_DISCLOSURES: Final = frozenset({"disclosures", "performers"})
FREE: Final = "(free pages)"


@dataclass(frozen=True, slots=True)
class TableBytes:
    """Bytes of one table's rows, and of its indexes."""

    table: str
    rows: int
    indexes: int

    @property
    def all(self) -> int:
        return self.rows + self.indexes


def kind_of(table: str) -> str:
    """Which of KINDS a table belongs to; what is neither of the others is the log's."""
    if table.startswith("view_usage_"):
        return "usage index"
    if table.startswith("view_"):
        return "views"
    return "disclosures" if table in _DISCLOSURES else "log"


def by_kind(tables: Iterable[TableBytes]) -> dict[str, int]:
    """Bytes of each kind."""
    found = dict.fromkeys(KINDS, 0)
    for table in tables:
        found[kind_of(table.table)] += table.all
    return found


def table_bytes(data: Path, database_url: str | None, ledger: str = "main") -> list[TableBytes]:
    """Of every table of a ledger, the largest first."""
    if database_url is None:
        found = [
            *_sqlite(data / f"{ledger}.db"),
            *_sqlite(data / f"{ledger}.views.db", "view_"),
        ]
    else:
        found = _postgres(database_url, schema_of(ledger))
    return sorted(found, key=lambda table: (-table.all, table.table))


def _postgres(url: str, schema: str) -> list[TableBytes]:
    """Partitions count as their table."""
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT coalesce(pg_partition_root(c.oid)::oid, c.oid)::regclass::text,"
            " sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind IN ('r', 'p') GROUP BY 1",
            (schema,),
        ).fetchall()
    return [TableBytes(str(name).rpartition(".")[2], own, indexes) for name, own, indexes in rows]


def _sqlite(path: Path, prefix: str = "") -> list[TableBytes]:
    """Of one file; its free pages by a name of their own, under the prefix of its tables."""
    sizes: dict[str, dict[str, int]] = {}
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
        of: Mapping[str, tuple[str, str]] = {
            name: (table, kind)
            for name, table, kind in file.execute("SELECT name, tbl_name, type FROM sqlite_schema")
        }
        for name, size in file.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            table, kind = of.get(name, (prefix + name, "table"))
            sizes.setdefault(table, {"table": 0, "index": 0})[kind] += size
        (page,), (free,) = (
            file.execute(f"PRAGMA {pragma}").fetchone()
            for pragma in ("page_size", "freelist_count")
        )
    found = [TableBytes(name, size["table"], size["index"]) for name, size in sizes.items()]
    return [*found, TableBytes(prefix + FREE, page * free, 0)] if free else found
