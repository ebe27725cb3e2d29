"""Which moment of a PostgreSQL ledger is copied? One snapshot, which several pg_dumps share.

    BEGIN REPEATABLE READ ──pg_export_snapshot──► id ──► pg_dump --snapshot (log)
        └► what it holds, for the manifest             └► pg_dump --snapshot (what is protected)

Source: https://www.postgresql.org/docs/15/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from ledger.limits import STORE_CONNECT_S
from ledger.store.copied import Copied, facts
from ledger.store.core import StoreMismatch, StoreUnavailable
from ledger.store.postgres_connect import refuse_pooler


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment of a database, for as long as whoever holds it goes on."""

    id: str
    held: Copied


@contextmanager
def snapshot(url: str, schema: str) -> Iterator[Snapshot]:
    """One moment of a ledger's schema; it can be dumped until the block is left.

    Raises:
        StoreMismatch: There is no such ledger.
        BehindPooler: The URL leads to a pooler.
        StoreUnavailable: The server cannot be reached, or gives no snapshot away.
    """
    try:
        with psycopg.connect(url, connect_timeout=STORE_CONNECT_S) as connection:
            refuse_pooler(connection, "a backup")
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            # A dump of millions of entries takes longer than a server may let us be idle.
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            if not _there(connection, schema):
                raise StoreMismatch(f"there is no ledger in schema {schema}")
            row = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert row is not None, "a function gives a row"
            held = facts(lambda sql: connection.execute(sql.encode()).fetchall(), f"{schema}.")
            yield Snapshot(str(row[0]), held)
    except psycopg.Error as error:
        raise StoreUnavailable(f"{type(error).__name__}: {_first_line(error)}") from error


def schema_exists(url: str, schema: str) -> bool:
    """True where a database has this schema, whatever is in it. Raises StoreUnavailable."""
    try:
        with psycopg.connect(url, connect_timeout=STORE_CONNECT_S) as connection:
            row = connection.execute("SELECT to_regnamespace(%s)", (schema,)).fetchone()
            return row is not None and row[0] is not None
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def drop_schema(url: str, schema: str) -> None:
    """Take away what a restore that failed has begun. Raises StoreUnavailable."""
    try:
        with psycopg.connect(url, connect_timeout=STORE_CONNECT_S) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error


def _there(connection: psycopg.Connection[tuple[object, ...]], schema: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s)", (f"{schema}.head",)).fetchone()
    return row is not None and row[0] is not None


def _first_line(error: psycopg.Error) -> str:
    return (str(error).splitlines() or ["no more is known"])[0]
