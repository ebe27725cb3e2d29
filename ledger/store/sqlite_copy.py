"""How is a SQLite ledger copied while it is written to? And a copy put where there is none?

    main.db ──backup API, one read transaction──► whole.db ──┬─VACUUM INTO──► log.db
                                                             └─► disclosures.db

The read transaction holds one moment for as long as copying takes; writers go on, and the WAL
grows meanwhile. VACUUM leaves no trace of the protected values in the log's own file.

Source: https://www.sqlite.org/backup.html.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ledger.limits import BACKUP_STEP_PAGES, BUSY_TIMEOUT_S, TILE_WIDTH
from ledger.merkle import HASH_BYTES, root_at
from ledger.store.copied import NOT_SERVABLE, PROTECTED, Copied, facts, mark_in
from ledger.store.core import StoreUnavailable


def copy_file(source: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """One moment of a database in a file of its own, which needs no `-wal` beside it.

    Args:
        source: A database, in use or not.
        target: Made; what is there is written over.
        progress: Told how many pages of how many.
    Raises:
        StoreUnavailable: It cannot be read, or the copy not be written.
    """
    try:
        with closing(_reading(source)) as found, closing(sqlite3.connect(target)) as copy:
            found.execute("BEGIN")
            found.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the moment
            found.backup(
                copy,
                pages=BACKUP_STEP_PAGES,
                progress=lambda _status, left, total: progress(total - left, total),
            )
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


def split(whole: Path, log: Path, protected: Path | None) -> Copied:
    """A copy, taken apart: the log without what is protected, and that by itself.

    Args:
        whole: As `copy_file` made it; of no use afterwards.
        log: Made.
        protected: Made; None where it is left out.
    Returns:
        What the whole holds.
    Raises:
        StoreUnavailable: The disk is full, or the database damaged.
    """
    try:
        with closing(sqlite3.connect(whole, isolation_level=None)) as copy:
            copy.execute("PRAGMA journal_mode = OFF")  # it is thrown away in any case
            held = facts(lambda sql: copy.execute(sql).fetchall())
            if protected is not None:
                copy.execute("ATTACH ? AS apart", (str(protected),))
            for table in PROTECTED:
                if protected is not None:
                    copy.execute(f"CREATE TABLE apart.{table} AS SELECT * FROM main.{table}")
                copy.execute(f"DELETE FROM main.{table}")
            if protected is not None:
                copy.execute("DETACH apart")
            copy.execute("VACUUM INTO ?", (str(log),))
            return held
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


def root_of(log: Path, tree_size: int) -> bytes:
    """The root that the tiles of a copy lead to; nothing is written.

    Raises:
        StoreUnavailable: It cannot be read.
        Malformed: Tiles are missing.
    """
    sql = "SELECT hashes FROM tile_hashes WHERE level = ? AND tile = ? AND start < ? ORDER BY start"
    with closing(_reading(log)) as file:

        def read_tile(level: int, index: int, width: int) -> bytes:
            rows = file.execute(sql, (level, index, min(width, TILE_WIDTH))).fetchall()
            return b"".join(hashes for (hashes,) in rows)[: width * HASH_BYTES]

        try:
            return root_at(tree_size, read_tile)
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error


def put_together(log: Path, protected: Path | None, target: Path, *, why_not: str) -> None:
    """A ledger's file from its parts, marked as not servable from its first moment on.

    Args:
        target: Must not be there; its folder must.
        why_not: What `candour serve` says of it until the mark goes.
    Raises:
        StoreUnavailable: The disk is full, or a part is no such database.
    """
    try:
        shutil.copyfile(log, target)
        target.chmod(0o600)
        with closing(sqlite3.connect(target, isolation_level=None)) as file:
            if protected is not None:
                file.execute("ATTACH ? AS apart", (str(protected),))
            file.execute("BEGIN IMMEDIATE")
            for table in PROTECTED if protected is not None else ():
                file.execute(f"INSERT INTO main.{table} SELECT * FROM apart.{table}")
            mark_in(file, NOT_SERVABLE, why_not)
            file.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
    )
