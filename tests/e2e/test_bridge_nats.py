"""Is each use that a station stored in NATS in the ledger, once, whatever is killed on the way?"""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import grpc
import pytest

from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2, ingest_pb2_grpc, registry_pb2, registry_pb2_grpc
from services.pb.candour.v1.proofs_pb2 import GetTreeHeadRequest
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from services.runtime.http_client import get
from tests.collector import value_of
from tests.deploy.proxied import Authority
from tests.nats_server import NatsServer, publish_through
from tests.services.harness import use

ROOT: Final = Path(__file__).parents[2]
PARENT: Final = "ledgers/main"
WAIT_S: Final = 90.0
COUNT: Final = 2_000
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}
ACK_WAIT_S: Final = 2


class Bridge:
    """A `candour bridge nats` process. Use it as a context manager.

    Args:
        log: What it says.
        stream: Made of `<stream>.>` where it is missing.
    """

    def __init__(
        self, log: Path, nats: str, target: str, stream: str, *options: str | Path
    ) -> None:
        self.log = log
        command = [sys.executable, "-m", "services.cli", "bridge", "nats", "--server", nats]
        command += ["--target", target, "--stream", stream, "--make", f"{stream}.>"]
        command += ["--ack-wait", str(ACK_WAIT_S), "--http", "127.0.0.1:0", *map(str, options)]
        self._command = command
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self.process.kill()
            self.process.wait()
            sys.stderr.write(self.said())
        else:
            assert 0 == self.stop(), self.said()

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log)
        until(lambda: self.process.poll() is not None or "\nready\n" in self.said())
        assert self.process.poll() in (None, 0), self.said()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def run_out(self) -> int:
        """Run it to its own end; returns its exit status."""
        with self.log.open("wb") as log:
            return subprocess.run(
                self._command, cwd=ROOT, stdout=log, stderr=log, timeout=WAIT_S, check=False
            ).returncode

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def ask(self, path: str) -> tuple[int, bytes]:
        found = re.search(r"^http +(\S+)$", self.said(), re.M)
        assert found is not None
        reply = get(f"{found[1]}{path}", most=1_000_000, timeout_s=WAIT_S)
        return reply.status, reply.body

    def count(self, stream: str, outcome: str) -> float | None:
        labels = {"stream": stream, "outcome": outcome}
        return value_of(self.ask("/metrics")[1], "candour_bridge_messages_total", labels)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Each test uses ids and a stream of its own; agencies/a is registered."""
    running = LocalServer(tmp_path_factory.mktemp("bridged") / "data")
    running.start()
    try:
        register(running, "agencies/a")
        yield running
    finally:
        running.kill()


def register(server: LocalServer, name: str) -> None:
    with grpc.insecure_channel(server.grpc) as channel:
        registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=PARENT, agency=registry_pb2.Agency(name=name, display_name=name)
            )
        )


def head(server: LocalServer) -> int:
    with grpc.insecure_channel(server.grpc) as channel:
        return ProofsServiceStub(channel).GetTreeHead(GetTreeHeadRequest(parent=PARENT)).tree_size


def places(server: LocalServer, ids: list[str]) -> list[int]:
    """Leaf indexes of uses that are recorded already; fails where one is not."""
    request = ingest_pb2.BatchReportToolUsesRequest(
        parent=PARENT, tool_uses=[use(one) for one in ids]
    )
    with grpc.insecure_channel(server.grpc) as channel:
        answer = ingest_pb2_grpc.IngestServiceStub(channel).BatchReportToolUses(request)
    assert [True] * len(ids) == [result.receipt.duplicate for result in answer.results]
    return [result.receipt.leaf_index for result in answer.results]


def test_killed_in_turn_each_use_is_recorded_once_and_in_order(
    nats: NatsServer, tmp_path: Path
) -> None:
    """Ledger, bridge and NATS killed with -9 while 2,000 uses are on their way: all are there, once,
    in the order in which their station published them."""
    ids = [f"k-{number}" for number in range(COUNT)]
    bodies = [(one, use(one).SerializeToString()) for one in ids]
    ledger = LocalServer(tmp_path / "data")
    ledger.start()
    bridge = Bridge(tmp_path / "bridge.log", nats.url, ledger.grpc, "KILLED", "--batch", "100")
    try:
        register(ledger, "agencies/a")
        bridge.start()
        published = threading.Semaphore(0)
        station = threading.Thread(
            target=lambda: asyncio.run(station_of(nats.url, bodies, published.release)), daemon=True
        )
        station.start()
        for _ in range(COUNT // 4):
            published.acquire(timeout=WAIT_S)
        until(lambda: head(ledger) > COUNT // 8)
        ledger.kill()
        until(lambda: bridge.ask("/readyz")[0] == 503)
        address = ledger.grpc
        ledger = LocalServer(tmp_path / "data", grpc=address)
        ledger.start()
        until(lambda: head(ledger) > COUNT // 4)
        bridge.kill()
        bridge.start()
        until(lambda: head(ledger) > COUNT // 2)
        nats.kill()
        nats.start()
        station.join(WAIT_S)
        assert not station.is_alive()
        until(lambda: nats.waiting("KILLED", "candour") == 0)
        found = places(ledger, ids)

        assert COUNT == len(set(found))
        assert sorted(found) == found
        assert COUNT + 1 == head(ledger)  # and the agency
        assert [] == nats.held("KILLED_DEAD")
        assert 0 == bridge.stop()
    finally:
        bridge.kill()
        ledger.kill()


async def station_of(url: str, bodies: list[tuple[str, bytes]], stored: Callable[[], None]) -> None:
    """Publishes protobuf, as a station that has no bridge to wait for."""
    await publish_through(url, "KILLED.s", bodies, stored, PROTOBUF)


def test_what_no_ledger_takes_is_kept_with_the_reason_and_can_be_reported_again(
    nats: NatsServer, ledger: LocalServer, tmp_path: Path
) -> None:
    """Malformed messages and uses of an unregistered agency go to the dead letters, the rest of
    their batch into the ledger; registered, they are reported out of there."""
    stream, agency = "REFUSED", "agencies/late"
    before = head(ledger)
    with Bridge(tmp_path / "log", nats.url, ledger.grpc, stream) as bridge:
        nats.publish(f"{stream}.s", b"{", b'{"agency": "agencies/a"}')
        late = use("late-1", agency=agency).SerializeToString()
        nats.publish(f"{stream}.s", late, use("good-1").SerializeToString(), headers=PROTOBUF)
        until(lambda: nats.waiting(stream, "candour") == 0)
        assert 3 == bridge.count(stream, "dead")
        assert 1 == bridge.count(stream, "recorded")
        assert (200, b"ok\n") == bridge.ask("/readyz")
    assert before + 1 == head(ledger)
    dead = nats.held(f"{stream}_DEAD")

    assert [b"{", b'{"agency": "agencies/a"}', late] == [body for body, _ in dead]
    reasons = [headers["Candour-Reason"] for _, headers in dead]
    assert ["MALFORMED", "MALFORMED", "AGENCY_NOT_REGISTERED"] == reasons
    assert "source" in dead[1][1]["Candour-Says"]
    assert f"{stream} 3 {stream}.s" == dead[2][1]["Candour-From"]

    register(ledger, agency)
    again = ("--once", "--durable", "again", "--dead-letters", "dead.again")
    Bridge(tmp_path / "again", nats.url, ledger.grpc, f"{stream}_DEAD", *again).run_out()
    assert before + 3 == head(ledger)
    assert [b"{", b'{"agency": "agencies/a"}'] == [
        body for body, _ in nats.held(f"{stream}_DEAD_DEAD")
    ]


@pytest.mark.thorough
def test_asked_to_end_it_gives_back_what_it_holds(
    nats: NatsServer, ledger: LocalServer, tmp_path: Path
) -> None:
    """With its ledger away, SIGTERM ends a bridge at once; the next one reports what it held."""
    stream = "ENDED"
    nowhere = "127.0.0.1:9"
    with Bridge(tmp_path / "away", nats.url, nowhere, stream) as bridge:
        nats.publish(f"{stream}.s", use("ended-1").SerializeToString(), headers=PROTOBUF)
        until(lambda: bridge.ask("/readyz")[0] == 503)
        assert b"the ledger takes nothing" in bridge.ask("/readyz")[1]
    assert "given back" in bridge.said()
    assert 1 == nats.waiting(stream, "candour")
    Bridge(tmp_path / "next", nats.url, ledger.grpc, stream, "--once").run_out()

    assert 1 == len(places(ledger, ["ended-1"]))
    assert 0 == nats.waiting(stream, "candour")


def test_over_tls_and_never_in_the_clear_to_another_machine(
    ledger: LocalServer, tmp_path: Path
) -> None:
    """Both sides show certificates; without TLS a server elsewhere is not even connected to."""
    authority = Authority(tmp_path / "authority")
    authority.sign("server", "/CN=localhost", "subjectAltName=IP:127.0.0.1")
    authority.sign("bridge", "/CN=bridge")
    authority.sign("station", "/CN=station")
    own = authority.folder
    certificates: tuple[str | Path, ...] = (
        "--tls",
        "--tlscert",
        own / "server.crt",
        "--tlskey",
        own / "server.key",
    )
    certificates += ("--tlscacert", own / "ca.crt", "--tlsverify")
    stream, trusted = "SECRET", ("--ca", own / "ca.crt")
    known = (*trusted, "--cert", own / "bridge.crt", "--key", own / "bridge.key")
    with NatsServer(tmp_path / "nats", *certificates) as nats:
        with Bridge(tmp_path / "log", nats.url, ledger.grpc, stream, *known):
            station = nats.trusting(own / "ca.crt", own / "station.crt", own / "station.key")
            station.publish(f"{stream}.s", use("tls-1").SerializeToString(), headers=PROTOBUF)
            until(lambda: station.waiting(stream, "candour") == 0)
        assert 1 == len(places(ledger, ["tls-1"]))
        for options in ((), trusted):
            bridge = Bridge(tmp_path / "no", nats.url, ledger.grpc, stream, *options)
            assert 1 == bridge.run_out()
            assert "NATS cannot be reached" in bridge.said()
    bridge = Bridge(tmp_path / "clear", "nats://192.0.2.1:4222", ledger.grpc, stream)
    assert (1, True) == (bridge.run_out(), "in the clear" in bridge.said())


def test_guide_s_station_publishes_what_the_bridge_reports(
    nats: NatsServer, ledger: LocalServer, tmp_path: Path
) -> None:
    """The code under "Stations that store and forward" in the integrators' guide, as it stands."""
    guide = (ROOT / "docs" / "guides" / "integrator.md").read_text("utf-8")
    code = guide.partition("## Stations that store and forward")[2]
    code = code.partition("```python\n")[2].partition("```")[0]
    register(ledger, "agencies/sampleton-pd")
    with Bridge(tmp_path / "log", nats.url, ledger.grpc, "USES", "--make", "uses.>") as bridge:
        script = tmp_path / "station.py"
        script.write_text(code.replace("nats://127.0.0.1:4222", nats.url))
        subprocess.run([sys.executable, script], check=True, timeout=WAIT_S)
        until(lambda: bridge.count("USES", "recorded") == 1)
