"""How does one ledger live in one SQLite file? The embedded default.

WAL, synchronous=FULL: a commit is on disk before it is acknowledged. BEGIN IMMEDIATE: the
head is read under the writer lock, so that no other process can have moved it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from ledger.limits import BUSY_TIMEOUT_S, TILE_WIDTH
from ledger.merkle import HASH_BYTES, Frontier
from ledger.store.chunks import chunks
from ledger.store.core import (
    Head,
    HeadRow,
    LedgerStore,
    PerformerRecord,
    Published,
    StoredEntry,
    StoreUnavailable,
    TileKey,
    TileRow,
    Tracking,
    Transaction,
)
from ledger.store.sqlite_steps import STEPS, begin, found_in
from ledger.store.sqlite_transaction import (
    SqliteTransaction,
    marks,
    store_position,
)
from ledger.store.steps import ROWS, Schema, check_usable, read_schema
from ledger.store.wal import use_wal


def _text(data: bytes) -> str:
    """A text column, whatever was done to it: an audit must be able to read it."""
    return data.decode(errors="surrogateescape")


def holds_ledger(path: Path) -> bool:
    """True where a file holds a ledger; unlike a store's opening, it writes nothing into it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as found:
            rows = found.execute("SELECT 1 FROM sqlite_schema WHERE name = 'tile_hashes'")
            return rows.fetchone() is not None
    except sqlite3.Error:
        return False


