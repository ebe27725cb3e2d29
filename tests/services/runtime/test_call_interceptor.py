"""Is every call counted once, with the status that its caller got? Over real gRPC."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.ingest.servicer import SERVICE
from services.pb.candour.v1 import ingest_pb2
from services.runtime.call_interceptor import code_of
from services.runtime.settings import Settings
from services.runtime.telemetry import Telemetry, open_telemetry
from tests.collector import metrics_of
from tests.services.harness import PARENT, Server, use

_SOON_S = 30.0
_COUNT = "rpc_server_call_duration_seconds_count"


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Telemetry]]:
    """A server whose calls are counted."""
    telemetry = open_telemetry("test", {})
    with Server(Settings(data=Path(tmp_path_factory.mktemp("data"))), telemetry) as server:
        yield server, telemetry


def _calls(telemetry: Telemetry, method: str) -> dict[str, float]:
    """How many calls of a method ended with which status."""
    assert telemetry.render is not None
    found = metrics_of(telemetry.render()).get(_COUNT, {})
    by_labels = ((dict(labels), value) for labels, value in found.items())
    return {
        labels["rpc_grpc_status_code"]: value
        for labels, value in by_labels
        if labels["rpc_method"] == method
    }


def _await_call(telemetry: Telemetry, method: str, code: grpc.StatusCode) -> None:
    """A caller knows its status a moment before the server has counted it."""
    deadline = time.monotonic() + _SOON_S
    while str(code.value[0]) not in _calls(telemetry, method):
        assert time.monotonic() < deadline, _calls(telemetry, method)
        time.sleep(0.02)


def test_calls_are_counted_by_their_status(counted: tuple[Server, Telemetry]) -> None:
    """Those that go well, and those that are refused, each under its number."""
    server, telemetry = counted
    before = _calls(telemetry, "ReportToolUse").get("0", 0)
    server.report(use())
    server.report(use())
    with pytest.raises(grpc.RpcError):
        server.report(use(agency="agencies/unheard-of"))
    with pytest.raises(grpc.RpcError):
        server.ingest.ReportToolUse(ingest_pb2.ReportToolUseRequest(parent="ledgers/other"))
    _await_call(telemetry, "ReportToolUse", grpc.StatusCode.NOT_FOUND)

    assert {"0": before + 2, "9": 1, "5": 1} == _calls(telemetry, "ReportToolUse")


def test_streams_count_as_one_call(counted: tuple[Server, Telemetry]) -> None:
    """However many uses one carries; one that ends in an error has that."""
    server, telemetry = counted
    request = ingest_pb2.StreamToolUsesRequest
    uses = [request(parent=PARENT, tool_use=use()) for _ in range(5)]
    assert 5 == sum(len(said.results) for said in server.ingest.StreamToolUses(iter(uses)))
    with pytest.raises(grpc.RpcError):
        list(server.ingest.StreamToolUses(iter([request(parent="ledgers/other")])))
    _await_call(telemetry, "StreamToolUses", grpc.StatusCode.NOT_FOUND)

    assert {"0": 1, "5": 1} == _calls(telemetry, "StreamToolUses")


def test_who_goes_away_is_counted(
    counted: tuple[Server, Telemetry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it asked for may be recorded all the same; the call is CANCELLED."""
    server, telemetry = counted
    store, append = server.hosted.store, server.hosted.store.append

    def slow(*arguments: object, **named: object) -> object:
        time.sleep(1)
        return append(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "append", slow)
    request = ingest_pb2.BatchReportToolUsesRequest(parent=PARENT, tool_uses=[use()])
    call = server.ingest.BatchReportToolUses.future(request)
    time.sleep(0.2)  # it is under way then, or is cancelled before it begins, which also counts
    call.cancel()
    _await_call(telemetry, "BatchReportToolUses", grpc.StatusCode.CANCELLED)


@pytest.mark.parametrize(
    ("expected", "left_s"),
    [(grpc.StatusCode.CANCELLED, None), (grpc.StatusCode.CANCELLED, 5.0)]
    + [(grpc.StatusCode.DEADLINE_EXCEEDED, left_s) for left_s in (0.0, 0.02, -1.0)],
)
def test_a_deadline_is_told_from_a_change_of_mind(
    expected: grpc.StatusCode, left_s: float | None
) -> None:
    """Both cancel the call; what was left of its time says which it was."""
    context = SimpleNamespace(code=lambda: None, time_remaining=lambda: left_s)
    assert expected.value[0] == code_of(context, asyncio.CancelledError())


def test_what_cannot_be_read_is_counted(counted: tuple[Server, Telemetry]) -> None:
    """A request that is no message of its type is INVALID_ARGUMENT here as for its caller."""
    server, telemetry = counted
    raw = server.channel.unary_unary(
        f"/{SERVICE}/DeclareImport", lambda data: data, Empty.FromString
    )
    with pytest.raises(grpc.RpcError):
        raw(b"\xff\xff")
    _await_call(telemetry, "DeclareImport", grpc.StatusCode.INVALID_ARGUMENT)

    assert {"3": 1} == _calls(telemetry, "DeclareImport")


def test_health_checks_are_nobodys_calls(counted: tuple[Server, Telemetry]) -> None:
    """A probe a second would hide what callers see."""
    server, telemetry = counted
    health_pb2_grpc.HealthStub(server.channel).Check(health_pb2.HealthCheckRequest())

    assert {} == _calls(telemetry, "Check")
