"""How fast do views catch up? The projector's own fold, over a ledger that is there."""

from __future__ import annotations

import time

from bench.lab import Lab
from ledger.limits import PROJECTOR_BATCH
from ledger.store.view_tables import open_engine
from ledger.store.view_writer import ViewWriter
from services.runtime.hosting import open_store


def catch_up_rate(lab: Lab, *, most: int) -> float:
    """Entries a second into fresh views of the same kind, up to `most` of the log."""
    store = open_store(lab.place.settings)
    if lab.database_url is None:
        for old in lab.data.glob("bench.views.db*"):
            old.unlink()
        engine = open_engine(f"sqlite:///{lab.data / 'bench.views.db'}")
    else:
        schema = "bench_views"
        import psycopg

        with psycopg.connect(lab.database_url, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            connection.execute(f"CREATE SCHEMA {schema}")
        engine = open_engine(lab.database_url, schema)
    try:
        writer = ViewWriter(engine, store)
        stop = min(most, store.head().tree_size)
        started = time.perf_counter()
        writer.catch_up(batch=PROJECTOR_BATCH, stop=stop)
        return stop / (time.perf_counter() - started)
    finally:
        engine.dispose()
        store.close()
