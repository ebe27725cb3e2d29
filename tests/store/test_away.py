"""What if the database is gone, full or locked? One error, and nothing half done afterwards."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.store.core import (
    Head,
    LedgerStore,
    NewEntry,
    PerformerRecord,
    Placed,
    Published,
    StoreUnavailable,
    Tracking,
)
from ledger.store.postgres import PostgresStore
from ledger.store.sqlite import SqliteStore
from tests.laws.trees import check_tree
from tests.postgres import PostgresCluster

BACK_S = 10  # a server that is up again is used within these
ROOT = Path(__file__).resolve().parents[2]


def batch(start: int, count: int = 20, size: int = 2_000) -> list[NewEntry]:
    return [
        NewEntry.of(f"s/{n}", 1, "t", b"%d " % n + b"x" * size) for n in range(start, start + count)
    ]


WRITES: list[Callable[[LedgerStore], Any]] = [
    lambda store: store.append(batch(10**6)),
    lambda store: store.pseudonyms({bytes(32): PerformerRecord("p-1", "agencies/a", "u")}),
    lambda store: store.publish(Published(10**6, b"", 0)),
    lambda store: store.add_cosignatures(10**6, b""),
    lambda store: store.claim({"name": "value"}),
    lambda store: store.track(Tracking("f", 1)),
]


def head_of(store: LedgerStore) -> Head:
    return store.head()


def eventually(store: LedgerStore, what: Callable[[LedgerStore], Any]) -> Any:
    """Try again as a client does that is told UNAVAILABLE."""
    deadline = time.monotonic() + BACK_S
    while True:
        try:
            return what(store)
        except StoreUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def test_killed_server_is_unavailable_and_used_again(postgres_cluster: PostgresCluster) -> None:
    """While the server is down every call says so; once up, what was acknowledged is there, once."""
    store = PostgresStore(postgres_cluster.url())
    try:
        store.append(batch(0))
        postgres_cluster.kill()
        for call in [*WRITES, head_of]:
            with pytest.raises(StoreUnavailable):
                call(store)
        postgres_cluster.start()
        assert 20 == eventually(store, head_of).tree_size
        for call in WRITES:
            eventually(store, call)
        assert 40 == len(check_tree(store, of_entries=False))
        assert {"name": "value"} == store.meta()
    finally:
        store.close()


@pytest.mark.thorough
def test_long_outage_is_not_made_longer(postgres_cluster: PostgresCluster) -> None:
    """However long the server was down, readers reach it as soon as it is up."""
    store = PostgresStore(postgres_cluster.url())
    try:
        postgres_cluster.kill()
        down_until = time.monotonic() + 40
        while time.monotonic() < down_until:
            with pytest.raises(StoreUnavailable):
                store.head()
        postgres_cluster.start()
        assert 0 == store.head().tree_size
    finally:
        store.close()


def test_lost_sessions_are_replaced(postgres_url: str) -> None:
    """An administrator, or a pooler, ends our sessions: one call fails, the next works."""
    store = PostgresStore(postgres_url)
    try:
        for turn in range(3):
            eventually(store, lambda store, n=turn: store.append(batch(20 * n)))  # type: ignore[misc]
            with psycopg.connect(postgres_url) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert 20 * (turn + 1) == eventually(store, head_of).tree_size
        assert 60 == len(check_tree(store, of_entries=False))
    finally:
        store.close()


def test_unreachable_server_is_unavailable_at_once() -> None:
    """Nothing listens there: the store says so when it is opened."""
    with pytest.raises(StoreUnavailable):
        PostgresStore("postgresql://nobody@127.0.0.1:1/none")


def test_missing_directory_is_unavailable(tmp_path: Path) -> None:
    """SQLite makes its file, never its directory."""
    with pytest.raises(StoreUnavailable):
        SqliteStore(tmp_path / "nowhere" / "main.db")


@pytest.mark.parametrize("content", [b"not a database" * 100, b""])
def test_file_of_another_kind_is_unavailable(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is left as it is; an empty one becomes one."""
    path = tmp_path / "main.db"
    path.write_bytes(content)
    if content:
        with pytest.raises(StoreUnavailable):
            SqliteStore(path)
        assert content == path.read_bytes()
    else:
        SqliteStore(path).close()


