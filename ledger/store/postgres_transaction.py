"""What does one commit write in PostgreSQL? The tables, and rows in and out of one transaction.

Two round trips: lock the head and look up what is held; insert, swap the head, notify and
commit. Rows travel as binary arrays; see postgres.py for the rest of the store.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

from ledger.errors import Refused
from ledger.limits import LOCK_TIMEOUT_S, STATEMENT_TIMEOUT_S
from ledger.merkle import Frontier
from ledger.store.core import Growth, Head, HeldIdentities, Tracking, Transaction

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS {s}.meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS {s}.head (
  id smallint PRIMARY KEY CHECK (id = 0),
  tree_size bigint NOT NULL, root bytea NOT NULL, frontier bytea NOT NULL) WITH (fillfactor = 10);
CREATE TABLE IF NOT EXISTS {s}.entries (
  leaf_index bigint PRIMARY KEY, stream text COLLATE "C" NOT NULL, version integer NOT NULL,
  topic text NOT NULL, entry bytea NOT NULL);
ALTER TABLE {s}.entries ALTER COLUMN entry SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX IF NOT EXISTS entries_stream ON {s}.entries (stream, version);
CREATE TABLE IF NOT EXISTS {s}.tile_hashes (
  level smallint NOT NULL, tile bigint NOT NULL, start smallint NOT NULL, hashes bytea NOT NULL,
  PRIMARY KEY (level, tile, start));
ALTER TABLE {s}.tile_hashes ALTER COLUMN hashes SET STORAGE EXTERNAL;
CREATE TABLE IF NOT EXISTS {s}.disclosures (
  leaf_index bigint PRIMARY KEY, identity bytea UNIQUE, content bytea, fields bytea);
CREATE TABLE IF NOT EXISTS {s}.performers (
  digest bytea PRIMARY KEY, pseudonym text NOT NULL UNIQUE, agency text NOT NULL,
  user_id text, name text, badge text);
CREATE INDEX IF NOT EXISTS performers_user_id ON {s}.performers (user_id);
CREATE INDEX IF NOT EXISTS performers_name ON {s}.performers (name);
CREATE INDEX IF NOT EXISTS performers_badge ON {s}.performers (badge);
CREATE TABLE IF NOT EXISTS {s}.checkpoints (
  tree_size bigint PRIMARY KEY, published_us bigint NOT NULL, note bytea NOT NULL);
CREATE INDEX IF NOT EXISTS checkpoints_time ON {s}.checkpoints (published_us);
CREATE TABLE IF NOT EXISTS {s}.tracking (
  follower text PRIMARY KEY, notification_id bigint NOT NULL);
"""


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
    """Rows in and out of one transaction."""

    def __init__(self, writer: psycopg.Connection[Any], schema: str) -> None:
        self._writer, self._schema = writer, schema

    def begin(
        self, identities: list[bytes], streams: list[tuple[str, int]]
    ) -> tuple[Head, HeldIdentities, list[tuple[str, int]]]:
        writer, schema = self._writer, self._schema
        with writer.pipeline():
            writer.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'")
            writer.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'")
            writer.execute("SET LOCAL synchronous_commit = on")
            head = writer.execute(
                f"SELECT root, frontier FROM {schema}.head FOR UPDATE",
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
                    f"SELECT e.stream, e.version FROM {schema}.entries e"
                    " JOIN unnest(%b::text[], %b::int[]) AS w(stream, version)"
                    " ON e.stream = w.stream AND e.version = w.version",
                    ([stream for stream, _ in streams], [version for _, version in streams]),
                    binary=True,
                )
            root, frontier = head.fetchone() or (b"", b"")
            return (
                Head(Frontier.from_bytes(frontier), root),
                {row[0]: (row[1], row[2]) for row in held.fetchall()} if held else {},
                list(taken.fetchall()) if taken else [],
            )

    def commit(self, growth: Growth, tracking: Tracking | None) -> None:
        writer, schema = self._writer, self._schema
        entries, first = growth.entries, growth.old_size
        kept = [
            (leaf_index, item)
            for leaf_index, item in enumerate(entries, first)
            if item.identity is not None or item.disclosures is not None
        ]
        replaced = [item.replaces for item in entries if item.replaces is not None]
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
