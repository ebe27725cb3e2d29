"""What has this witness replayed of one log? One SQLite file; a batch is in it whole or not at all.

    frontier   how far, and the tree so far            uses, imports   what later entries may change
    pending    keys of entries no root spoke of yet    nodes, families the index at the last root

A root speaks of a tree that is smaller than where it stands, so the index lags behind the
entries: up to the last root, and no further.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ledger.errors import CandourError, Malformed
from ledger.limits import REPLAY_INSERTED, REPLAY_VARIABLES
from ledger.merkle import Frontier
from ledger.usage_index import EMPTY, KnownUse, Node, Ref, Use, insert
from ledger.usage_index.keys import KEY_BYTES
from ledger.usage_index.packing import pack, unpack
from services.witness.database import MemoryRefused, open_private

_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE position (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, frontier BLOB NOT NULL,"
    " root_size INTEGER NOT NULL, roots INTEGER NOT NULL, next_id INTEGER NOT NULL)",
    "CREATE TABLE uses (stream TEXT PRIMARY KEY, import TEXT, state TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX uses_by_import ON uses (import) WHERE import IS NOT NULL",
    "CREATE TABLE withdrawn_imports (name TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TABLE pending (leaf_index INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL,"
    " keys BLOB NOT NULL)",
    "CREATE TABLE families (first_byte INTEGER PRIMARY KEY, node_id INTEGER NOT NULL,"
    " total INTEGER NOT NULL, hash BLOB NOT NULL)",
    "CREATE TABLE nodes (node_id INTEGER PRIMARY KEY, born INTEGER NOT NULL, node BLOB NOT NULL)",
)
Placed = tuple[int, bytes, Sequence[bytes]]  # leaf index, leaf hash, keys


class ReplayState:
    """The file of one log's replay; used by one thread.

    Args:
        path: Made where missing.
        origin: Of the log.
    Raises:
        MemoryRefused: It is another log's, of another release, or cannot be used.
    """

    def __init__(self, path: Path, origin: str) -> None:
        self.path = path
        self._db = open_private(path)
        try:
            self._open(origin)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    def _open(self, origin: str) -> None:
        with self.writing():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in _SCHEMA:
                    self._db.execute(statement)
                first = (origin, Frontier().to_bytes())
                self._db.execute("INSERT INTO position VALUES (0, ?, ?, 0, 0, 1)", first)
                self._db.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                reason = f"is of version {version}, not {_VERSION}; delete it to replay anew"
                raise MemoryRefused(self.path, reason)
            (held,) = self._db.execute("SELECT origin FROM position").fetchone()
        if held != origin:
            raise MemoryRefused(self.path, f"replays {held}")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction: all that is done in it, or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    # --- how far --------------------------------------------------------------------
    def position(self) -> tuple[Frontier, int, int]:
        """The tree so far, what the last root spoke of, and how many roots were made anew."""
        row = self._db.execute("SELECT frontier, root_size, roots FROM position").fetchone()
        return Frontier.from_bytes(row[0]), row[1], row[2]

    def move(self, frontier: Frontier, *, root_size: int, roots: int) -> None:
        """Say how far it is now."""
        values = (frontier.to_bytes(), root_size, roots)
        self._db.execute("UPDATE position SET frontier = ?, root_size = ?, roots = ?", values)

    # --- uses -----------------------------------------------------------------------
    def recall(self, streams: Iterable[str], imports: Iterable[str]) -> dict[str, KnownUse]:
        """The uses of these streams and imports that were reported so far."""
        wanted = "SELECT stream, import, state FROM uses WHERE"
        rows: list[tuple[str, str | None, str]] = []
        names = sorted(streams)
        for at in range(0, len(names), REPLAY_VARIABLES):
            some = names[at : at + REPLAY_VARIABLES]
            marks = ",".join("?" * len(some))
            rows += self._db.execute(f"{wanted} stream IN ({marks})", some).fetchall()
        for name in imports:
            rows += self._db.execute(f"{wanted} import = ?", (name,)).fetchall()
        return {stream: _known(import_, state) for stream, import_, state in rows}

    def remember(self, uses: Mapping[str, KnownUse]) -> None:
        """Keep these uses as they are now."""
        rows = [(stream, known.import_, _state(known)) for stream, known in uses.items()]
        self._db.executemany("INSERT OR REPLACE INTO uses VALUES (?, ?, ?)", rows)

    def withdrawn_imports(self) -> set[str]:
        return {name for (name,) in self._db.execute("SELECT name FROM withdrawn_imports")}

    def withdraw_imports(self, names: Iterable[str]) -> None:
        rows = [(name,) for name in names]
        self._db.executemany("INSERT OR IGNORE INTO withdrawn_imports VALUES (?)", rows)

    # --- the index ------------------------------------------------------------------
    def put_off(self, placed: Iterable[Placed]) -> None:
        """Keep what a later root will speak of."""
        rows = [(leaf_index, hashed, b"".join(keys)) for leaf_index, hashed, keys in placed]
        self._db.executemany("INSERT INTO pending VALUES (?, ?, ?)", rows)

    def index_up_to(self, tree_size: int) -> dict[int, Ref]:
        """Put what waits below `tree_size` into the index; the families' subtrees then."""
        families = {
            first: Ref(node_id, total, bytes(hashed))
            for first, node_id, total, hashed in self._db.execute("SELECT * FROM families")
        }
        nodes = _Nodes(self._db)
        while rows := self._db.execute(
            "SELECT leaf_index, leaf_hash, keys FROM pending WHERE leaf_index < ?"
            " ORDER BY leaf_index LIMIT ?",
            (tree_size, REPLAY_INSERTED),
        ).fetchall():
            additions: dict[int, dict[bytes, list[bytes]]] = {}
            for _, hashed, keys in rows:
                for at in range(0, len(keys), KEY_BYTES):
                    key = keys[at : at + KEY_BYTES]
                    additions.setdefault(key[0], {}).setdefault(key, []).append(hashed)
            for first, registers in sorted(additions.items()):
                root = families.get(first, EMPTY)
                families[first] = insert(nodes, root, registers, tree_size=tree_size, kept=-1)
            self._db.execute("DELETE FROM pending WHERE leaf_index <= ?", (rows[-1][0],))
        nodes.end()
        self._db.executemany(
            "INSERT OR REPLACE INTO families VALUES (?, ?, ?, ?)",
            [(first, *ref) for first, ref in families.items()],
        )
        return families


