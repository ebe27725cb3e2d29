"""PostgreSQL crashes: a session of its own is killed, its log is not written or not synced.

session of our writer ─strace─► sync n fails (EIO), or it is killed in it
    ─► PostgreSQL ends all sessions and recovers ─► audit as it stands ─► gone on ─► audit
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.store.core import StoreUnavailable
from ledger.store.postgres import PostgresStore
from services.cli.local_server import LocalServer
from tests.faults.chaos import some
from tests.faults.checks import UNAVAILABLE, as_it_stands, in_the_end, unharmed
from tests.faults.servers.callers import SOON_S, register, until, watched
from tests.faults.servers.checks import audited, nothing_lost
from tests.faults.strace import need_strace
from tests.faults.tally import Tally
from tests.faults.workload import go_on
from tests.faults.world import Acknowledged, World
from tests.ledgers import PostgresPlace
from tests.postgres import PostgresCluster, create_database

_FAULTS = {
    "fdatasync:error=EIO": "its log's sync answers EIO",
    "pwrite64:error=ENOSPC": "its log's write answers ENOSPC",
    "fdatasync:signal=KILL": "session killed in a sync",
}


@contextmanager
def traced(pid: int, fault: str) -> Iterator[None]:
    """A process whose call fails, or is its last."""
    name = fault.partition(":")[0]
    tracer = subprocess.Popen(
        ["strace", "-o", "/dev/null", "-p", str(pid), f"-etrace={name}", f"-einject={fault}"],
        stderr=subprocess.PIPE,
        text=True,
    )
    with tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.terminate()


def up_again(place: PostgresPlace) -> PostgresStore:
    """A store of somebody else's, once crash recovery is done."""
    deadline = time.monotonic() + SOON_S
    while True:
        try:
            store = place.open()
            assert isinstance(store, PostgresStore)
            return store
        except StoreUnavailable:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def run(place: PostgresPlace, fault: str, expected: list[str]) -> str:
    """One crash in the middle of the workload; what became of the step that was under way."""
    place.forget()
    acknowledged: Acknowledged = {}
    became = "not reached"
    world = World(place.open(), place.engine(), 0, acknowledged)
    world.store.claim({})  # its writer is connected
    assert isinstance(world.store, PostgresStore)
    assert world.store._writer is not None
    with traced(world.store._writer.info.backend_pid, fault):
        while True:
            try:
                go_on(world)
                break
            except UNAVAILABLE:
                store = up_again(place)
                became = as_it_stands(store, None, acknowledged, expected)
    in_the_end(world)
    return became


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("fault", _FAULTS)
def test_crash_of_postgres_loses_nothing_acknowledged(
    postgres_cluster: PostgresCluster, fault: str, tally: Tally
) -> None:
    """Whichever sync or write of its log fails, PostgreSQL starts over from it: what was
    acknowledged is there, the store finds its way back, and the step is taken again."""
    need_strace()
    place = PostgresPlace(create_database(postgres_cluster.url()))
    expected = unharmed(place)
    for nth in some(range(1, 15), 1, chaos=8):
        became = run(place, f"{fault}:when={nth}", expected)
        assert became != "not reached"
        tally(_FAULTS[fault], "postgres", became)
    place.close()


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
def test_postgres_stopped_at_once_again_and_again(
    postgres_cluster: PostgresCluster, tmp_path: Path, tally: Tally
) -> None:
    """`pg_ctl stop -m immediate` under load, twenty times: reports go on each time, none is lost."""
    url = create_database(postgres_cluster.url())
    with LocalServer(tmp_path / "data", database_url=url) as server:
        register(server.grpc)
        with watched(server, callers=3, batch=50) as seen:
            for _ in range(20):
                postgres_cluster.kill()
                time.sleep(0.2)
                postgres_cluster.start()
                up_at = time.monotonic()
                until(lambda at=up_at: seen.reporters.recorded_since(at), "reports again")  # type: ignore[misc]  # mypy infers no lambda with a default
                tally("PostgreSQL stopped at once", "postgres", "went on")
        nothing_lost(server.grpc, seen.reporters.places, seen.reporters.unsent)
    audited(tmp_path / "data", url)
