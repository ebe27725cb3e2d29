"""SIGTERM under load, and the database away meanwhile: is what was acknowledged there, and is it over?"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import grpc
import pytest

from services.cli.local_server import LocalServer
from tests.e2e.conftest import STORES
from tests.faults.servers.callers import Reporters, register, until, watched
from tests.faults.servers.checks import audited, nothing_lost
from tests.faults.servers.conftest import Wired
from tests.faults.servers.test_database import DEADLINE_S
from tests.faults.tally import Tally
from tests.postgres import create_database, drop_database

ENDS_S = 75.0  # as docs/guides/operator.md promises
TOLD = {"OK", "UNAVAILABLE DRAINING", "UNAVAILABLE", "CANCELLED"}


def end(server: LocalServer) -> float:
    """Ask it to end, and wait until it has; returns how long that took."""
    assert server.process is not None
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert 0 == server.process.wait(ENDS_S)
    return time.monotonic() - began


@pytest.mark.parametrize("store", STORES)
def test_what_was_accepted_is_committed(
    store: str, request: pytest.FixtureRequest, tmp_path: Path, tally: Tally
) -> None:
    """Ended in the middle of a load, and started again: every receipt holds, nothing stands twice."""
    url = None
    if store == "postgres":
        server_url = request.getfixturevalue("postgres_server")
        url = create_database(server_url)
    data = tmp_path / "data"
    server = LocalServer(data, database_url=url)
    server.start()
    register(server.grpc)
    with Reporters(server.grpc, callers=4, batch=100, pause_s=0.0) as reporters:
        until(lambda: len(reporters.places) > 2_000, "reports under way")
        took_s = end(server)
        until(lambda: {"OK"} != set(reporters.codes()), "callers notice")
    assert set(reporters.codes()) <= TOLD, reporters.codes()
    for told in reporters.told:
        assert told.reason != "DRAINING" or told.retry_s is not None
    assert took_s < 30, "nothing kept it from ending"
    with LocalServer(data, database_url=url) as again:
        nothing_lost(again.grpc, reporters.places, reporters.unsent)
    audited(data, url)
    if url is not None:
        drop_database(server_url, url)
    tally("SIGTERM under load", store, "drained, once")


@pytest.mark.chaos
@pytest.mark.postgres
@pytest.mark.timeout(300)
def test_server_ends_though_its_database_hangs(wired: Wired, tally: Tally) -> None:
    """Ended while the database says nothing: it is over within the promised time, and no receipt
    was given for what nobody knows of."""
    with watched(wired.server, deadline_s=DEADLINE_S, callers=4, pause_s=0.0) as seen:
        wired.proxy.stall()
        time.sleep(1.0)
        took_s = end(wired.server)
    assert took_s < ENDS_S
    wired.proxy.flow()
    assert all(
        told.code in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        for told in seen.reporters.told
    )
    with LocalServer(wired.server.data, database_url=wired.database_url) as again:
        nothing_lost(again.grpc, seen.reporters.places, seen.reporters.unsent)
    tally("SIGTERM while the database hangs", "postgres", "ended, once")
