"""The database goes on elsewhere: is what was acknowledged there, too?

server ──proxy──► primary ══streams, synchronously══► standby ──promoted──► the proxy leads there
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import grpc
import psycopg
import pytest

from services.pb.candour.v1 import ingest_pb2, ingest_pb2_grpc
from tests.faults.servers.callers import (
    OPTIONS,
    PARENT,
    SOON_S,
    places_again,
    told_by,
    until,
    use,
    watched,
)
from tests.faults.servers.conftest import Wired
from tests.faults.servers.standby import (
    Standby,
    set_synchronous,
    streaming,
    waiting_for_standby,
)
from tests.faults.servers.test_database import DEADLINE_S, alive, away, goes_on
from tests.faults.tally import Tally
from tests.postgres import PostgresCluster

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]


@pytest.fixture
def standby(wired: Wired) -> Iterator[Standby]:
    """Follows the server's database; commits wait for it."""
    with Standby(wired.cluster) as following:
        until(lambda: streaming(wired.cluster), "the standby follows")
        set_synchronous(wired.cluster, "*")
        try:
            yield following
        finally:
            if not wired.cluster.running:
                wired.cluster.start()
            set_synchronous(wired.cluster, "")


def elsewhere(url: str, other: PostgresCluster) -> str:
    """The database of the same name on another server."""
    return urlunsplit(urlsplit(other.url())._replace(path=urlsplit(url).path))


def test_promoted_standby_has_what_was_acknowledged(
    wired: Wired, standby: Standby, tally: Tally
) -> None:
    """The primary crashes under load and its standby takes over: reports go on, all is there."""
    with watched(wired.server, deadline_s=DEADLINE_S) as seen:
        wired.cluster.kill()
        standby.promote()
        wired.proxy.lead_to(standby.port)
        goes_on(seen, "the promotion")
    alive(seen)
    away(seen.reporters, 0.0)
    wired.check(seen.reporters, database_url=elsewhere(wired.database_url, standby))
    tally("promoted elsewhere", "postgres", "told, once")


def test_commit_that_no_standby_has_is_not_acknowledged(
    wired: Wired, standby: Standby, tally: Tally
) -> None:
    """Cancelling a wait for the standby makes PostgreSQL say that it committed, with a warning:
    no receipt is given until a standby has it, and then it survives the primary."""
    places_again(wired.server.grpc, ["detacilpernu"])  # of the same performer: that is known now
    standby.kill()
    until(lambda: not streaming(wired.cluster), "the standby is gone")
    with grpc.insecure_channel(wired.server.grpc, OPTIONS) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        request = ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use("unreplicated"))
        for _ in range(2):  # the second finds the first, which no standby has either
            call = stub.ReportToolUse.future(request, timeout=SOON_S)
            until(partial(cancelled, wired.cluster, call), "it was cancelled")
            assert "STORE_UNAVAILABLE" == told_by(call.exception(), time.monotonic()).reason
        standby.start()
        receipt = stub.ReportToolUse(request, timeout=SOON_S).receipt
    wired.cluster.kill()
    standby.promote()
    wired.proxy.lead_to(standby.port)
    now = time.monotonic()

    def found() -> bool:
        try:
            places = places_again(wired.server.grpc, ["unreplicated"])
        except grpc.RpcError:
            return False
        return places == {"unreplicated": (receipt.leaf_index, receipt.leaf_hash)}

    until(found, "it is there, at its place")
    assert time.monotonic() - now < SOON_S
    tally("wait for the standby cancelled", "postgres", "no receipt before a standby has it")


def cancelled(primary: PostgresCluster, call: Any) -> bool:
    """Cancel what waits, as an operator does to a statement that hangs; true once the call ended."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        for pid in waiting_for_standby(primary):
            connection.execute("SELECT pg_cancel_backend(%s)", (pid,))
    return bool(call.done())
