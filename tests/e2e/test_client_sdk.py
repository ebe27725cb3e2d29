"""Is a use that the SDK took in the ledger, once, whatever is killed on the way?"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from services.cli.local_server import LocalServer
from services.client import Client, Settings
from services.pb.candour.v1 import ingest_pb2, ingest_pb2_grpc, registry_pb2, registry_pb2_grpc
from services.pb.candour.v1.proofs_pb2 import GetTreeHeadRequest
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from tests.e2e.reporting_client import refused, use

ROOT = Path(__file__).parents[2]
PARENT = "ledgers/main"
WAIT_S = 60.0
COUNT = 6_000
QUICK = Settings(max_delay_s=0.2)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalServer]:
    with LocalServer(tmp_path / "data") as running:
        agency = registry_pb2.Agency(name="agencies/a", display_name="A")
        with grpc.insecure_channel(running.grpc) as channel:
            registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(
                registry_pb2.RegisterAgencyRequest(parent=PARENT, agency=agency)
            )
        yield running


def head(server: LocalServer) -> int:
    with grpc.insecure_channel(server.grpc) as channel:
        return ProofsServiceStub(channel).GetTreeHead(GetTreeHeadRequest(parent=PARENT)).tree_size


def places(server: LocalServer, ids: list[str]) -> list[int]:
    """Leaf indexes of uses that are recorded already; fails where one is not."""
    with grpc.insecure_channel(server.grpc) as channel:
        results = (
            ingest_pb2_grpc.IngestServiceStub(channel)
            .BatchReportToolUses(
                ingest_pb2.BatchReportToolUsesRequest(
                    parent=PARENT, tool_uses=[use(one) for one in ids]
                )
            )
            .results
        )
    assert [True] * len(ids) == [result.receipt.duplicate for result in results]
    return [result.receipt.leaf_index for result in results]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def spooled_until_killed(server: LocalServer, spool: Path, prefix: str, after: int) -> list[str]:
    """What a client said that it had spooled, when it was killed after so many lines."""
    command = [sys.executable, "-m", "tests.e2e.reporting_client"]
    with subprocess.Popen(
        [*command, server.grpc, str(spool), prefix, str(COUNT)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as client:
        assert client.stdout is not None
        lines = [next(client.stdout) for _ in range(after)]
        client.kill()
        lines += list(client.stdout)
    assert COUNT > len(lines)
    return [line.rstrip("\n") for line in lines]


def test_killed_client_loses_and_doubles_nothing(server: LocalServer, tmp_path: Path) -> None:
    """Killed with -9 in mid-stream, twice: after the next start, each spooled use is recorded once."""
    spool = tmp_path / "spool"
    before = head(server)
    said = [
        one
        for prefix, after in (("a", 1), ("b", 1_500))
        for one in spooled_until_killed(server, spool, prefix, after)
    ]
    with Client(server.grpc, spool=spool, on_refused=refused) as client:
        until(lambda: client.spool_bytes == 0)
    recorded = head(server)
    found = places(server, said)

    assert len(said) == len(set(said)) == len(set(found))
    assert recorded == head(server)  # asking for them added nothing
    every = [f"{prefix}-{number}" for prefix in "ab" for number in range(COUNT)]
    with Client(server.grpc, spool=spool, on_refused=refused) as client:
        receipts = [future.result(WAIT_S) for future in [client.report(use(one)) for one in every]]
    assert before + len(every) == head(server)
    assert recorded - before == sum(receipt.duplicate for receipt in receipts)


@pytest.mark.parametrize("spooled", [True, False])
def test_killed_server_costs_only_time(server: LocalServer, tmp_path: Path, spooled: bool) -> None:
    """A ledger killed with -9 and started again: every report gets its receipt, each use once."""
    spool = tmp_path / "spool" if spooled else None
    before = head(server)
    ids = [f"{number}" for number in range(COUNT)]
    with Client(server.grpc, spool=spool, on_refused=refused, settings=QUICK) as client:
        futures = [client.report(use(one)) for one in ids[: COUNT // 2]]
        until(lambda: futures[600].done())
        server.kill()
        futures += [client.report(use(one)) for one in ids[COUNT // 2 :]]
        until(lambda: client.trouble is not None)
        with LocalServer(server.data, grpc=server.grpc) as again:
            receipts = [future.result(WAIT_S) for future in futures]
            assert client.trouble is None
            assert before + COUNT == head(again)
            assert [receipt.leaf_index for receipt in receipts] == places(again, ids)
    server.process = None  # it was killed; nothing is left to stop
