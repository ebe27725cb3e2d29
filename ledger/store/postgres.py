"""How does one ledger live in one PostgreSQL schema?

What a commit writes is in postgres_transaction.py; here is who may write, and all reads.
The lock is a row lock on `head`, which no VACUUM or ANALYZE conflicts with, and which makes
leaf indexes gapless after any rollback. All names are qualified by schema and every setting is local to its transaction, so a
pooler between us and the server does no harm.

Source: measurements in docs/adr/0002-leaf-index.md.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.errors import Malformed
from ledger.limits import (
    MAX_READ_CONNECTIONS,
    STORE_CONNECT_S,
    TILE_WIDTH,
)
from ledger.merkle import HASH_BYTES, Frontier
from ledger.store.core import (
    Head,
    HeadRow,
    LedgerStore,
    PerformerRecord,
    Published,
    StoredEntry,
    StoreMismatch,
    StoreUnavailable,
    TileKey,
    TileRow,
    Tracking,
    Transaction,
)
from ledger.store.postgres_transaction import SCHEMA, PostgresTransaction, store_position

_LEDGER_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SCHEMAS: Final = "candour_"
# Anything but these may be answered by trying again later.
_AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    PoolTimeout,
)


def schema_of(ledger: str) -> str:
    """The schema that holds a ledger: `candour_<ledger>`. Raises Malformed."""
    if not _LEDGER_NAME.fullmatch(ledger):
        raise Malformed("ledger", "must be lower-case letters, digits and underscores")
    return f"{_SCHEMAS}{ledger}"


def ledgers_of(url: str) -> list[str]:
    """Names of the ledgers that have begun in a database. Raises StoreUnavailable."""
    try:
        with psycopg.connect(url, connect_timeout=STORE_CONNECT_S, autocommit=True) as connection:
            rows = connection.execute(
                "SELECT schemaname FROM pg_tables WHERE tablename = 'tile_hashes'"
                " AND starts_with(schemaname, %s)",
                (_SCHEMAS,),
            ).fetchall()
    except _AWAY as error:
        raise StoreUnavailable(type(error).__name__) from error
    return sorted(str(schema).removeprefix(_SCHEMAS) for (schema,) in rows)


class PostgresStore(LedgerStore):
    """A ledger in a schema of its own, made where it is missing.

    Args:
        url: A libpq URL; several hosts with target_session_attrs=read-write are fine.
        ledger: Name of the ledger.
        create: False: only a ledger that is there will do.
    Raises:
        StoreUnavailable: The server cannot be reached.
        StoreMismatch: There is no such ledger, and none was to be made.
    """

    def __init__(self, url: str, ledger: str = "main", *, create: bool = True) -> None:
        self.url, self.schema = url, schema_of(ledger)
        self._writer_lock = threading.Lock()
        self._writer: psycopg.Connection[Any] | None = None
        self._pool = ConnectionPool(
            url,
            min_size=1,
            max_size=MAX_READ_CONNECTIONS,
            timeout=STORE_CONNECT_S,
            # Attempts back off, so a long one would outlast the outage; the next reader begins anew.
            reconnect_timeout=STORE_CONNECT_S,
            open=False,
            kwargs={"autocommit": True, "connect_timeout": STORE_CONNECT_S},
        )
        try:
            with self._writing() as writer:
                self._create(writer, create)
        except _AWAY as error:
            raise StoreUnavailable(type(error).__name__) from error
        except StoreMismatch:
            self._drop_writer()
            raise
        self._pool.open()

    def _create(self, writer: psycopg.Connection[Any], create: bool) -> None:
        # One creator at a time, or two front-ends starting together trip over each other.
        writer.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self.schema,))
        exists = writer.execute("SELECT to_regclass(%s)", (f"{self.schema}.head",)).fetchone()
        if exists == (None,):
            if not create:
                raise StoreMismatch(f"there is no ledger in schema {self.schema}")
            writer.execute(f"CREATE SCHEMA IF NOT EXISTS {self.schema}")
            writer.execute(SCHEMA.format(s=self.schema))
            empty = Head()
            writer.execute(
                f"INSERT INTO {self.schema}.head VALUES (0, 0, %b, %b) ON CONFLICT DO NOTHING",
                (empty.root, empty.frontier.to_bytes()),
            )

    @contextmanager
    def _writing(self) -> Iterator[psycopg.Connection[Any]]:
        """The writer connection inside a transaction; a broken one is replaced next time."""
        with self._writer_lock:
            try:
                if self._writer is None or self._writer.closed:
                    self._writer = psycopg.connect(self.url, connect_timeout=STORE_CONNECT_S)
                    self._writer.prepare_threshold = 1
                yield self._writer
                self._writer.commit()
            except _AWAY as error:
                self._drop_writer()
                raise StoreUnavailable(type(error).__name__) from error
            except psycopg.errors.DivisionByZero as error:
                self._drop_writer()
                raise StoreMismatch("the head moved under its own lock") from error
            except BaseException:
                if self._writer is not None and not self._writer.closed:
                    try:
                        self._writer.rollback()
                    except psycopg.Error:
                        self._drop_writer()
                raise

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._writing() as writer:
            yield PostgresTransaction(writer, self.schema)

    def _read(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
                cursor.execute(sql.replace("{s}", self.schema).encode(), parameters)
                return cursor.fetchall()
        except _AWAY as error:
            raise StoreUnavailable(type(error).__name__) from error

    # --- reading ----------------------------------------------------------------
    def head(self) -> Head:
        ((root, frontier),) = self._read("SELECT root, frontier FROM {s}.head")
        return Head(Frontier.from_bytes(frontier), root)

    def read_entries(
        self, start: int, limit: int, *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        where = "WHERE leaf_index >= %b AND leaf_index < %b"
        return self._entries(where, (start, start + limit), with_disclosures)

    def entries_at(
        self, leaf_indexes: Sequence[int], *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        where = "WHERE leaf_index = ANY(%b::bigint[])"
        return self._entries(where, (list(leaf_indexes),), with_disclosures)

    def entries_of_streams(self, streams: Sequence[str]) -> list[StoredEntry]:
        return self._entries("WHERE stream = ANY(%b::text[])", (list(streams),), True)

    def streams_with(self, streams: Sequence[str], topics: Sequence[str]) -> set[str]:
        rows = self._read(
            "SELECT DISTINCT stream FROM {s}.entries"
            " WHERE stream = ANY(%b::text[]) AND topic = ANY(%b::text[])",
            (list(streams), list(topics)),
        )
        return {stream for (stream,) in rows}

    def _entries(
        self,
        where: str,
        parameters: Sequence[Any],
        with_disclosures: bool,
        order: str = "leaf_index",
    ) -> list[StoredEntry]:
        columns = "leaf_index, stream, version, topic, entry"
        source = "{s}.entries"
        if with_disclosures:
            columns += ", fields"
            source += " LEFT JOIN {s}.disclosures USING (leaf_index)"
        sql = f"SELECT {columns} FROM {source} {where} ORDER BY {order}"
        return [StoredEntry(*row) for row in self._read(sql, parameters)]

    def read_stream(
        self,
        stream: str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEntry]:
        where, parameters = "WHERE stream = %b", [stream]  # type: tuple[str, list[Any]]
        if gt is not None:
            where, parameters = where + " AND version > %b", [*parameters, gt]
        if lte is not None:
            where, parameters = where + " AND version <= %b", [*parameters, lte]
        order = "version DESC" if desc else "version"
        if limit is not None:
            order, parameters = order + " LIMIT %b", [*parameters, limit]
        return self._entries(where, parameters, False, order)

    def select_notifications(
        self, start: int, limit: int, *, stop: int | None, topics: Sequence[str]
    ) -> list[StoredEntry]:
        where, parameters = "WHERE leaf_index >= %b", [start]  # type: tuple[str, list[Any]]
        if stop is not None:
            where, parameters = where + " AND leaf_index <= %b", [*parameters, stop]
        if topics:
            where, parameters = where + " AND topic = ANY(%b::text[])", [*parameters, list(topics)]
        return self._entries(where, [*parameters, limit], False, "leaf_index LIMIT %b")

    def read_tile(self, level: int, index: int, width: int) -> bytes:
        rows = self._read(
            "SELECT hashes FROM {s}.tile_hashes"
            " WHERE level = %b AND tile = %b AND start < %b ORDER BY start",
            (level, index, min(width, TILE_WIDTH)),
        )
        return b"".join(hashes for (hashes,) in rows)[: width * HASH_BYTES]

    def held(self, identity: bytes) -> tuple[int, bytes | None] | None:
        rows = self._read(
            "SELECT leaf_index, content FROM {s}.disclosures WHERE identity = %b", (identity,)
        )
        return rows[0] if rows else None

    # --- beside the log -----------------------------------------------------------
    def pseudonyms(self, wanted: Mapping[bytes, PerformerRecord]) -> dict[bytes, str]:
        records = list(wanted.values())
        with self._writing() as writer:
            # Sorted, so that two writers take the same rows in the same order.
            writer.execute(
                f"INSERT INTO {self.schema}.performers"
                " SELECT * FROM unnest(%b::bytea[], %b::text[], %b::text[], %b::text[],"
                " %b::text[], %b::text[]) AS row(digest) ORDER BY digest ON CONFLICT DO NOTHING",
                (
                    list(wanted),
                    [record.pseudonym for record in records],
                    [record.agency for record in records],
                    [record.user_id for record in records],
                    [record.name for record in records],
                    [record.badge for record in records],
                ),
            )
        rows = self._read(
            "SELECT digest, pseudonym FROM {s}.performers WHERE digest = ANY(%b::bytea[])",
            (list(wanted),),
        )
        return dict(rows)

    def find_performers(self, text: str) -> list[str]:
        rows = self._read(
            "SELECT pseudonym FROM {s}.performers WHERE user_id = %b OR name = %b OR badge = %b"
            ' ORDER BY pseudonym COLLATE "C" LIMIT 1000',
            (text, text, text),
        )
        return [pseudonym for (pseudonym,) in rows]

    def describe_performers(self, pseudonyms: Sequence[str]) -> dict[str, PerformerRecord]:
        rows = self._read(
            "SELECT pseudonym, agency, user_id, name, badge FROM {s}.performers"
            " WHERE pseudonym = ANY(%b::text[])",
            (list(pseudonyms),),
        )
        return {row[0]: PerformerRecord(*row) for row in rows}

    def publish(self, checkpoint: Published) -> bool:
        with self._writing() as writer:
            # One at a time: nobody sees what another has not committed yet.
            writer.execute(
                "SELECT pg_advisory_xact_lock(hashtext(%s))", (f"{self.schema}.checkpoints",)
            )
            written = writer.execute(
                f"INSERT INTO {self.schema}.checkpoints SELECT %b, %b, %b WHERE NOT EXISTS"
                f" (SELECT FROM {self.schema}.checkpoints WHERE tree_size >= %b)"
                " ON CONFLICT DO NOTHING",
                (
                    checkpoint.tree_size,
                    checkpoint.published_us,
                    checkpoint.note,
                    checkpoint.tree_size,
                ),
            )
            return written.rowcount == 1

    def add_cosignatures(self, tree_size: int, note: bytes) -> bool:
        with self._writing() as writer:
            written = writer.execute(
                f"UPDATE {self.schema}.checkpoints SET note = %b WHERE tree_size = %b",
                (note, tree_size),
            )
            return written.rowcount == 1

    def published(
        self, *, before_us: int | None = None, tree_size: int | None = None
    ) -> Published | None:
        where, parameters = "", ()  # type: tuple[str, tuple[int, ...]]
        if tree_size is not None:
            where, parameters = "WHERE tree_size = %b", (tree_size,)
        elif before_us is not None:
            where, parameters = "WHERE published_us < %b", (before_us,)
        rows = self._read(
            f"SELECT tree_size, note, published_us FROM {{s}}.checkpoints {where}"
            " ORDER BY tree_size DESC LIMIT 1",
            parameters,
        )
        return Published(*rows[0]) if rows else None

    def meta(self) -> dict[str, str]:
        return dict(self._read("SELECT name, value FROM {s}.meta"))

    def claim(self, values: Mapping[str, str]) -> dict[str, str]:
        with self._writing() as writer:
            for item in values.items():
                writer.execute(
                    f"INSERT INTO {self.schema}.meta VALUES (%b, %b) ON CONFLICT DO NOTHING",
                    item,
                )
        return self.meta()

    # --- rows as they stand, for an audit -------------------------------------------
    def head_row(self) -> HeadRow:
        rows = self._read("SELECT tree_size, root, frontier FROM {s}.head")
        return HeadRow(*rows[0]) if rows else HeadRow(0, b"", b"")

    def tile_rows(self, after: TileKey, limit: int) -> list[TileRow]:
        rows = self._read(
            "SELECT level, tile, start, hashes FROM {s}.tile_hashes"
            " WHERE (level, tile, start) > (%b::bigint, %b::bigint, %b::bigint)"
            " ORDER BY level, tile, start LIMIT %b",
            (*after, limit),
        )
        return [TileRow(*row) for row in rows]

    def checkpoint_rows(self, above: int, limit: int) -> list[Published]:
        rows = self._read(
            "SELECT tree_size, note, published_us FROM {s}.checkpoints WHERE tree_size > %b"
            " ORDER BY tree_size LIMIT %b",
            (above, limit),
        )
        return [Published(*row) for row in rows]

    def leaf_spans(self) -> dict[str, tuple[int, int]]:
        found = {}
        for table in ("entries", "disclosures"):
            ((least, greatest),) = self._read(
                f"SELECT min(leaf_index), max(leaf_index) FROM {{s}}.{table}"
            )
            if least is not None:
                found[table] = (least, greatest)
        return found

    def misnumbered(self, tree_size: int) -> tuple[int, int] | None:
        rows = self._read(
            "SELECT leaf_index, place FROM (SELECT leaf_index, version,"
            "  row_number() OVER stream AS place, lag(leaf_index, 1, -1::bigint) OVER stream AS earlier"
            "  FROM {s}.entries WHERE leaf_index < %b"
            "  WINDOW stream AS (PARTITION BY stream ORDER BY version, leaf_index)) AS numbered"
            " WHERE version <> place OR earlier > leaf_index ORDER BY leaf_index LIMIT 1",
            (tree_size,),
        )
        return rows[0] if rows else None

    # --- followers ------------------------------------------------------------------
    def tracked(self, follower: str) -> int | None:
        rows = self._read(
            "SELECT notification_id FROM {s}.tracking WHERE follower = %b", (follower,)
        )
        return rows[0][0] if rows else None

    def track(self, tracking: Tracking) -> None:
        with self._writing() as writer:
            store_position(writer, self.schema, tracking)

    def close(self) -> None:
        with self._writer_lock:
            self._drop_writer()
        self._pool.close()
