"""Does a running ledger say how it is doing, to a collector and at /metrics, and nothing more?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import pytest

from services.cli.local_server import LocalServer
from services.pb.candour.v1 import (
    common_pb2,
    ingest_pb2,
    ingest_pb2_grpc,
    query_pb2,
    query_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from services.runtime.http_client import get
from services.runtime.metric_names import METRICS, prometheus_names
from tests.collector import Collector, attributes_of, metrics_of, value_of
from tests.services.harness import AGENCY, PARENT, text, use

# What no span, metric or log line may hold: values, ids, filters, names of people, a caller's text.
MARK: Final = "MARKEDVALUE"
TRACE: Final = "0af7651916cd43dd8448eb211c80319c"
PARENT_SPAN: Final = "b7ad6b7169203331"


@dataclass(frozen=True)
class Run:
    """One ledger's life, as its collector saw it."""

    collector: Collector
    metrics: bytes
    log: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Three uses, one of them twice; one refused; one question; then the end."""
    data = tmp_path_factory.mktemp("data")
    with Collector() as collector:
        environment = {**collector.environment, "CANDOUR_LOG_FORMAT": "json"}
        with LocalServer(data, environment=environment) as server:
            _use(server)
            collector.await_spans("candour.project")
            metrics = get(f"http://{server.http}/metrics", most=1_000_000, timeout_s=30).body
        yield Run(collector, metrics, (data / "serve.log").read_text())


def _use(server: LocalServer) -> None:
    with grpc.insecure_channel(server.grpc) as channel:
        registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=PARENT, agency=registry_pb2.Agency(name=AGENCY, display_name=MARK)
            )
        )
        ingest = ingest_pb2_grpc.IngestServiceStub(channel)
        told = (("traceparent", f"00-{TRACE}-{PARENT_SPAN}-01"), ("tracestate", f"a={MARK}"))
        one = ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=_marked("one"))
        first = ingest.ReportToolUse(one, metadata=told)
        batch = ingest_pb2.BatchReportToolUsesRequest(
            parent=PARENT,
            tool_uses=[_marked("one"), _marked("two"), _marked("bad", agency=f"agencies/{MARK}")],
        )
        results = ingest.BatchReportToolUses(batch).results
        assert results[0].receipt.duplicate
        assert results[2].HasField("error")
        query = query_pb2_grpc.QueryServiceStub(channel)
        query.ListToolUses(
            query_pb2.ListToolUsesRequest(
                parent=PARENT, filter=f'performer = "{MARK}"', min_tree_size=3
            )
        )
        with pytest.raises(grpc.RpcError):
            query.ListToolUses(
                query_pb2.ListToolUsesRequest(parent=PARENT, filter=f'{MARK} = "{MARK}"')
            )
        assert first.receipt.name


def _marked(event: str, **members: str) -> common_pb2.ToolUse:
    return use(
        f"{MARK}-{event}",
        performer=common_pb2.Performer(user_id=MARK, name=f"Jane {MARK}"),
        case_number=text(MARK),
        reason=text(f"because {MARK}"),
        **members,
    )


def test_a_call_can_be_followed_to_its_commit(run: Run) -> None:
    """The caller's trace goes on: call, commit, store; the checkpoint and the views come after."""
    (call,) = run.collector.await_spans(
        "candour.v1.IngestService/ReportToolUse", lambda span: span.trace_id.hex() == TRACE
    )
    assert PARENT_SPAN == call.parent_span_id.hex()
    assert "" == call.trace_state
    assert {
        "rpc.system": "grpc",
        "rpc.service": "candour.v1.IngestService",
        "rpc.method": "ReportToolUse",
        "rpc.grpc.status_code": 0,
    } == attributes_of(call)
    (commit,) = run.collector.await_spans(
        "candour.commit", lambda span: span.trace_id.hex() == TRACE
    )
    assert call.span_id == commit.parent_span_id
    assert {"candour.ledger": "main", "candour.entries": 1} == attributes_of(commit)
    (append,) = run.collector.await_spans(
        "candour.append", lambda span: span.trace_id.hex() == TRACE
    )
    assert commit.span_id == append.parent_span_id
    published = run.collector.await_spans("candour.publish")
    assert {"main"} == {attributes_of(span)["candour.ledger"] for span in published}
    services = {service for service, span in run.collector.spans if span.name == "candour.project"}
    assert {"candour-projector"} == services


