"""What does one commit write in SQLite? Rows in and out of one transaction.

The transaction is BEGIN IMMEDIATE, by sqlite.py, which has the rest of the store; the tables are
sqlite_steps.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from ledger.errors import Refused
from ledger.merkle import Frontier
from ledger.store.chunks import chunks
from ledger.store.core import (
    Growth,
    Head,
    HeldIdentities,
    StoreMismatch,
    Tracking,
    Transaction,
)


def marks(items: Sequence[Any], each: str = "?") -> str:
    return ",".join([each] * len(items))


def _insert(writer: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, many a statement: each step of SQLite lets another thread have Python."""
    for some in chunks(rows):
        values = marks(some, f"({marks(some[0])})")
        writer.execute(f"INSERT INTO {table} VALUES {values}", [v for row in some for v in row])


def store_position(writer: sqlite3.Connection, tracking: Tracking) -> None:
    (newest,) = writer.execute(
        "SELECT max(notification_id) FROM tracking WHERE follower = ?", (tracking.follower,)
    ).fetchone()
    if newest is not None and newest >= tracking.notification_id:
        raise Refused(f"{tracking.follower} has processed {newest} already")
    writer.execute("DELETE FROM tracking WHERE follower = ?", (tracking.follower,))
    writer.execute(
        "INSERT INTO tracking VALUES (?, ?)", (tracking.follower, tracking.notification_id)
    )


class SqliteTransaction(Transaction):
    """Rows in and out of one BEGIN IMMEDIATE."""

    def __init__(self, writer: sqlite3.Connection) -> None:
        self._writer = writer

    def begin(
        self, identities: list[bytes], streams: list[tuple[str, int]]
    ) -> tuple[Head, HeldIdentities, list[tuple[str, int]]]:
        root, frontier = self._writer.execute("SELECT root, frontier FROM head").fetchone()
        held: dict[bytes, tuple[int, bytes | None]] = {}
        for some in chunks(identities):
            for identity, leaf_index, content in self._writer.execute(
                f"SELECT identity, leaf_index, content FROM disclosures WHERE identity IN ({marks(some)})",
                some,
            ):
                held[identity] = (leaf_index, content)
        taken: list[tuple[str, int]] = []
        for pairs in chunks(streams):
            taken += self._writer.execute(
                "SELECT stream, version FROM entries WHERE (stream, version) IN "
                f"(VALUES {marks(pairs, '(?,?)')})",
                [value for pair in pairs for value in pair],
            ).fetchall()
        return Head(Frontier.from_bytes(frontier), root), held, taken

    def commit(self, growth: Growth, tracking: Tracking | None) -> None:
        writer, first = self._writer, growth.old_size
        replaced = [(item.replaces,) for item in growth.entries if item.replaces is not None]
        if replaced:
            writer.executemany(
                "UPDATE disclosures SET identity = NULL WHERE leaf_index = ?", replaced
            )
        _insert(
            writer,
            "entries",
            [
                (leaf_index, item.stream, item.version, item.topic, item.entry)
                for leaf_index, item in enumerate(growth.entries, first)
            ],
        )
        _insert(
            writer,
            "disclosures",
            [
                (leaf_index, item.identity, item.content, item.disclosures)
                for leaf_index, item in enumerate(growth.entries, first)
                if item.identity is not None or item.disclosures is not None
            ],
        )
        _insert(
            writer,
            "tile_hashes",
            [(tile.level, tile.index, tile.offset, tile.hashes) for tile in growth.tiles],
        )
        swapped = writer.execute(
            "UPDATE head SET tree_size = ?, root = ?, frontier = ? WHERE tree_size = ?",
            (growth.head.tree_size, growth.head.root, growth.head.frontier.to_bytes(), first),
        )
        if swapped.rowcount != 1:
            raise StoreMismatch("the head moved under its own lock")
        if tracking is not None:
            store_position(writer, tracking)
        writer.execute("COMMIT")
