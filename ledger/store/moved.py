"""Has this database given its ledger away? The fence that keeps two places from going on at once.

    seal ──row `moved` in meta, triggers──► no release appends, publishes or names performers here
      ├─unseal────► as before: the move was aborted
      └─hand_over─► for good: from now on another database goes on with this ledger

The fence stands in the database, so that it holds front-ends of every release, started or not,
and is up or not in one transaction, under the lock that appends wait for. `unseal` and
`hand_over` change the same row, so only one of them comes about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg

from ledger.errors import Refused
from ledger.limits import LOCK_TIMEOUT_S
from ledger.store.core import StoreUnavailable
from ledger.store.postgres_connect import connect

MOVED: Final = "moved"  # in `meta`: where the ledger has gone, as Mark.to_text
_CONSTRAINT: Final = "candour_moved"  # how the fence's error is told from others
_FENCED: Final = ("head", "entries", "disclosures", "performers", "checkpoints")

# 25006 is what a server that is read-only says: earlier releases tell callers to come again.
_FENCE: Final = f"""
CREATE OR REPLACE FUNCTION {{s}}.refuse_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'this ledger is moved to another database'
    USING ERRCODE = '25006', CONSTRAINT = '{_CONSTRAINT}',
    HINT = 'candour ledgers list --routes says where';
END $$;
""" + "".join(
    f"CREATE TRIGGER moved BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{s}}.{table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION {s}.refuse_moved();\n"
    for table in _FENCED
)


class LedgerMoved(Refused):
    """This database has given the ledger away, or is about to; nothing is appended or signed here.

    Args:
        to: Where it goes on, without a password; None where only the fence was met.
    """

    def __init__(self, to: str | None = None) -> None:
        where = "to another database" if to is None else f"to {to}"
        super().__init__(
            f"this ledger is being moved {where}, or was; nothing is appended or signed here. It"
            " goes on there once front-ends are started with the new route"
        )
        self.to = to


class NotSealed(Refused):
    """What is to be undone or ended is not under way."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the old place says of a move.

    Members:
        id: Of this move; the copy says the same.
        to: The new place, for people: no password.
        sealed_at: RFC 3339.
        handed_over: True once the copy may go on: from then on there is no way back.
    """

    id: str
    to: str
    sealed_at: str
    handed_over: bool = False

    def to_text(self) -> str:
        return json.dumps(
            {
                "id": self.id,
                "to": self.to,
                "sealed_at": self.sealed_at,
                "handed_over": self.handed_over,
            },
            sort_keys=True,
        )

    @classmethod
    def of(cls, meta: dict[str, str]) -> Mark | None:
        """What a ledger's `meta` says; None where it stays."""
        text = meta.get(MOVED)
        return None if text is None else cls(**json.loads(text))


def refuse_moved(meta: dict[str, str]) -> None:
    """Raises LedgerMoved where a ledger's `meta` says so."""
    mark = Mark.of(meta)
    if mark is not None:
        raise LedgerMoved(mark.to)


def is_fence(error: psycopg.Error) -> bool:
    """True where it was the fence that refused a statement."""
    return error.diag.constraint_name == _CONSTRAINT


def seal(url: str, schema: str, mark: Mark) -> None:
    """Put up the fence: what has begun to commit is waited for, nothing comes after.

    Raises:
        LedgerMoved: There is one already.
        StoreUnavailable: It is not known whether it is up.
    """
    with _transaction(url, schema) as (connection, standing):
        if standing is not None:
            raise LedgerMoved(standing.to)
        connection.execute(_FENCE.replace("{s}", schema).encode())
        _write(connection, schema, MOVED, mark.to_text())


def unseal(url: str, schema: str) -> Mark:
    """Take down the fence, whoever put it up; raises as `seal`, and LedgerMoved, NotSealed."""
    with _transaction(url, schema) as (connection, standing):
        if standing is None:
            raise NotSealed("no move has stopped this ledger: there is nothing to abort")
        if standing.handed_over:
            raise LedgerMoved(standing.to)
        # The triggers go with it. The lock order is that of `seal`: the head first.
        connection.execute(f"DROP FUNCTION {schema}.refuse_moved() CASCADE".encode())
        _write(connection, schema, MOVED, None)
        return standing


def hand_over(url: str, schema: str, move_id: str) -> None:
    """From now on the copy goes on, and nobody can take that back.

    Raises:
        NotSealed: The move was aborted meanwhile; the copy must not be opened.
        StoreUnavailable: It is not known; try again.
    """
    with _transaction(url, schema) as (connection, standing):
        if standing is None or standing.id != move_id:
            raise NotSealed("the move was aborted meanwhile")
        _write(connection, schema, MOVED, replace(standing, handed_over=True).to_text())


def write_meta(url: str, schema: str, rows: Mapping[str, str | None]) -> None:
    """Set rows of `meta`, or take away those of None, in one transaction. Raises StoreUnavailable."""
    with _transaction(url, schema) as (connection, _):
        for name, value in rows.items():
            _write(connection, schema, name, value)


def _write(connection: psycopg.Connection[Any], schema: str, name: str, value: str | None) -> None:
    if value is None:
        connection.execute(f"DELETE FROM {schema}.meta WHERE name = %b".encode(), (name,))
        return
    connection.execute(
        f"INSERT INTO {schema}.meta VALUES (%b, %b)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value".encode(),
        (name, value),
    )


@contextmanager
def _transaction(url: str, schema: str) -> Iterator[tuple[psycopg.Connection[Any], Mark | None]]:
    """Under the lock that every append waits for, with the mark that stands."""
    try:
        with connect(url) as connection:
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'".encode())
            connection.execute("SET LOCAL synchronous_commit = on")
            connection.execute(f"SELECT FROM {schema}.head FOR UPDATE".encode())
            row = connection.execute(
                f"SELECT value FROM {schema}.meta WHERE name = %b".encode(), (MOVED,)
            ).fetchone()
            yield connection, None if row is None else Mark.of({MOVED: row[0]})
    except psycopg.Error as error:
        raise StoreUnavailable(type(error).__name__) from error