def test_locked_file_is_unavailable_to_writers_only(tmp_path: Path) -> None:
    """Another process holds the writer lock: reading goes on, writing says so, then works."""
    store = SqliteStore(tmp_path / "main.db")
    store.append(batch(0))
    other = sqlite3.connect(tmp_path / "main.db", isolation_level=None)
    store._writer.execute("PRAGMA busy_timeout = 20")
    try:
        other.execute("BEGIN IMMEDIATE")
        for call in WRITES:
            with pytest.raises(StoreUnavailable):
                call(store)
        assert 20 == store.head().tree_size
        other.execute("ROLLBACK")
        for call in WRITES:
            call(store)
        assert 40 == len(check_tree(store, of_entries=False))
    finally:
        other.close()
        store.close()


def test_full_database_is_unavailable_and_goes_on(tmp_path: Path) -> None:
    """A commit that does not fit leaves nothing behind; with room again, it stands once."""
    store = SqliteStore(tmp_path / "main.db")
    try:
        store.append(batch(0))
        (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
        store._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="full"):
                store.append(batch(20, 100))
            assert 20 == len(check_tree(store, of_entries=False))
        store._writer.execute("PRAGMA max_page_count = 1000000")
        assert Placed(20) == store.append(batch(20, 100))[0][0]
        assert 120 == len(check_tree(store, of_entries=False))
    finally:
        store.close()


_FILLS_ITS_DISK = """
import json, resource, signal, sys
from ledger.store.core import StoreUnavailable
from ledger.store.sqlite import SqliteStore
from tests.store.test_away import batch

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
sizes, refused = [], 0
for turn in range(40):
    try:
        sizes.append(store.append(batch(20 * turn))[1].tree_size)
    except StoreUnavailable:
        refused += 1
print(json.dumps([sizes, refused]))
"""


def test_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """A disk that fills in mid-write: what was acknowledged is there after, and the tree is whole."""
    path = tmp_path / "main.db"
    done = subprocess.run(
        [sys.executable, "-c", _FILLS_ITS_DISK, path],
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=60,
    )
    sizes, refused = json.loads(done.stdout)
    assert sizes
    assert refused
    store = SqliteStore(path)
    try:
        entries = check_tree(store, of_entries=False)
        assert len(entries) >= sizes[-1]
        store.append(batch(10**6))
        check_tree(store, of_entries=False)
    finally:
        store.close()


_IS_KILLED = """
import sys
from ledger.store.sqlite import SqliteStore
from ledger.store.postgres import PostgresStore
from tests.store.test_away import batch

url = sys.argv[1]
store = PostgresStore(url) if url.startswith("postgres") else SqliteStore(url)
for turn in range(10**6):
    start = 10**9 + 20 * (turn + store.head().tree_size)
    print(store.append(batch(start, size=100))[1].tree_size, flush=True)
"""


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_killed_writer_loses_nothing_acknowledged(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """kill -9 in the middle of appending, over and over: what was printed is there, tree whole."""
    url = str(tmp_path / "main.db")
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
    acknowledged = 0
    for turn in range(2):
        writer = subprocess.Popen(
            [sys.executable, "-c", _IS_KILLED, url], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(5 + turn):
            acknowledged = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().decode().rpartition("\n")[0].split()
        writer.wait()
        writer.stdout.close()
        acknowledged = int(rest[-1]) if rest else acknowledged
        store: LedgerStore = PostgresStore(url) if kind == "postgres" else SqliteStore(url)
        size = len(check_tree(store, of_entries=False))
        store.close()
        assert acknowledged <= size <= acknowledged + 20
        assert size % 20 == 0
