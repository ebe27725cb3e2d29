"""Which steps has a SQLite ledger taken, and how is it brought along?

    file ──found_in──► Schema ──migrate──► each step in one transaction, with its number

A file has one writer at a time, and a step takes milliseconds: `candour serve` takes them itself.

Source: https://www.sqlite.org/lang_transaction.html, pragma.html#pragma_application_id.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from ledger.limits import BUSY_TIMEOUT_S
from ledger.store.core import Head, StoreMismatch, StoreUnavailable
from ledger.store.steps import FIRST, Part, Schema, Step, check_usable, pending, read_schema

# As release 0.1.0 made them; never changed again.
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  tree_size INTEGER NOT NULL, root BLOB NOT NULL, frontier BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
  leaf_index INTEGER PRIMARY KEY, stream TEXT NOT NULL, version INTEGER NOT NULL,
  topic TEXT NOT NULL, entry BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS entries_stream ON entries (stream, version);
CREATE TABLE IF NOT EXISTS tile_hashes (
  level INTEGER NOT NULL, tile INTEGER NOT NULL, start INTEGER NOT NULL, hashes BLOB NOT NULL,
  PRIMARY KEY (level, tile, start)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS disclosures (
  leaf_index INTEGER PRIMARY KEY, identity BLOB UNIQUE, content BLOB, fields BLOB);
CREATE TABLE IF NOT EXISTS performers (
  digest BLOB PRIMARY KEY, pseudonym TEXT NOT NULL UNIQUE, agency TEXT NOT NULL,
  user_id TEXT, name TEXT, badge TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS performers_user_id ON performers (user_id);
CREATE INDEX IF NOT EXISTS performers_name ON performers (name);
CREATE INDEX IF NOT EXISTS performers_badge ON performers (badge);
CREATE TABLE IF NOT EXISTS checkpoints (
  tree_size INTEGER PRIMARY KEY, published_us INTEGER NOT NULL, note BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS checkpoints_time ON checkpoints (published_us);
CREATE TABLE IF NOT EXISTS tracking (
  follower TEXT NOT NULL, notification_id INTEGER NOT NULL,
  PRIMARY KEY (follower, notification_id)) WITHOUT ROWID;
"""
APPLICATION_ID: Final = int.from_bytes(b"CAND")

STEPS: Final = (
    Step(1, "tables", "What release 0.1.0 made.", (Part(_TABLES, "the file, for milliseconds"),)),
    Step(
        2,
        "application_id",
        "The file says whose it is, to file(1) and to whoever finds it.",
        (Part(f"PRAGMA application_id = {APPLICATION_ID};", "the file, for milliseconds"),),
    ),
)

# Told of each part that is done, within its transaction and after it: tests end the process there.
Watch = Callable[[str], None]


def found_in(connection: sqlite3.Connection) -> Schema | None:
    """How far a file is; None where no ledger has begun in it. Raises StoreMismatch."""
    rows = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'head'").fetchall()
    if not rows:
        return None
    return read_schema(dict(connection.execute("SELECT name, value FROM meta").fetchall()))


def begin(writer: sqlite3.Connection, *, to: int = STEPS[-1].number) -> None:
    """Make the ledger of a file, within a transaction of the caller's."""
    for step in pending(Schema(0, FIRST), STEPS, to=to):
        _take(writer, step)
        if step.number == FIRST:
            empty = Head()
            writer.execute(
                "INSERT INTO head VALUES (0, 0, ?, ?)", (empty.root, empty.frontier.to_bytes())
            )


def migrate(path: Path, *, to: int | None = None, watch: Watch = lambda _at: None) -> list[Step]:
    """Take the steps that a ledger's file has not taken; it may be in use.

    Returns:
        Those that were taken, in order.
    Raises:
        StoreMismatch: No ledger has begun in it, or only a newer release may touch it.
        StoreUnavailable: It cannot be opened or written; steps before stand.
    """
    done = []
    try:
        with closing(_opened(path)) as file:
            for step in _rest(file, path, to):
                file.execute("BEGIN IMMEDIATE")
                if step in _rest(file, path, to):  # nobody else took it meanwhile
                    _take(file, step)
                    watch(f"{step.number} before its commit")
                    done.append(step)
                file.execute("COMMIT")
                watch(f"{step.number} after its commit")
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error
    return done


def plan(path: Path, *, to: int | None = None) -> list[tuple[Step, list[tuple[Part, str]]]]:
    """The steps that `migrate` would take, with their SQL; raises as it does."""
    found = schema_of_file(path)
    check_usable(found, STEPS)
    steps = pending(found, STEPS, to=to)
    return [(step, [(part, part.sql.strip()) for part in step.parts]) for step in steps]


def schema_of_file(path: Path) -> Schema:
    """How far a ledger's file is; raises as `migrate`."""
    try:
        with closing(_opened(path)) as file:
            found = found_in(file)
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error
    if found is None:
        raise StoreMismatch(f"there is no ledger in {path}")
    return found


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
    )


def _rest(file: sqlite3.Connection, path: Path, to: int | None) -> Sequence[Step]:
    found = found_in(file)
    if found is None:
        raise StoreMismatch(f"there is no ledger in {path}")
    check_usable(found, STEPS)
    return pending(found, STEPS, to=to)


def _take(writer: sqlite3.Connection, step: Step) -> None:
    for part in step.parts:
        for statement in filter(str.strip, part.sql.split(";")):
            writer.execute(statement)
    if step.number > FIRST:  # release 0.1.0 wrote no number
        writer.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(step.rows().items()))