class _Nodes:
    """A NodeStore within a transaction; what was read once is at hand until its end."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._kept: dict[int, Node] = {}
        row = db.execute("SELECT next_id FROM position").fetchone()
        self._next_id = int(row[0])

    def get(self, node_ids: Sequence[int]) -> list[Node]:
        missing = [node_id for node_id in node_ids if node_id not in self._kept]
        for at in range(0, len(missing), REPLAY_VARIABLES):
            some = missing[at : at + REPLAY_VARIABLES]
            marks = ",".join("?" * len(some))
            wanted = f"SELECT node_id, born, node FROM nodes WHERE node_id IN ({marks})"  # noqa: S608  marks are ours
            for node_id, born, data in self._db.execute(wanted, some):
                self._kept[node_id] = unpack(node_id, born, data)
        return [self._kept[node_id] for node_id in node_ids]

    def reserve(self, number: int) -> int:
        first, self._next_id = self._next_id, self._next_id + number
        return first

    def put(self, new: Sequence[Node], changed: Sequence[Node]) -> None:
        rows = [(node.node_id, node.born, pack(node)) for node in (*new, *changed)]
        self._db.executemany("INSERT OR REPLACE INTO nodes VALUES (?, ?, ?)", rows)
        self._kept.update({node.node_id: node for node in (*new, *changed)})

    def end(self) -> None:
        self._db.execute("UPDATE position SET next_id = ?", (self._next_id,))


def _state(known: KnownUse) -> str:
    return json.dumps({"use": asdict(known.use), "stands": known.stands}, ensure_ascii=False)


def _known(import_: str | None, state: str) -> KnownUse:
    try:
        found: dict[str, Any] = json.loads(state)
        use = Use(**{**found["use"], "authorizations": tuple(found["use"]["authorizations"])})
        return KnownUse(use, import_, found["stands"])
    except (ValueError, KeyError, TypeError, CandourError):
        raise Malformed("uses", "holds what this release did not write") from None
