"""How does a commit fail? On purpose, before or after the database made it durable.

break_commits(store, plan)   the next commits fail as the plan says; the caller cannot know how
break_call(store, nth, …)    one call to the database fails, wherever in the commit it stands
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Any

import psycopg

from ledger.store.core import Growth, LedgerStore, Tracking, Transaction
from ledger.store.sqlite import SqliteStore


class Fault(Enum):
    """When the connection is lost: nothing was committed, or all of it was."""

    BEFORE = "before"
    AFTER = "after"


def lost(store: LedgerStore) -> Exception:
    """What the driver of this store raises when its database goes away."""
    if isinstance(store, SqliteStore):
        return sqlite3.OperationalError("lost on purpose")
    return psycopg.OperationalError("lost on purpose")


class _Breaking(Transaction):
    def __init__(self, inner: Transaction, plan: deque[Fault | None], error: Exception) -> None:
        self._inner, self._plan, self._error = inner, plan, error

    def begin(self, identities: list[bytes], streams: list[tuple[str, int]]) -> Any:
        return self._inner.begin(identities, streams)

    def commit(self, growth: Growth, tracking: Tracking | None) -> None:
        fault = self._plan.popleft() if self._plan else None
        if fault is Fault.BEFORE:
            raise self._error
        self._inner.commit(growth, tracking)
        if fault is Fault.AFTER:
            raise self._error


def break_commits(store: LedgerStore, plan: deque[Fault | None]) -> None:
    """Let commits of this store fail as the plan says, one item a commit; mend it to stop."""
    transaction = type(store).transaction

    @contextmanager
    def breaking() -> Iterator[Transaction]:
        with transaction(store) as inner:
            yield _Breaking(inner, plan, lost(store))

    store.transaction = breaking  # type: ignore[method-assign]


def mend(store: LedgerStore) -> None:
    """The store's commits work again."""
    store.__dict__.pop("transaction", None)


class _Connection:
    """A writer's connection that is lost at its nth call; a rollback is no call."""

    def __init__(self, inner: Any, nth: int, when: Fault, error: Exception) -> None:
        self._inner, self._left, self._when, self._error = inner, nth, when, error

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        self._left -= 1
        if self._left == -1 and self._when is Fault.BEFORE:
            raise self._error
        result = getattr(self._inner, name)(*args, **kwargs)
        if self._left == -1:
            del result  # an open cursor, kept by the traceback, would hold the database's snapshot
            raise self._error
        return result

    @property
    def survived(self) -> bool:
        return self._left >= 0

    def execute(self, statement: str, *args: Any, **kwargs: Any) -> Any:
        if statement == "ROLLBACK":
            return self._inner.execute(statement)
        return self._call("execute", statement, *args, **kwargs)

    def executemany(self, *args: Any) -> Any:
        return self._call("executemany", *args)

    def commit(self) -> Any:
        return self._call("commit")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@contextmanager
def _broken(store: Any, connection: _Connection) -> Iterator[_Connection]:
    inner, store._writer = store._writer, connection
    try:
        yield connection
    finally:
        if store._writer is connection:
            store._writer = inner


def break_call(store: LedgerStore, *, nth: int, when: Fault) -> AbstractContextManager[_Connection]:
    """In this block the writer's connection is lost at its nth call, from 0.

    Yields the connection; it `survived` where there were not so many calls.
    """
    with store.transaction() as transaction:  # the writer is connected
        transaction.begin([], [])
    return _broken(store, _Connection(store._writer, nth, when, lost(store)))  # type: ignore[attr-defined]
