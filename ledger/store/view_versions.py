"""How is a row replaced, and kept for those who ask as of before? By key, within one transaction.

put(key, since, values) ──► the row that holds is closed at `since`, the new one holds from there
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, bindparam, update

from ledger.store import view_tables as t
from ledger.store.view_rows import insert_rows

Key = tuple[Any, ...]


class Versions:
    """The rows of one table that a batch makes: of each key, one holds at a time.

    Args:
        table: With `since` and `until` after the key's columns in its primary key.
        key: The key's columns.
    """

    def __init__(self, table: Table, key: tuple[str, ...]) -> None:
        self._table, self._key = table, key
        self._held: dict[Key, dict[str, Any]] = {}  # of this batch, not closed
        self._rows: list[dict[str, Any]] = []
        self._closed: list[dict[str, Any]] = []

    def put(self, key: Key, since: int, **values: Any) -> None:
        """A row for a key that holds no other: it is new, or was closed."""
        row = {**dict(zip(self._key, key, strict=True)), "since": since, "until": t.STILL, **values}
        self._held[key] = row
        self._rows.append(row)

    def close(self, key: Key, until: int) -> None:
        """The row that holds, here or in the database, does so no longer."""
        held = self._held.pop(key, None)
        if held is not None:
            held["until"] = until
        else:
            parts = {f"k_{name}": part for name, part in zip(self._key, key, strict=True)}
            self._closed.append({**parts, "k_until": until})

    def flush(self, connection: Connection) -> None:
        """Write what is pending."""
        if self._closed:
            columns = self._table.c
            holds = [columns[name] == bindparam(f"k_{name}") for name in self._key]
            closing = update(self._table).where(*holds, columns.until == t.STILL)
            connection.execute(closing.values(until=bindparam("k_until")), self._closed)
        if self._rows:
            insert_rows(connection, self._table, self._rows)
        self._held, self._rows, self._closed = {}, [], []
