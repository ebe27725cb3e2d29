"""What does one commit write in PostgreSQL? Rows in and out of one transaction.

Two round trips: lock the head and look up what is held; insert, swap the head, notify and
commit. Rows travel as binary arrays; see postgres.py for the rest of the store, postgres_steps.py
for the tables. `stream_versions` is filled by a trigger on `entries`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import psycopg

from ledger.errors import Refused
from ledger.limits import (
    ENTRIES_A_PARTITION,
    IDLE_TRANSACTION_S,
    LOCK_TIMEOUT_S,
    STATEMENT_TIMEOUT_S,
)
from ledger.merkle import Frontier
from ledger.store.core import Growth, Head, HeldIdentities, Tracking, Transaction
from ledger.store.past import SERVER_ID, ServerId
from ledger.store.postgres_partitions import Partitions
from ledger.store.postgres_steps import STEPS, STREAMS_SINCE
from ledger.store.steps import COMPATIBLE, VERSION, check_usable, read_schema


class Layout:
    """Which of the schemas that this release works on a ledger has now: it may change as we go.

    Members:
        version: The schema's.
        partitions: Of `entries`, as the writer knows them.
    """

    def __init__(self, schema: str, entries_a_partition: int = ENTRIES_A_PARTITION) -> None:
        self.version = self._looked_at = 0
        self.partitions = Partitions(schema, entries_a_partition)

    @property
    def streams(self) -> str:
        """The table by which the entries of a stream are found; whole in either case."""
        return "stream_versions" if self.version >= STREAMS_SINCE else "entries"

    def hear(self, version: str | None, compatible_with: str | None) -> None:
        """Take in what `meta` says.

        Raises:
            SchemaMismatch: Only a newer release may go on.
        """
        told = {VERSION: version, COMPATIBLE: compatible_with}
        found = read_schema({name: value for name, value in told.items() if value is not None})
        check_usable(found, STEPS)
        self.version = found.version

    def look(self, writer: psycopg.Connection[Any]) -> None:
        """Look for partitions, where the schema has changed since."""
        if self._looked_at != self.version:
            self.partitions.refresh(writer)
            self._looked_at = self.version


# Beside the head, at the cost of two index look-ups: whoever migrates does not wait for us to end.
TOLD: Final = ", ".join(
    f"(SELECT value FROM {{s}}.meta WHERE name = '{name}')" for name in (VERSION, COMPATIBLE)
)


# Of a transaction that writes. By the third, a client that is gone without a word keeps its locks
# for seconds; else the server would notice after two hours.
BOUNDS: Final = (
    f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'",
    f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'",
    f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'",
    "SET LOCAL synchronous_commit = on",
)


def store_position(writer: psycopg.Connection[Any], schema: str, tracking: Tracking) -> None:
    """Move a follower on. Raises Refused unless it is beyond where it was."""
    moved = writer.execute(
        f"INSERT INTO {schema}.tracking AS t VALUES (%b, %b) ON CONFLICT (follower) DO UPDATE"
        " SET notification_id = excluded.notification_id"
        " WHERE t.notification_id < excluded.notification_id RETURNING 1",
        (tracking.follower, tracking.notification_id),
    )
    if moved.fetchone() is None:
        raise Refused(f"{tracking.follower} has processed {tracking.notification_id} already")


class PostgresTransaction(Transaction):
    """Rows in and out of one transaction.

    Args:
        layout: Of the ledger; the same for all transactions of one store.
        settle: Called with the head under the lock and the server that it is of, before anything is
            written; raises where nothing may be.
    """

    def __init__(
        self,
        writer: psycopg.Connection[Any],
        schema: str,
        layout: Layout,
        settle: Callable[[Head, ServerId], None],
    ) -> None:
        self._writer, self._schema, self._layout = writer, schema, layout
        self._settle = settle
        self.head: Head | None = None  # as it stands once this is committed

    def begin(
        self, identities: list[bytes], streams: list[tuple[str, int]]
    ) -> tuple[Head, HeldIdentities, list[tuple[str, int]]]:
        writer, schema = self._writer, self._schema
        with writer.pipeline():
            for bound in BOUNDS:
                writer.execute(bound)
            head = writer.execute(
                f"SELECT root, frontier, {TOLD.format(s=schema)}, {SERVER_ID}"
                f" FROM {schema}.head FOR UPDATE",
                binary=True,
            )
            held = taken = None
            if identities:
                held = writer.execute(
                    f"SELECT identity, leaf_index, content FROM {schema}.disclosures"
                    " WHERE identity = ANY(%b::bytea[])",
                    (identities,),
                    binary=True,
                )
            if streams:
                taken = writer.execute(
                    f"SELECT e.stream, e.version FROM {schema}.{self._layout.streams} e"
                    " JOIN unnest(%b::text[], %b::int[]) AS w(stream, version)"
                    " ON e.stream = w.stream AND e.version = w.version",
                    ([stream for stream, _ in streams], [version for _, version in streams]),
                    binary=True,
                )
            row = head.fetchone() or (b"", b"", None, None, 0, 0)
            root, frontier, version, compatible_with, table, started = row
            self.head = Head(Frontier.from_bytes(frontier), root)
            found = (
                self.head,
                {row[0]: (row[1], row[2]) for row in held.fetchall()} if held else {},
                list(taken.fetchall()) if taken else [],
            )
        self._settle(self.head, (table, started))
        self._layout.hear(version, compatible_with)
        self._layout.look(writer)
        return found

    def commit(self, growth: Growth, tracking: Tracking | None) -> None:
        writer, schema = self._writer, self._schema
        entries, first = growth.entries, growth.old_size
        kept = [
            (leaf_index, item)
            for leaf_index, item in enumerate(entries, first)
            if item.identity is not None or item.disclosures is not None
        ]
        replaced = [item.replaces for item in entries if item.replaces is not None]
        self._layout.partitions.make_room(writer, growth.head.tree_size)
        with writer.pipeline():
            if replaced:
                writer.execute(
                    f"UPDATE {schema}.disclosures SET identity = NULL"
                    " WHERE leaf_index = ANY(%b::bigint[])",
                    (replaced,),
                )
            writer.execute(
                f"INSERT INTO {schema}.entries SELECT * FROM"
                " unnest(%b::bigint[], %b::text[], %b::int[], %b::text[], %b::bytea[])",
                (
                    list(range(first, first + len(entries))),
                    [item.stream for item in entries],
                    [item.version for item in entries],
                    [item.topic for item in entries],
                    [item.entry for item in entries],
                ),
            )
            if kept:
                writer.execute(
                    f"INSERT INTO {schema}.disclosures SELECT * FROM"
                    " unnest(%b::bigint[], %b::bytea[], %b::bytea[], %b::bytea[])",
                    (
                        [leaf_index for leaf_index, _ in kept],
                        [item.identity for _, item in kept],
                        [item.content for _, item in kept],
                        [item.disclosures for _, item in kept],
                    ),
                )
            writer.execute(
                f"INSERT INTO {schema}.tile_hashes SELECT * FROM"
                " unnest(%b::int[], %b::bigint[], %b::int[], %b::bytea[])",
                (
                    [tile.level for tile in growth.tiles],
                    [tile.index for tile in growth.tiles],
                    [tile.offset for tile in growth.tiles],
                    [tile.hashes for tile in growth.tiles],
                ),
            )
            # Division by zero where no row was swapped: the commit behind it is not run.
            writer.execute(
                f"WITH swapped AS (UPDATE {schema}.head SET tree_size = %b, root = %b,"
                " frontier = %b WHERE tree_size = %b RETURNING 1)"
                " SELECT 1 / count(*) FROM swapped",
                (
                    growth.head.tree_size,
                    growth.head.root,
                    growth.head.frontier.to_bytes(),
                    first,
                ),
            )
            if tracking is not None:
                store_position(writer, schema, tracking)
            writer.execute("SELECT pg_notify(%b, %b)", (schema, str(growth.head.tree_size)))
            writer.commit()
        self.head = growth.head