def test_a_refused_call_is_told_by_its_code(run: Run) -> None:
    """The span of a call that was refused has the status, and no text of the error."""
    (refused,) = run.collector.await_spans(
        "candour.v1.QueryService/ListToolUses",
        lambda span: attributes_of(span)["rpc.grpc.status_code"] != 0,
    )
    assert (
        grpc.StatusCode.INVALID_ARGUMENT.value[0]
        == (attributes_of(refused)["rpc.grpc.status_code"])
    )
    assert [] == list(refused.events)
    assert "" == refused.status.message


def test_figures_say_what_happened(run: Run) -> None:
    """At /metrics: reports by their fate, calls by status, sizes of tree and views."""
    main = {"ledger": "main"}

    def told(name: str, **labels: str) -> float | None:
        return value_of(run.metrics, name, labels)

    assert 2 == told("candour_reports_accepted_total", **main)
    assert 1 == told("candour_reports_duplicates_total", **main)
    reason = "AGENCY_NOT_REGISTERED"
    assert 1 == told("candour_reports_rejected_total", **main, reason=reason)
    assert 3 == told("candour_tree_size", **main)
    assert 0 == told("candour_projection_lag_entries", **main)
    assert 0 == told("candour_projection_lag_seconds", **main)
    assert 0 == told("candour_commit_queue_depth", **main)
    call = {"rpc_service": "candour.v1.IngestService", "rpc_grpc_status_code": "0"}
    count = "rpc_server_call_duration_seconds_count"
    assert 1 == told(count, **call, rpc_method="ReportToolUse")
    assert 1 == told(count, **call, rpc_method="BatchReportToolUses")
    assert 3 == told("candour_commit_batch_size_sum", **main) or 4 == told(
        "candour_commit_batch_size_sum", **main
    )


def test_figures_are_those_of_the_table(run: Run) -> None:
    """Whatever /metrics and the collector are told has its name and labels from the table."""
    series = {name: metric for metric in METRICS for name in prometheus_names(metric)}
    for name, by_labels in metrics_of(run.metrics).items():
        if name == "target_info":
            continue
        known = {label.replace(".", "_") for label in series[name].labels}
        for labels in by_labels:
            assert known == {label for label, _ in labels} - {"le"}, name
    assert run.collector.metrics.keys() <= {metric.name for metric in METRICS}
    for metric in METRICS:
        if metric.name in run.collector.metrics:
            told = run.collector.metrics[metric.name]
            assert (metric.unit, metric.description) == (told.unit, told.description)


def test_the_collector_is_told_the_same(run: Run) -> None:
    """OTLP has what /metrics has: every series of it that does not depend on the moment."""
    accepted = run.collector.metrics["candour.reports.accepted"].sum.data_points
    assert [2] == [point.as_int for point in accepted]
    shown = {name for name in metrics_of(run.metrics) if name != "target_info"}
    exported = {
        name
        for metric in METRICS
        if metric.name in run.collector.metrics
        for name in prometheus_names(metric)
    }
    assert shown <= exported


def test_log_lines_are_json(run: Run) -> None:
    """Each line of the log is an object with time, level, logger and message."""
    lines = [line for line in run.log.splitlines() if line.startswith("{")]
    assert lines
    for line in lines:
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys()


def test_nothing_that_was_reported_gets_out(run: Run) -> None:
    """No value, id, filter or text of a caller is in any span, metric or log line."""
    told = [*run.collector.bodies, run.metrics, run.log.encode()]

    assert 3 < len(told)
    assert [] == [body for body in told if MARK.encode() in body]


def test_without_a_collector_there_are_figures_alone(tmp_path: Path) -> None:
    """/metrics is there all the same, as is the answer of each check."""
    with LocalServer(tmp_path) as server:
        url = f"http://{server.http}/metrics"
        assert 0 == value_of(
            get(url, most=1_000_000, timeout_s=30).body, "candour_tree_size", {"ledger": "main"}
        )
        ready = get(f"http://{server.http}/readyz?verbose", most=9_999, timeout_s=30)
        assert 200 == ready.status
        assert b"[+] main views: 0 entries behind\n" in ready.body
