"""What does the newest schema take of the rate, and of the disk? `python -m bench.migrations`.

    the same batches ──PostgresStore.append──► schema 1 │ the newest, in turns ──► rate, bytes an entry

The store alone, without gRPC, Merkle tree included: a share that is small here is smaller in a server.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import psycopg

from ledger.merkle import leaf_hash
from ledger.store.core import NewEntry
from ledger.store.postgres import PostgresStore
from ledger.store.postgres_migrating import begin
from ledger.store.postgres_steps import STEPS
from tests.postgres import PostgresCluster, create_database

ENTRY_BYTES, DISCLOSED_BYTES, BATCH = 930, 900, 500
_SCHEMA = "candour_main"


def batches(count: int, random: Random) -> Iterator[list[NewEntry]]:
    """Uses as `candour serve` commits them: a stream, an identity and disclosures each."""
    for _ in range(count):
        batch = []
        for _ in range(BATCH):
            entry = random.randbytes(ENTRY_BYTES)
            uuid = random.randbytes(16).hex()
            stream = f"tool_use/{uuid[:8]}-{uuid[8:12]}-{uuid[12:16]}-{uuid[16:20]}-{uuid[20:]}"
            batch.append(
                NewEntry(
                    stream, 1, "tool_use.reported.v1", entry, leaf_hash(entry), True,
                    random.randbytes(32), random.randbytes(32), random.randbytes(DISCLOSED_BYTES),
                )
            )  # fmt: skip
        yield batch


@contextmanager
def store_at(cluster: PostgresCluster, version: int) -> Iterator[PostgresStore]:
    """A new ledger at a schema, in a database of its own."""
    url = create_database(cluster.url())
    with psycopg.connect(url) as connection:
        begin(connection, _SCHEMA, to=version)
    store = PostgresStore(url)
    try:
        yield store
    finally:
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.migrations")
    parser.add_argument("--turns", type=int, default=20, help="of each schema")
    parser.add_argument("--batches", type=int, default=40, help="of 500 entries, in one turn")
    options = parser.parse_args()
    rates: dict[int, list[float]] = {1: [], STEPS[-1].number: []}
    settings = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
    newest = STEPS[-1].number
    with (
        PostgresCluster(settings) as cluster,
        store_at(cluster, 1) as old,
        store_at(cluster, newest) as new,
    ):
        pair = [(1, old), (newest, new)]
        for turn in range(options.turns):
            some = list(batches(options.batches, Random(turn)))
            for version, store in pair if turn % 2 else reversed(pair):
                began = time.perf_counter()
                for batch in some:
                    store.append(batch)
                rates[version].append(BATCH * len(some) / (time.perf_counter() - began))
        for version, store in pair:
            print(
                f"schema {version}: {statistics.median(rates[version]):,.0f} entries/s,"
                f" {_bytes(store) / store.head().tree_size:,.0f} bytes an entry"
            )
    first, last = rates.values()
    shares = [100 * (1 - b / a) for a, b in zip(first, last, strict=True)]
    print(f"the newest is {statistics.median(shares):.1f} % slower (median of {len(shares)} turns)")


def _bytes(store: PostgresStore) -> int:
    with psycopg.connect(store.url) as connection:
        row = connection.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
            f" AND relnamespace = '{_SCHEMA}'::regnamespace"
        ).fetchone()
    assert row is not None, "a sum is a row"
    return int(row[0])


if __name__ == "__main__":
    main()
