"""How does a file become one that many may read while one writes? (SQLite's write-ahead log)

SQLite's busy timeout does not cover the switch itself: whoever meets another connection in
the middle of it is told at once that the database is locked. So it is tried again, as long as
any other statement would wait.

Source: sqlite.org/wal.html, "Sometimes Queries Return SQLITE_BUSY In WAL Mode".
"""

from __future__ import annotations

import sqlite3
from time import sleep
from typing import Final

from ledger.limits import BUSY_TIMEOUT_S

_PAUSE_S: Final = 0.02  # a switch takes a few milliseconds, most of them for fsync


def use_wal(connection: sqlite3.Connection) -> None:
    """Put the file of a connection into WAL mode.

    Raises:
        sqlite3.OperationalError: Others held it for as long as BUSY_TIMEOUT_S.
    """
    for _attempt in range(round(BUSY_TIMEOUT_S / _PAUSE_S)):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            sleep(_PAUSE_S)
    connection.execute("PRAGMA journal_mode = WAL")
