"""Are bytes counted where they lie?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from bench.storage import by_kind, kind_of, table_bytes
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore
from ledger.store.view_tables import open_engine


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("entries", "log"),
        ("tile_hashes", "log"),
        ("disclosures", "disclosures"),
        ("performers", "disclosures"),
        ("view_uses", "views"),
        ("view_usage_node", "usage index"),
    ],
)
def test_table_is_of_its_kind(table: str, kind: str) -> None:
    """Log, disclosures, views and usage index are told apart by the names of their tables."""
    assert kind == kind_of(table)


def test_all_pages_of_both_files_are_some_tables(tmp_path: Path) -> None:
    """Tables, indexes and free pages together are the two files, to the byte."""
    SqliteStore(tmp_path / "main.db").close()
    open_engine(f"sqlite:///{tmp_path / 'main.views.db'}").dispose()
    with closing(sqlite3.connect(tmp_path / "main.db")) as file:
        file.execute("CREATE TABLE gone (much TEXT)")
        file.execute("INSERT INTO gone VALUES (?)", ("x" * 100_000,))
        file.execute("DROP TABLE gone")
        file.commit()
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(sqlite3.connect(tmp_path / "main.views.db")) as file:
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    tables = table_bytes(tmp_path, None)

    whole = sum((tmp_path / name).stat().st_size for name in ("main.db", "main.views.db"))
    assert whole == sum(table.all for table in tables) == sum(by_kind(tables).values())
    named = {table.table: table for table in tables}
    assert named["(free pages)"].rows > 100_000
    assert named["view_uses"].indexes > 0
    assert len(tables) == len(named)


def test_partitions_count_as_their_table(postgres_url: str) -> None:
    """On PostgreSQL tables and indexes together are all of the schema, partitions under their table's name."""
    PostgresStore(postgres_url).close()
    open_engine(postgres_url, "candour_main").dispose()

    tables = table_bytes(Path(), postgres_url)

    with psycopg.connect(postgres_url) as connection:
        ((whole, partitions),) = connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FILTER (WHERE relkind = 'r')::bigint,"
            " count(*) FILTER (WHERE relispartition AND relkind = 'r')"
            " FROM pg_class WHERE relnamespace = 'candour_main'::regnamespace"
        ).fetchall()
    assert whole == sum(table.all for table in tables)
    assert partitions >= 1
    named = {table.table for table in tables}
    assert {"entries", "view_uses", "view_usage_node"} <= named
    assert not {name for name in named if name.startswith("entries_")}
    assert len(tables) == len(named)
