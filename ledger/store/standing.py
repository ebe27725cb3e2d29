"""What does a database promise, and what may we do in it? For `candour doctor`; it reads only.

SQLite: the pragmas of the store's own connections. PostgreSQL: the server's settings, and the
privileges of the role that we are.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from ledger.limits import STORE_CONNECT_S
from ledger.store.core import LedgerStore, StoreUnavailable
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore

_FULL: Final = 2  # of PRAGMA synchronous
# What the store writes; each of them is read too.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "meta": ("INSERT",),
    "head": ("UPDATE",),
    "entries": ("INSERT",),
    "tile_hashes": ("INSERT",),
    "disclosures": ("INSERT", "UPDATE"),
    "performers": ("INSERT",),
    "checkpoints": ("INSERT", "UPDATE"),
    "tracking": ("INSERT", "UPDATE"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a ledger's database stands.

    Members:
        server: What it is, for a person: `SQLite 3.40.1`, `PostgreSQL 15.14`.
        role: Who we are there; the file's own path for SQLite.
        superuser: True where nothing is forbidden to that role.
        read_only: True where nothing can be written.
        lacking: Privileges that the store needs and has not, as `INSERT on entries`.
        settings: By name, as the server says them, of those that durability rests on.
        undurable: Those of them by which something acknowledged could be lost, in words.
        bytes: Of the ledger with its indexes; in PostgreSQL of its views too.
    """

    server: str
    role: str
    superuser: bool
    read_only: bool
    lacking: tuple[str, ...]
    settings: Mapping[str, str]
    bytes: int
    undurable: tuple[str, ...] = field(default=())


def standing(store: LedgerStore) -> Standing:
    """How it stands now. Raises StoreUnavailable."""
    try:
        if isinstance(store, SqliteStore):
            return _of_file(store)
        assert isinstance(store, PostgresStore), "there are two stores"
        return _of_server(store)
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        raise StoreUnavailable(type(error).__name__) from error


def _of_file(store: SqliteStore) -> Standing:
    pragmas = store.pragmas("journal_mode", "synchronous")
    undurable = []
    if pragmas["synchronous"] != str(_FULL):
        undurable.append(f"synchronous is {pragmas['synchronous']}, not {_FULL} (FULL)")
    path = Path(store.path)
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return Standing(
        server=f"SQLite {sqlite3.sqlite_version}",
        role=store.path,
        superuser=False,
        read_only=not writable,
        lacking=(),
        settings=pragmas,
        undurable=tuple(undurable),
        bytes=sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*")),
    )


def _of_server(store: PostgresStore) -> Standing:
    names = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")
    with psycopg.connect(store.url, connect_timeout=STORE_CONNECT_S) as connection:

        def one(sql: str, *parameters: object) -> str:
            row = connection.execute(sql.encode(), parameters).fetchone()
            assert row is not None, "a function gives a row"
            return str(row[0])

        settings = {name: one("SELECT current_setting(%s)", name) for name in names}
        undurable = [
            f"{name} is off: what is acknowledged can be lost or torn in a crash"
            for name in ("fsync", "full_page_writes")
            if settings[name] != "on"
        ]
        needs = dict(NEEDS)
        if one("SELECT to_regclass(%s)", f"{store.schema}.stream_versions") != "None":
            needs["stream_versions"] = ("INSERT",)  # a trigger's, on our behalf
        lacking = [
            f"{privilege} on {table}"
            for table, wanted in needs.items()
            for privilege in ("SELECT", *wanted)
            if one("SELECT has_table_privilege(%s, %s)", f"{store.schema}.{table}", privilege)
            != "True"
        ]
        owner = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(%s)"
        if one(owner, f"{store.schema}.entries") != "True":
            lacking.append("ownership of entries (for the next partition)")
        if one("SELECT has_schema_privilege(%s, 'CREATE')", store.schema) != "True":
            lacking.append(f"CREATE on schema {store.schema} (for views)")
        size = one(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class"
            " WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'",
            store.schema,
        )
        return Standing(
            server=f"PostgreSQL {one('SHOW server_version')}",
            role=one("SELECT current_user"),
            superuser=one("SELECT current_setting('is_superuser')") == "on",
            read_only=one("SHOW transaction_read_only") == "on",
            lacking=tuple(lacking),
            settings=settings,
            undurable=tuple(undurable),
            bytes=int(size),
        )
