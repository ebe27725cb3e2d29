"""Is a long backlog replayed beside the requests, and does a kill in its middle lose or spoil nothing?"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ledger.tlog import Submission, TilePath
from services.witness_replay.replayer import LogReplay
from tests.indexed import Index
from tests.ledgers import ORIGIN, SIGNER, Ledger, SqlitePlace, numbered
from tests.services.witness.harness import Reply, ask
from tests.services.witness_replay.shown import Shown, checkpoint_of, note_of

BACKLOG = 5_000
WAIT_S = 120


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Some thousand reports, with roots in between."""
    place = SqlitePlace(tmp_path_factory.mktemp("place"))
    store, views = place.begin()
    ledger = Ledger(store)
    index = Index(ledger, store, views)
    ledger.register_agencies()
    for start in range(0, BACKLOG, 1_000):
        ledger.report(*(numbered(number) for number in range(start, start + 1_000)))
        index.fold()
        index.commit()
    yield ledger
    place.close()


@contextmanager
def witness(data: Path, prefix: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own, and where it listens."""
    command = [sys.executable, "-m", "services.witness_replay", "--data", str(data)]
    command += ["--listen", "127.0.0.1:0", "--log", SIGNER.verifier_key.format()]
    command += ["--replay", prefix, "--name", "office.example/witness"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running, running.stdout.readline().split()[-1]
        finally:
            running.kill()


def submitted(url: str, ledger: Ledger) -> Reply:
    return ask(url, "POST", "/add-checkpoint", Submission(0, (), note_of(ledger.store)).marshal())


def replayed(url: str) -> dict[str, Any]:
    (log,) = json.loads(ask(url, "GET", "/status").body)["logs"]
    return {**log["replay"], "cosigned": log["tree_size"]}


def index_of(path: Path) -> list[Any]:
    """The families' subtrees: what all that was replayed adds up to."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT first_byte, total, hash FROM families ORDER BY 1").fetchall()
        return [*rows, *db.execute("SELECT frontier, root_size, roots FROM position")]


def test_backlog_is_replayed_beside_requests_and_over_a_kill(long: Ledger, tmp_path: Path) -> None:
    """503 while it goes on, killed in its middle it goes on from there, and then it cosigns."""
    with Shown(long.store) as shown:
        released = threading.Event()

        def held_up(path: TilePath, body: bytes) -> bytes:
            if path.level is None and path.index >= 10:  # in the middle of the second batch
                released.wait(WAIT_S)
            return body

        shown.change = held_up
        killed = tmp_path / "killed"
        with witness(killed, shown.prefix) as (process, url):
            asked = time.monotonic()
            while not (now := replayed(url))["replayed"]:
                reply = submitted(url, long)
                assert 503 == reply.status, reply.body
                assert b"ask again" in reply.body
                assert time.monotonic() < asked + WAIT_S
            assert 0 < now["replayed"] < long.store.head().tree_size
            assert 0 == now["cosigned"]
            process.kill()
            process.wait()
        released.set()
        before = shown.asked
        with witness(killed, shown.prefix) as (_, url):
            assert now["replayed"] <= replayed(url)["replayed"], "it goes on where it was"
            asked = time.monotonic()
            while (reply := submitted(url, long)).status == 503:
                assert time.monotonic() < asked + WAIT_S
            assert 200 == reply.status, reply.body
            assert long.store.head().tree_size == replayed(url)["cosigned"]
            assert 5 == replayed(url)["roots_made_anew"]
        assert shown.asked - before < BACKLOG / 256, "not from the beginning"

        anew = tmp_path / "anew"
        anew.mkdir()
        with closing(LogReplay(anew, ORIGIN, shown.prefix, wait_s=WAIT_S)) as replay:
            assert replay.vouch(checkpoint_of(long.store)) is None
    (one,), (other,) = killed.glob("replay-*.sqlite"), anew.glob("replay-*.sqlite")
    assert index_of(other) == index_of(one)


def test_flags_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """Each log has its own prefix, over HTTP."""
    command = [sys.executable, "-m", "services.witness_replay", "--data", str(tmp_path)]
    command += ["--listen", "127.0.0.1:0", "--log", SIGNER.verifier_key.format()]
    for more, reason in (
        (["--replay", "ftp://a"], "is neither http nor https"),
        (["--replay", "http://a", "--replay", "http://b"], "one --replay for each --log"),
    ):
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert (1, True) == (done.returncode, reason in done.stderr), done.stderr


def test_it_needs_nothing_but_the_base_install() -> None:
    """No database library, no gRPC; and the plain witness knows nothing of it."""
    loaded = {}
    for unit in ("witness", "witness_replay"):
        script = f"import sys, services.{unit}.__main__; print(*sys.modules)"
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        loaded[unit] = set(done.stdout.split())
    extras = {"eventsourcing", "google", "grpc", "psycopg", "sqlalchemy", "starlette"}

    assert not extras & {name.partition(".")[0] for name in loaded["witness_replay"]}
    assert not [name for name in loaded["witness"] if name.startswith("services.witness_replay")]
    services = {name for name in loaded["witness_replay"] if name.startswith("services.")}
    known = ("services.witness", "services.runtime")
    assert all(name.startswith(known) for name in services)
    assert {"services.runtime", "services.runtime.http_client"} == {
        name for name in services if name.startswith("services.runtime")
    }
