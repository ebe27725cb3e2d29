"""What does a copy of a ledger's database hold? And may a restored one be served?

    copy ──facts──► Copied: origin, tree, newest checkpoint, how much stands beside the log
    restored database ──mark──► meta: not_servable, restored

What is protected stands in two tables of its own, which a backup keeps apart: whoever may hold
the log for ever may not hold names and reasons as long.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import psycopg

from ledger.limits import BUSY_TIMEOUT_S, STORE_CONNECT_S
from ledger.store.core import LedgerStore, Published, StoreUnavailable
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore

PROTECTED: Final = ("disclosures", "performers")  # no replay of the log brings them back
COUNTED: Final = ("entries", *PROTECTED, "checkpoints")
NOT_SERVABLE: Final = "not_servable"  # in `meta`: why `candour serve` refuses the ledger
RESTORED: Final = "restored"  # in `meta`: when, and from what

# Rows of a query, all of them.
Ask: TypeAlias = Callable[[str], list[Any]]


@dataclass(frozen=True, slots=True)
class Copied:
    """What one moment of a database holds.

    Members:
        meta: What the ledger says of itself.
        tree_size, root: Of its head; the root 32 bytes.
        newest: Its newest checkpoint; None where it published none.
        counts: Rows of each table in COUNTED.
        reports: Rows of `disclosures` with an identity: reports that are known when sent again.
    """

    meta: Mapping[str, str]
    tree_size: int
    root: bytes
    newest: Published | None
    counts: Mapping[str, int]
    reports: int


def facts(ask: Ask, within: str = "") -> Copied:
    """What the database behind a query holds.

    Args:
        ask: Within one transaction, so that all of it is of one moment.
        within: The schema and a dot; nothing for SQLite.
    """
    ((tree_size, root),) = ask(f"SELECT tree_size, root FROM {within}head")
    rows = ask(
        f"SELECT tree_size, note, published_us FROM {within}checkpoints"
        " ORDER BY tree_size DESC LIMIT 1"
    )
    counts = {table: ask(f"SELECT count(*) FROM {within}{table}")[0][0] for table in COUNTED}
    ((reports,),) = ask(f"SELECT count(identity) FROM {within}disclosures")
    newest = Published(*rows[0]) if rows else None
    meta = dict(ask(f"SELECT name, value FROM {within}meta"))
    return Copied(meta, tree_size, bytes(root), newest, counts, reports)


def mark(store: LedgerStore, name: str, value: str | None) -> None:
    """Set, exchange or take away one row of `meta`: a ledger's own word on how it came here.

    Raises:
        StoreUnavailable: It could not be written.
    """
    try:
        if isinstance(store, SqliteStore):
            with closing(sqlite3.connect(store.path, timeout=BUSY_TIMEOUT_S)) as file, file:
                mark_in(file, name, value)
            return
        assert isinstance(store, PostgresStore), "there are two stores"
        with psycopg.connect(store.url, connect_timeout=STORE_CONNECT_S) as connection:
            meta = f"{store.schema}.meta"
            connection.execute(f"DELETE FROM {meta} WHERE name = %b".encode(), (name,))
            if value is not None:
                connection.execute(f"INSERT INTO {meta} VALUES (%b, %b)".encode(), (name, value))
    except (sqlite3.Error, psycopg.Error) as error:
        raise StoreUnavailable(type(error).__name__) from error


def mark_in(file: sqlite3.Connection, name: str, value: str | None) -> None:
    """As `mark`, within a transaction of the caller's."""
    file.execute("DELETE FROM meta WHERE name = ?", (name,))
    if value is not None:
        file.execute("INSERT INTO meta VALUES (?, ?)", (name, value))
