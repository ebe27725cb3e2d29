"""Is a database that says nothing given up in time, and no sooner?"""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from ledger.store.answering import CONNECT, Answering, ServerSilent
from ledger.store.core import StoreUnavailable
from ledger.store.postgres import PostgresStore

SILENT_S = 0.5


@pytest.fixture
def connection(postgres_url: str) -> Iterator[Answering]:
    with Answering.connect(postgres_url, **CONNECT) as made:
        made.silent_s = SILENT_S
        yield made


def ask_two(connection: Answering) -> None:
    with connection.pipeline():
        connection.execute("SELECT pg_sleep(30)")
        connection.execute("SELECT 1").fetchone()


def test_silence_ends_a_connection(connection: Answering) -> None:
    """A statement that takes longer is given up, and nothing waits for it a second time."""
    began = time.monotonic()
    with pytest.raises(ServerSilent):
        ask_two(connection)
    assert SILENT_S * 0.9 < time.monotonic() - began < 10
    assert connection.closed


def test_a_server_that_says_something_is_waited_for(connection: Answering) -> None:
    """Rows that come one after another, for longer than a silence may last, are no silence."""
    rows = connection.execute(
        "SELECT n, pg_sleep(0.1), repeat('x', 20000) FROM generate_series(1, 12) AS n"
    ).fetchall()
    assert 12 == len(rows)


def test_whoever_waits_for_long_is_let(connection: Answering) -> None:
    """An audit reads whole tables in one statement."""
    connection.silent_s = None
    assert connection.execute("SELECT pg_sleep(1), 7").fetchone() == ("", 7)


def test_a_warning_of_something_else_is_no_failure(connection: Answering) -> None:
    """Only a cancelled wait for a standby leaves a commit in doubt."""
    connection.execute("DO $$ BEGIN RAISE WARNING 'of something else'; END $$")
    connection.check_replicated()


def test_store_is_unavailable_while_its_database_is_silent(
    postgres_url: str,
) -> None:
    """Somebody holds a table that a read needs: the reader is told, and the next one is served."""
    store = PostgresStore(postgres_url)
    try:
        with psycopg.connect(postgres_url) as holder:
            holder.execute("LOCK TABLE candour_main.head IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreUnavailable):
                store._read("SELECT root FROM {s}.head", silent_s=SILENT_S)
        assert 0 == store.head().tree_size
        assert store.writable()
    finally:
        store.close()
