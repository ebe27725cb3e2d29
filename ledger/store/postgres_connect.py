"""Does a connection reach PostgreSQL itself, or a pooler before it? (PgBouncer's transaction pooling)

    connect ──► is the server process that answers the one that greeted us?
        yes: statements are prepared there, and found again; reads are planned for one process
        no:  somebody pools in between; nothing may be left behind in a session

A pooler gives its clients cancel keys of its own, so what libpq takes for the server's process is
not `pg_backend_pid()`. Nobody needs to configure what can be seen. Beside prepared statements, and in a
session that is ours how reads are planned, nothing is left in one: other settings, locks and cursors
end with their transaction, and whoever follows a ledger asks again and again rather than LISTEN.

Source: https://www.pgbouncer.org/features.html; https://www.psycopg.org/psycopg3/docs/advanced/prepare.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg

from ledger.errors import Refused
from ledger.limits import STORE_CONNECT_S


class BehindPooler(Refused):
    """What is to be done needs a session of its own, and a pooler hands ours to others."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} needs a session of its own, and this URL leads to a pooler that shares them;"
            " give the URL of PostgreSQL itself"
        )
        self.what = what


def connect(url: str, *, autocommit: bool = False) -> psycopg.Connection[Any]:
    """A connection that is safe through a pooler; raises as `psycopg.connect`."""
    connection = psycopg.connect(url, connect_timeout=STORE_CONNECT_S, autocommit=autocommit)
    settle(connection)
    return connection


# Thousands of rows found by an index are one process's work. A table that has grown since it was
# analysed looks as if more were worth it: reading 700 entries took 6 ms with two workers to start,
# 0.7 without; and to compile a question's plan takes longer than most answers.
_ALONE: Final = "SET max_parallel_workers_per_gather = 0; SET jit = off"


def settle(connection: psycopg.Connection[Any]) -> None:
    """Make a new connection ours: it plans for short reads.

    Behind a pooler it is not: nothing is set (its `connect_query` may: deploy/postgres/pgbouncer.ini), and no statement is
    prepared that another server would be asked for.

    Raises:
        psycopg.OperationalError: It is gone already.
    """
    if is_pooled(connection):
        connection.prepare_threshold = None
        return
    with _by_itself(connection):
        connection.execute(_ALONE, prepare=False)


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """True where another process answers than the one that libpq would cancel. One round trip."""
    with _by_itself(connection):
        row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    return row is None or row[0] != connection.info.backend_pid


@contextmanager
def _by_itself(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """What is executed meanwhile begins no transaction, and ends with none that is rolled back."""
    before = connection.autocommit
    connection.autocommit = True
    try:
        yield
    finally:
        if not connection.closed:
            connection.autocommit = before


def refuse_pooler(connection: psycopg.Connection[Any], what: str) -> None:
    """Raises BehindPooler for what must have a session: dumps, snapshots, moves."""
    if is_pooled(connection):
        raise BehindPooler(what)
