"""How is an SQLite file opened that holds a secret and must not forget?

WAL with synchronous=FULL: a commit is on disk before anybody hears of it. Mode 0600 from its
first moment on, and so are the files that SQLite makes beside it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from ledger.errors import Refused
from ledger.limits import BUSY_TIMEOUT_S

_BUSY_PAUSE_S: Final = 0.02


class MemoryRefused(Refused):
    """The witness cannot work with this file; says what to do about it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


def open_private(path: Path) -> sqlite3.Connection:
    """A connection that threads may share one at a time; the file is made where missing.

    Transactions are begun and ended by hand.

    Args:
        path: In a folder that is there.
    Raises:
        MemoryRefused: Others than its owner can read it, it is no database, or it is locked.
    """
    _make_private(path)
    db = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    try:
        _use_wal(db)
        db.execute("PRAGMA synchronous = FULL")
    except sqlite3.DatabaseError as error:
        db.close()
        raise MemoryRefused(path, f"cannot be used: {error}") from None
    return db


def _make_private(path: Path) -> None:
    """An existing file is not opened: closing it would drop the locks SQLite holds on it."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            raise MemoryRefused(path, "can be read by others; chmod 600 it") from None
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _use_wal(db: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait for others who do the same just now."""
    give_up_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(_BUSY_PAUSE_S)
