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


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Each test uses ids of its own; the last one kills it."""
    running = LocalServer(tmp_path_factory.mktemp("sdk") / "data")
    running.start()
    try:
        with grpc.insecure_channel(running.grpc) as channel:
            registry = registry_pb2_grpc.RegistryServiceStub(channel)
            for name in ("agencies/a", "agencies/sampleton-pd"):
                agency = registry_pb2.Agency(name=name, display_name=name)
                registry.RegisterAgency(
                    registry_pb2.RegisterAgencyRequest(parent=PARENT, agency=agency)
                )
        yield running
    finally:
        running.kill()


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


def test_guide_s_example_runs(
    server: LocalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The code under "From Python" in the integrators' guide, as it stands there."""
    guide = (ROOT / "docs" / "guides" / "integrator.md").read_text("utf-8")
    code = guide.partition("## From Python")[2].partition("```python\n")[2].partition("```")[0]
    code = code.replace("127.0.0.1:50051", server.grpc)
    exec(code.replace("/var/lib/station/spool", str(tmp_path / "spool")), {})
    name, leaf_index, duplicate = capsys.readouterr().out.split()

    assert ("toolUses", str(head(server) - 1), "False") == (
        name.partition("/")[0],
        leaf_index,
        duplicate,
    )


def test_program_that_ends_without_closing(server: LocalServer, tmp_path: Path) -> None:
    """What was taken is sent, or stays in the spool, though nobody closed the client."""
    script = (
        "import sys; from services.client import Client; from tests.e2e.reporting_client import *\n"
        "client = Client(sys.argv[1], spool=sys.argv[2], on_refused=refused)\n"
        "for n in range(100): client.report(use(f'end-{n}'), durable='spool')"
    )
    spool = tmp_path / "spool"
    command = [sys.executable, "-c", script, server.grpc, str(spool)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=WAIT_S)
    with Client(server.grpc, spool=spool, on_refused=refused) as client:
        until(lambda: client.spool_bytes == 0)

    assert 100 == len(set(places(server, [f"end-{number}" for number in range(100)])))


def spooled_until_killed(server: LocalServer, spool: Path, prefix: str, after: int) -> list[str]:
    """What a client said that it had spooled, when it was killed after so many lines."""
    command = [sys.executable, "-m", "tests.e2e.reporting_client"]
    with subprocess.Popen(
        [*command, server.grpc, str(spool), prefix],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as client:
        assert client.stdout is not None
        lines = [next(client.stdout) for _ in range(after)]
        client.kill()
        lines += list(client.stdout)
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
    count = recorded - before  # spooled in order, so no number can be larger
    every = [f"{prefix}-{number}" for prefix in "ab" for number in range(count)]
    with Client(server.grpc, spool=spool, on_refused=refused) as client:
        receipts = [future.result(WAIT_S) for future in [client.report(use(one)) for one in every]]
    assert before + len(every) == head(server)
    assert count == sum(receipt.duplicate for receipt in receipts)


def test_killed_server_costs_only_time(server: LocalServer, tmp_path: Path) -> None:
    """A ledger killed with -9 and started again: every report gets its receipt, each use once.

    With a spool and without.
    """
    before = head(server)
    ids = [[f"{kind}-{number}" for number in range(COUNT // 2)] for kind in ("plain", "spooled")]
    with (
        Client(server.grpc, settings=QUICK) as plain,
        Client(
            server.grpc, spool=tmp_path / "spool", on_refused=refused, settings=QUICK
        ) as spooled,
    ):
        clients = list(zip((plain, spooled), ids, strict=True))
        futures = [[client.report(use(one)) for one in mine[:1_500]] for client, mine in clients]
        until(lambda: all(of_client[300].done() for of_client in futures))
        server.kill()
        for of_client, (client, mine) in zip(futures, clients, strict=True):
            of_client += [client.report(use(one)) for one in mine[1_500:]]
        until(lambda: plain.trouble is not None and spooled.trouble is not None)
        with LocalServer(server.data, grpc=server.grpc) as again:
            receipts = [[future.result(WAIT_S) for future in of_client] for of_client in futures]
            assert [None, None] == [plain.trouble, spooled.trouble]
            assert before + COUNT == head(again)
            for got, mine in zip(receipts, ids, strict=True):
                assert [receipt.leaf_index for receipt in got] == places(again, mine)