class SqliteStore(LedgerStore):
    """A ledger in a file; its directory must exist.

    Raises:
        StoreUnavailable: The file cannot be opened or written.
        SchemaMismatch: A newer release has changed it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        self._local = threading.local()
        self._writer_lock = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._opened_lock = threading.Lock()
        self._writer, self._writer_lost = self._connect(), False
        with self._writing() as writer:
            if (found := found_in(writer)) is None:
                begin(writer)
            else:
                check_usable(found, STEPS)

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -65536")
            connection.text_factory = _text
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error
        with self._opened_lock:
            self._opened.append(connection)
        return connection

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        try:
            with closing(connection.execute(sql, parameters)) as cursor:
                return list(cursor.fetchall())
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(str(error)) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The writer connection inside BEGIN IMMEDIATE … COMMIT."""
        with self._writer_lock:
            if self._writer_lost:
                self._writer, self._writer_lost = self._connect(), False
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                if self._writer.in_transaction:
                    self._writer.execute("COMMIT")
            except sqlite3.Error as error:
                raise StoreUnavailable(str(error)) from error
            finally:
                self._roll_back()

    def _roll_back(self) -> None:
        """End a transaction that failed; a disk that failed it may fail this as well.

        Then the connection goes, and its locks with it: callers hear the first error, and the
        next transaction has another connection.
        """
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:
            self._writer_lost = True
            with suppress(sqlite3.Error):
                self._writer.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._writing() as writer:
            yield SqliteTransaction(writer)

    # --- reading ----------------------------------------------------------------
    def head(self) -> Head:
        ((root, frontier),) = self._read("SELECT root, frontier FROM head")
        return Head(Frontier.from_bytes(frontier), root)

    def read_entries(
        self, start: int, limit: int, *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        return self._entries(
            "WHERE leaf_index >= ? AND leaf_index < ?", (start, start + limit), with_disclosures
        )

    def entries_at(
        self, leaf_indexes: Sequence[int], *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        found: list[StoredEntry] = []
        for some in chunks(sorted(set(leaf_indexes))):
            found += self._entries(f"WHERE leaf_index IN ({marks(some)})", some, with_disclosures)
        return found

    def entries_of_streams(self, streams: Sequence[str]) -> list[StoredEntry]:
        found: list[StoredEntry] = []
        for some in chunks(list(streams)):
            found += self._entries(f"WHERE stream IN ({marks(some)})", some, with_disclosures=True)
        return sorted(found, key=lambda item: item.leaf_index)

    def streams_with(self, streams: Sequence[str], topics: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for some in chunks(list(streams)):
            rows = self._read(
                f"SELECT DISTINCT stream FROM entries WHERE stream IN ({marks(some)})"
                f" AND topic IN ({marks(topics)})",
                [*some, *topics],
            )
            found.update(stream for (stream,) in rows)
        return found

    def _entries(
        self,
        where: str,
        parameters: Sequence[Any],
        with_disclosures: bool,
        order: str = "leaf_index",
    ) -> list[StoredEntry]:
        columns = "leaf_index, stream, version, topic, entry"
        source = "entries"
        if with_disclosures:
            columns, source = (
                columns + ", fields",
                "entries LEFT JOIN disclosures USING (leaf_index)",
            )
        rows = self._read(f"SELECT {columns} FROM {source} {where} ORDER BY {order}", parameters)
        return [StoredEntry(*row) for row in rows]

    def read_stream(
        self,
        stream: str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEntry]:
        where, parameters = "WHERE stream = ?", [stream]  # type: tuple[str, list[Any]]
        if gt is not None:
            where, parameters = where + " AND version > ?", [*parameters, gt]
        if lte is not None:
            where, parameters = where + " AND version <= ?", [*parameters, lte]
        order = "version DESC" if desc else "version"
        if limit is not None:
            order, parameters = order + " LIMIT ?", [*parameters, limit]
        return self._entries(where, parameters, False, order)

    def select_notifications(
        self, start: int, limit: int, *, stop: int | None, topics: Sequence[str]
    ) -> list[StoredEntry]:
        where, parameters = "WHERE leaf_index >= ?", [start]  # type: tuple[str, list[Any]]
        if stop is not None:
            where, parameters = where + " AND leaf_index <= ?", [*parameters, stop]
        if topics:
            where, parameters = where + f" AND topic IN ({marks(topics)})", [*parameters, *topics]
        return self._entries(where, [*parameters, limit], False, "leaf_index LIMIT ?")

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        rows = self._read(
            "SELECT hashes FROM tile_hashes WHERE level = ? AND tile = ? AND start < ? ORDER BY start",
            (level, index, min(width, TILE_WIDTH)),
        )
        return b"".join(hashes for (hashes,) in rows)[: width * HASH_BYTES]

    def held(self, identity: bytes) -> tuple[int, bytes | None] | None:
        rows = self._read(
            "SELECT leaf_index, content FROM disclosures WHERE identity = ?", (identity,)
        )
        return rows[0] if rows else None

    # --- beside the log -----------------------------------------------------------
    def pseudonyms(self, wanted: Mapping[bytes, PerformerRecord]) -> dict[bytes, str]:
        with self._writing() as writer:
            writer.executemany(
                "INSERT OR IGNORE INTO performers VALUES (?, ?, ?, ?, ?, ?)",
                [(digest, *astuple(record)) for digest, record in wanted.items()],
            )
        found: dict[bytes, str] = {}
        for some in chunks(list(wanted)):
            found.update(
                self._read(
                    f"SELECT digest, pseudonym FROM performers WHERE digest IN ({marks(some)})",
                    some,
                )
            )
        return found

    def find_performers(self, text: str) -> list[str]:
        rows = self._read(
            "SELECT pseudonym FROM performers WHERE user_id = ? OR name = ? OR badge = ?"
            " ORDER BY pseudonym LIMIT 1000",
            (text, text, text),
        )
        return [pseudonym for (pseudonym,) in rows]

    def describe_performers(self, pseudonyms: Sequence[str]) -> dict[str, PerformerRecord]:
        found: dict[str, PerformerRecord] = {}
        for some in chunks(list(pseudonyms)):
            for row in self._read(
                "SELECT pseudonym, agency, user_id, name, badge FROM performers"
                f" WHERE pseudonym IN ({marks(some)})",
                some,
            ):
                found[row[0]] = PerformerRecord(*row)
        return found

    def publish(self, checkpoint: Published) -> bool:
        with self._writing() as writer:
            newest = writer.execute("SELECT max(tree_size) FROM checkpoints").fetchone()[0]
            if newest is not None and newest >= checkpoint.tree_size:
                return False
            writer.execute(
                "INSERT INTO checkpoints VALUES (?, ?, ?)",
                (checkpoint.tree_size, checkpoint.published_us, checkpoint.note),
            )
        return True

    def add_cosignatures(self, tree_size: int, note: bytes) -> bool:
        with self._writing() as writer:
            written = writer.execute(
                "UPDATE checkpoints SET note = ? WHERE tree_size = ?", (note, tree_size)
            )
        return written.rowcount == 1

    def published(
        self, *, before_us: int | None = None, tree_size: int | None = None
    ) -> Published | None:
        where, parameters = "", ()  # type: tuple[str, tuple[int, ...]]
        if tree_size is not None:
            where, parameters = "WHERE tree_size = ?", (tree_size,)
        elif before_us is not None:
            where, parameters = "WHERE published_us < ?", (before_us,)
        rows = self._read(
            f"SELECT tree_size, note, published_us FROM checkpoints {where}"
            " ORDER BY tree_size DESC LIMIT 1",
            parameters,
        )
        return Published(*rows[0]) if rows else None

    def meta(self) -> dict[str, str]:
        found = dict(self._read("SELECT name, value FROM meta"))
        return {name: value for name, value in found.items() if name not in ROWS}

    def schema_state(self) -> Schema:
        return read_schema(dict(self._read("SELECT name, value FROM meta")))

    def claim(self, values: Mapping[str, str]) -> dict[str, str]:
        with self._writing() as writer:
            for item in values.items():
                writer.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", item)
        return self.meta()

    # --- rows as they stand, for an audit -------------------------------------------
    def head_row(self) -> HeadRow:
        rows = self._read("SELECT tree_size, root, frontier FROM head")
        return HeadRow(*rows[0]) if rows else HeadRow(0, b"", b"")

    def tile_rows(self, after: TileKey, limit: int) -> list[TileRow]:
        rows = self._read(
            "SELECT level, tile, start, hashes FROM tile_hashes"
            " WHERE (level, tile, start) > (?, ?, ?) ORDER BY level, tile, start LIMIT ?",
            (*after, limit),
        )
        return [TileRow(*row) for row in rows]

    def checkpoint_rows(self, above: int, limit: int) -> list[Published]:
        rows = self._read(
            "SELECT tree_size, note, published_us FROM checkpoints WHERE tree_size > ?"
            " ORDER BY tree_size LIMIT ?",
            (above, limit),
        )
        return [Published(*row) for row in rows]

    def leaf_spans(self) -> dict[str, tuple[int, int]]:
        found = {}
        for table in ("entries", "disclosures"):
            # Two subqueries: SQLite looks up the ends of an index, but not both in one.
            ((least, greatest),) = self._read(
                f"SELECT (SELECT min(leaf_index) FROM {table}),"
                f" (SELECT max(leaf_index) FROM {table})"
            )
            if least is not None:
                found[table] = (least, greatest)
        return found

    def misnumbered(self, tree_size: int) -> tuple[int, int] | None:
        rows = self._read(
            "SELECT leaf_index, place FROM (SELECT leaf_index, version,"
            "  row_number() OVER stream AS place, lag(leaf_index, 1, -1) OVER stream AS earlier"
            "  FROM entries WHERE leaf_index < ?"
            "  WINDOW stream AS (PARTITION BY stream ORDER BY version, leaf_index))"
            " WHERE version <> place OR earlier > leaf_index ORDER BY leaf_index LIMIT 1",
            (tree_size,),
        )
        return rows[0] if rows else None

    def misplaced(self) -> int | None:
        return None

    def pragmas(self, *names: str) -> dict[str, str]:
        """As the connections of this store have them."""
        return {name: str(self._read(f"PRAGMA {name}")[0][0]) for name in names}

    # --- followers ------------------------------------------------------------------
    def tracked(self, follower: str) -> int | None:
        ((newest,),) = self._read(
            "SELECT max(notification_id) FROM tracking WHERE follower = ?", (follower,)
        )
        return newest  # type: ignore[no-any-return]

    def track(self, tracking: Tracking) -> None:
        with self._writing() as writer:
            store_position(writer, tracking)

    def close(self) -> None:
        with self._opened_lock:
            for connection in self._opened:
                connection.close()
            self._opened.clear()
