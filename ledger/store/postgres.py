"""How does one ledger live in one PostgreSQL schema?

What a commit writes is in postgres_transaction.py; here is who may write, and all reads.
The lock is a row lock on `head`, which no VACUUM or ANALYZE conflicts with, and which makes
leaf indexes gapless after any rollback. All names are qualified by schema and every setting is local to its transaction, so a
pooler between us and the server does no harm.

Source: measurements in docs/adr/0002-leaf-index.md.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.errors import Malformed
from ledger.limits import (
    ENTRIES_A_PARTITION,
    IDLE_TRANSACTION_S,
    MAX_READ_CONNECTIONS,
    MIGRATION_LOCK_S,
    STORE_CONNECT_S,
    STORE_LONG_S,
    STORE_SILENT_S,
    TILE_WIDTH,
)
from ledger.merkle import HASH_BYTES, Frontier
from ledger.store.answering import CONNECT, Answering
from ledger.store.core import (
    Head,
    HeadRow,
    HistoryLost,
    LedgerStore,
    NewEntry,
    Outcome,
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
from ledger.store.moved import LedgerMoved, is_fence
from ledger.store.past import SERVER_ID, Past, ServerChanged, ServerId
from ledger.store.postgres_connect import settle
from ledger.store.postgres_migrating import begin, schema_of_ledger
from ledger.store.postgres_partitions import give_room_back
from ledger.store.postgres_steps import COPIED, STREAMS_SINCE, TO_COPY
from ledger.store.postgres_transaction import (
    BOUNDS,
    TOLD,
    Layout,
    PostgresTransaction,
    store_position,
)
from ledger.store.steps import ROWS, Schema, read_schema

_log: Final = logging.getLogger("candour.store")
_LEDGER_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SCHEMAS: Final = "candour_"
_OF_THE_SCHEMA: Final = (*ROWS, COPIED, TO_COPY)  # in `meta`
# Anything but these may be answered by trying again later.
_AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    PoolTimeout,
)


_TILE: Final = (
    "SELECT hashes FROM {s}.tile_hashes"
    " WHERE level = %b AND tile = %b AND start < %b ORDER BY start"
)


# Places first, then entries: an array keeps the planner from reading whole partitions.
_AT: Final = "WHERE leaf_index = ANY(ARRAY(SELECT leaf_index FROM {{s}}.{{streams}} WHERE {}))"
_IN_STREAMS: Final = _AT.format("stream = ANY(%b::text[])")


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
        entries_a_partition: Leaf indexes of each partition that is made.
    Raises:
        StoreUnavailable: The server cannot be reached.
        StoreMismatch: There is no such ledger, and none was to be made; or it is another release's.
    """

    def __init__(
        self,
        url: str,
        ledger: str = "main",
        *,
        create: bool = True,
        entries_a_partition: int = ENTRIES_A_PARTITION,
    ) -> None:
        self.url, self.schema = url, schema_of(ledger)
        self._entries_a_partition = entries_a_partition
        self._layout = Layout(self.schema, entries_a_partition)
        self._writer_lock = threading.Lock()
        self._writer: Answering | None = None
        self._past = Past()
        self._pool: ConnectionPool[Answering] = ConnectionPool(
            url,
            connection_class=Answering,
            min_size=1,
            max_size=MAX_READ_CONNECTIONS,
            timeout=STORE_CONNECT_S,
            # Attempts back off, so a long one would outlast the outage; the next reader begins anew.
            reconnect_timeout=STORE_CONNECT_S,
            open=False,
            configure=settle,
            kwargs={"autocommit": True, **CONNECT},
        )
        try:
            with self._writing(bounded=False) as writer:
                self._create(writer, create)
        except _AWAY as error:
            raise StoreUnavailable(type(error).__name__) from error
        except StoreMismatch:
            self._drop_writer()
            raise
        self._pool.open()

    def _create(self, writer: psycopg.Connection[Any], create: bool) -> None:
        found = schema_of_ledger(writer, self.schema)
        if found is None:
            if not create:
                raise StoreMismatch(f"there is no ledger in schema {self.schema}")
            # One creator at a time, or two front-ends starting together trip over each other.
            writer.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self.schema,))
            found = schema_of_ledger(writer, self.schema)
        if found is None:
            begin(writer, self.schema, entries_a_partition=self._entries_a_partition)
            found = schema_of_ledger(writer, self.schema)
        assert found is not None, "it was there, or has been made"
        self._layout.hear(str(found.version), str(found.compatible_with))
        self._layout.look(writer)

    @contextmanager
    def _writing(self, *, bounded: bool = True) -> Iterator[Answering]:
        """The writer connection inside a transaction; a broken one is replaced next time.

        Args:
            bounded: By BOUNDS; False for who sets bounds of its own.
        """
        with self._writer_lock:
            try:
                if self._writer is None or self._writer.closed:
                    self._writer = Answering.connect(self.url, **CONNECT)
                    self._writer.prepare_threshold = 1
                    settle(self._writer)
                if bounded:
                    self._writer.execute("; ".join(BOUNDS).encode(), prepare=False)
                yield self._writer
                self._writer.commit()
                self._writer.check_replicated()
            except psycopg.errors.LockNotAvailable as error:
                self._drop_writer()
                self._end_silent_holder()
                raise StoreUnavailable(type(error).__name__) from error
            except _AWAY as error:
                self._drop_writer()
                if is_fence(error):
                    raise LedgerMoved from error
                raise StoreUnavailable(type(error).__name__) from error
            except psycopg.errors.DivisionByZero as error:
                self._drop_writer()
                raise StoreMismatch("the head moved under its own lock") from error
            except psycopg.errors.CheckViolation as error:
                self._give_room()
                raise StoreUnavailable("entries had no place, and have one now") from error
            except BaseException:
                if self._writer is not None and not self._writer.closed:
                    try:
                        self._writer.rollback()
                    except psycopg.Error:
                        self._drop_writer()
                raise

    def _give_room(self) -> None:
        """A migration that was broken off holds entries to a bound, or a partition is gone."""
        assert self._writer is not None
        try:
            self._writer.rollback()
            with self._writer.transaction():
                self._writer.execute(f"SET LOCAL lock_timeout = '{MIGRATION_LOCK_S}s'")
                give_room_back(self._writer, self.schema)
                self._layout.partitions.refresh(self._writer)
        except psycopg.Error:
            self._drop_writer()

    def _end_silent_holder(self) -> None:
        """End a transaction that holds the head, if its client has sent nothing for long.

        That is gone or frozen, and in the middle of a pipeline no timeout of PostgreSQL's would end
        it for hours. It commits nothing then; a client that comes back sends all again.
        """
        with suppress(StoreUnavailable, psycopg.errors.InsufficientPrivilege):
            ended = self._read(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE relation = to_regclass(%b) AND mode = 'RowShareLock' AND granted"
                " AND wait_event_type = 'Client'"
                " AND greatest(query_start, state_change)"
                f" < clock_timestamp() - interval '{IDLE_TRANSACTION_S} s'",
                (f"{self.schema}.head",),
            )
            if ended:
                _log.warning(
                    "ended a session that held the head of %s and said nothing", self.schema
                )

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with self._writing(bounded=False) as writer:
            settle_on = partial(self._settle_under_lock, writer, self._past.newest())
            transaction = PostgresTransaction(writer, self.schema, self._layout, settle_on)
            yield transaction
        if transaction.head is not None:
            self._past.remember(transaction.head)

    def append(
        self,
        entries: Sequence[NewEntry],
        *,
        atomic: bool = False,
        tracking: Tracking | None = None,
    ) -> tuple[list[Outcome], Head]:
        outcomes, head = super().append(entries, atomic=atomic, tracking=tracking)
        if self._layout.partitions.is_short(head.tree_size):
            self._make_ahead(head.tree_size)
        return outcomes, head

    def _make_ahead(self, tree_size: int) -> None:
        """Make the next partition. What was committed is; what goes wrong here is tried again."""
        try:
            with self._writing(bounded=False) as writer:
                self._layout.partitions.make_ahead(writer, tree_size)
        except StoreUnavailable:
            return

    def _settle(
        self,
        connection: psycopg.Connection[Any],
        known: Head | None,
        head: Head,
        server: ServerId,
    ) -> None:
        """Return where a head may be gone on from. Raises ServerChanged, HistoryLost."""
        if self._past.meet(server):
            self.on_server_changed()
            self._pool.drain()  # readers go where the writer goes
            raise ServerChanged

        def read_tile(level: int, index: int, width: int) -> bytes:
            sql = _TILE.format(s=self.schema).encode()
            rows = connection.execute(sql, (level, index, min(width, TILE_WIDTH)))
            return b"".join(hashes for (hashes,) in rows)[: width * HASH_BYTES]

        self._past.check(known, head, read_tile)

    def _settle_under_lock(
        self, writer: Answering, known: Head | None, head: Head, server: ServerId
    ) -> None:
        """As `_settle`, of a head that is locked."""
        try:
            self._settle(writer, known, head, server)
        except HistoryLost:
            # A leader that is cut off is behind, too, until it steps down. Nothing is lost there: it
            # cannot end even this transaction, for no standby follows it.
            writer.commit()
            writer.check_replicated()
            raise

    def _read(
        self, sql: str, parameters: Sequence[Any] = (), *, silent_s: float = STORE_SILENT_S
    ) -> list[Any]:
        try:
            with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
                connection.silent_s = silent_s
                sql = sql.replace("{s}", self.schema).replace("{streams}", self._layout.streams)
                cursor.execute(sql.encode(), parameters)
                return cursor.fetchall()
        except _AWAY as error:
            raise StoreUnavailable(type(error).__name__) from error

    # --- reading ----------------------------------------------------------------
    def head(self) -> Head:
        ((root, frontier, *told),) = self._read(f"SELECT root, frontier, {TOLD} FROM {{s}}.head")
        self._layout.hear(*told)
        return Head(Frontier.from_bytes(frontier), root)

    def durable_head(self) -> Head:
        sql = f"SELECT root, frontier, {SERVER_ID} FROM {self.schema}.head".encode()
        try:
            with self._pool.connection() as connection:
                connection.silent_s = STORE_SILENT_S
                with connection.transaction():
                    connection.execute("SET LOCAL synchronous_commit = on")
                    known = self._past.newest()
                    root, frontier, *server = _only(connection.execute(sql, binary=True))
                    # Whoever writes nothing waits for no standby: this writes to the WAL alone.
                    connection.execute("SELECT pg_logical_emit_message(true, 'candour', '')")
                if connection.unreplicated:
                    connection.close()  # or the pool would hand it out again
                connection.check_replicated()
                # Only now: a leader that is cut off is behind, and does not come so far.
                head = Head(Frontier.from_bytes(frontier), root)
                self._settle(connection, known, head, (server[0], server[1]))
        except _AWAY as error:
            raise StoreUnavailable(type(error).__name__) from error
        self._past.remember(head)
        return head

    def read_entries(
        self, start: int, limit: int, *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        # Said of both: PostgreSQL does not conclude it, and may join disclosures from the first on.
        within = "leaf_index >= %b AND leaf_index < %b"
        bounds = (start, start + limit)
        if not with_disclosures:
            return self._entries(f"WHERE {within}", bounds, False)
        disclosures = f"(SELECT leaf_index, fields FROM {{s}}.disclosures WHERE {within}) d"
        return self._entries(f"WHERE {within}", (*bounds, *bounds), True, disclosures=disclosures)

    def entries_at(
        self, leaf_indexes: Sequence[int], *, with_disclosures: bool = False
    ) -> list[StoredEntry]:
        where = "WHERE leaf_index = ANY(%b::bigint[])"
        return self._entries(where, (list(leaf_indexes),), with_disclosures)

    def entries_of_streams(self, streams: Sequence[str]) -> list[StoredEntry]:
        return self._entries(_IN_STREAMS, (list(streams),), True)

    def streams_with(self, streams: Sequence[str], topics: Sequence[str]) -> set[str]:
        rows = self._read(
            f"SELECT DISTINCT stream FROM {{s}}.entries {_IN_STREAMS} AND topic = ANY(%b::text[])",
            (list(streams), list(topics)),
        )
        return {stream for (stream,) in rows}

    def _entries(
        self,
        where: str,
        parameters: Sequence[Any],
        with_disclosures: bool,
        order: str = "leaf_index",
        disclosures: str = "{s}.disclosures",
    ) -> list[StoredEntry]:
        columns = "leaf_index, stream, version, topic, entry"
        source = "{s}.entries"
        if with_disclosures:
            columns += ", fields"
            source += f" LEFT JOIN {disclosures} USING (leaf_index)"
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
        where, parameters = "stream = %b", [stream]  # type: tuple[str, list[Any]]
        if gt is not None:
            where, parameters = where + " AND version > %b", [*parameters, gt]
        if lte is not None:
            where, parameters = where + " AND version <= %b", [*parameters, lte]
        order = "version DESC" if desc else "version"
        where += f" ORDER BY {order}"
        if limit is not None:
            where, parameters = where + " LIMIT %b", [*parameters, limit]
        return self._entries(_AT.format(where), parameters, False, order)

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
        rows = self._read(_TILE, (level, index, min(width, TILE_WIDTH)))
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

    def writable(self) -> bool:
        ((read_only,),) = self._read("SELECT current_setting('transaction_read_only')")
        return bool(read_only != "on")

    def meta(self) -> dict[str, str]:
        found = dict(self._read("SELECT name, value FROM {s}.meta"))
        return {name: value for name, value in found.items() if name not in _OF_THE_SCHEMA}

    def schema_state(self) -> Schema:
        return read_schema(dict(self._read("SELECT name, value FROM {s}.meta")))

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
            "  FROM {s}.{streams} WHERE leaf_index < %b"
            "  WINDOW stream AS (PARTITION BY stream ORDER BY version, leaf_index)) AS numbered"
            " WHERE version <> place OR earlier > leaf_index ORDER BY leaf_index LIMIT 1",
            (tree_size,),
            silent_s=STORE_LONG_S,
        )
        return rows[0] if rows else None

    def misplaced(self) -> int | None:
        if self.schema_state().version < STREAMS_SINCE:  # now: an audit asks no head
            return None
        rows = self._read(
            "SELECT coalesce(e.leaf_index, v.leaf_index) FROM {s}.entries AS e"
            " FULL JOIN {s}.stream_versions AS v ON v.leaf_index = e.leaf_index"
            " WHERE e.stream IS DISTINCT FROM v.stream OR e.version IS DISTINCT FROM v.version"
            " ORDER BY 1 LIMIT 1",
            silent_s=STORE_LONG_S,
        )
        return rows[0][0] if rows else None

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


def _only(cursor: psycopg.Cursor[Any]) -> Any:
    row = cursor.fetchone()
    if row is None:
        raise StoreMismatch("the ledger has no head")
    return row
