"""How is a database lost at its n-th call? By the drivers' own classes, which count and break.

    with broken(Breaker(nth=7, when=Fault.AFTER)):      every connection that is opened in here
        store ──execute, executemany, commit──► driver   ├ before: the call never gets there
                                                         └ after: it did, and no answer came back

What breaks a connection: it raises what the driver raises, once or until it is mended; or the
process ends where it stands. PostgreSQL's connection is closed besides, as it is when lost.
A call counts where it may change something: all of a transaction, and no read outside of one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import Any, Final, TypeVar
from unittest.mock import patch

import psycopg
from psycopg.pq import TransactionStatus

from ledger.store.answering import Answering
from tests.faults.commits import Fault

T = TypeVar("T")
KILLED: Final = 137  # the exit status of who was killed, by us or by a signal
_READS: Final = ("SELECT", "PRAGMA", "ROLLBACK")


class How(Enum):
    """What becomes of who makes the call."""

    ONCE = "lost once"  # the next call works again
    FOR_GOOD = "lost until mended"  # so does no rollback
    KILLED = "killed"


class Breaker:
    """Breaks one call of all that go through it.

    Args:
        nth: From 0; None: none, it only counts.
        when: Before the call got to the database, or after.
        how: What then happens.
    """

    def __init__(self, nth: int | None = None, when: Fault = Fault.BEFORE, how: How = How.ONCE):
        self._nth, self._when, self._how = nth, when, how
        self._lock = threading.Lock()
        self.calls = 0
        self.at = ""  # the call that was broken
        self._mended = False

    @property
    def broke(self) -> bool:
        return self._nth is not None and self.calls > self._nth

    def mend(self) -> None:
        """From now on everything works."""
        self._mended = True

    def around(
        self, said: str, counts: bool, call: Callable[[], T], lose: Callable[[], Exception]
    ) -> T:
        """Make a call, or lose it."""
        if self._mended:
            return call()
        if not counts:
            if self._how is How.FOR_GOOD and self.broke:
                raise lose()
            return call()
        with self._lock:
            number, self.calls = self.calls, self.calls + 1
        if number != self._nth:
            if self._how is How.FOR_GOOD and self.broke:
                raise lose()
            return call()
        self.at = said
        if self._when is Fault.AFTER:
            call()  # what it gave is let go of: an open cursor would hold the database's snapshot
        if self._how is How.KILLED:
            os._exit(KILLED)
        raise lose()


_breaker = Breaker()


def _word(statement: Any) -> str:
    text = statement.decode() if isinstance(statement, bytes) else str(statement)
    return text.lstrip().partition(" ")[0].upper()


# --- SQLite -----------------------------------------------------------------------
class _SqliteCursor(sqlite3.Cursor):
    def _around(self, statement: str, call: Callable[[], T]) -> T:
        word, inside = _word(statement), self.connection.in_transaction
        counts = word not in _READS or (inside and word == "SELECT")
        return _breaker.around(word, counts, call, self._lost)

    def _lost(self) -> Exception:
        """Closes the cursor: kept by the traceback, it would hold its connection's locks."""
        self.close()
        return _sqlite_lost()

    def execute(self, statement: str, *args: Any) -> Any:
        return self._around(statement, lambda: super(_SqliteCursor, self).execute(statement, *args))

    def executemany(self, statement: str, *args: Any) -> Any:
        return self._around(
            statement, lambda: super(_SqliteCursor, self).executemany(statement, *args)
        )


class _SqliteConnection(sqlite3.Connection):
    def cursor(self, factory: Any = _SqliteCursor) -> Any:
        return super().cursor(factory)

    def execute(self, statement: str, *args: Any) -> Any:
        return self.cursor().execute(statement, *args)

    def executemany(self, statement: str, *args: Any) -> Any:
        return self.cursor().executemany(statement, *args)

    def commit(self) -> None:
        _breaker.around("COMMIT", self.in_transaction, super().commit, _sqlite_lost)

    def rollback(self) -> None:
        _breaker.around("ROLLBACK", False, super().rollback, _sqlite_lost)


def _sqlite_lost() -> Exception:
    return sqlite3.OperationalError("disk I/O error")


def _connect_sqlite(pages: int, *args: Any, **kwargs: Any) -> Any:
    connection = _CONNECT_SQLITE(*args, **{**kwargs, "factory": _SqliteConnection})
    connection.execute(f"PRAGMA wal_autocheckpoint = {pages}")
    return connection


_CONNECT_SQLITE: Final = sqlite3.connect


# --- PostgreSQL -------------------------------------------------------------------
class _PostgresCursor(psycopg.Cursor[Any]):
    def _around(self, statement: Any, call: Callable[[], T]) -> T:
        word, connection = _word(statement), self.connection
        inside = connection.info.transaction_status != TransactionStatus.IDLE
        counts = word not in _READS or (inside and word == "SELECT")
        return _breaker.around(word, counts, call, lambda: _postgres_lost(connection))

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        return self._around(
            query, lambda: super(_PostgresCursor, self).execute(query, *args, **kwargs)
        )

    def executemany(self, query: Any, *args: Any, **kwargs: Any) -> None:
        self._around(
            query, lambda: super(_PostgresCursor, self).executemany(query, *args, **kwargs)
        )


class _PostgresConnection(Answering):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = _PostgresCursor

    def commit(self) -> None:
        _breaker.around("COMMIT", True, super().commit, lambda: _postgres_lost(self))


def _postgres_lost(connection: psycopg.Connection[Any]) -> Exception:
    connection.pgconn.finish()
    return psycopg.OperationalError("server closed the connection unexpectedly")


@contextmanager
def broken(breaker: Breaker, *, checkpoint_pages: int = 1_000) -> Iterator[Breaker]:
    """Whatever is opened in this block goes through a breaker, until the block is left.

    Args:
        checkpoint_pages: Of SQLite's write-ahead log; 1,000 is SQLite's own.
    """
    global _breaker
    before, _breaker = _breaker, breaker
    try:
        with (
            patch("sqlite3.connect", partial(_connect_sqlite, checkpoint_pages)),
            patch("sqlite3.dbapi2.connect", partial(_connect_sqlite, checkpoint_pages)),
            patch("ledger.store.postgres.Answering", _PostgresConnection),
            patch("ledger.store.view_tables.Answering", _PostgresConnection),
        ):
            yield breaker
    finally:
        _breaker = before
