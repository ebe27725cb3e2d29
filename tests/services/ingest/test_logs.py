"""Does a stock OTLP exporter over gRPC report uses, once each, and learn what was rejected?"""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs.export import LogRecordExportResult

from ledger.canonical_json import decode
from ledger.errors import Malformed
from ledger.limits import MAX_BATCH_USES, MAX_REFUSALS_SHOWN, RETRY_AFTER_S
from services.runtime.authn import LOOPBACK
from services.runtime.names import LEDGER_HEADER
from services.runtime.otlp import ledger_named
from services.runtime.refusals import LedgerBusy, LedgerNotHosted
from services.runtime.shares import Shares
from tests.services.harness import Server, failing_append, fresh, refused, text, use
from tests.services.telemetry import attributes, emit, request

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
SUCCESS, FAILURE = LogRecordExportResult.SUCCESS, LogRecordExportResult.FAILURE


def exporter(server: Server, **named: Any) -> OTLPLogExporter:
    return OTLPLogExporter(f"127.0.0.1:{server.grpc.port}", insecure=True, timeout=60, **named)


def export(server: Server, message: Any, **named: Any) -> Any:
    """One call, with its answer: exporters keep that to themselves."""
    data = message if isinstance(message, bytes) else message.SerializeToString()
    call: Any = server.channel.unary_unary(
        EXPORT, response_deserializer=ExportLogsServiceResponse.FromString
    )
    return call(data, **named).partial_success


# --- a stock exporter -------------------------------------------------------------
def test_a_stock_exporter_reports_uses(server: Server) -> None:
    """Durable when it is done, by the service's name, whatever else the record says unrecorded."""
    before = server.size()
    records = [attributes(reason="Jane Roe"), attributes(performer__user_id="u-1")]
    assert [SUCCESS] == emit(exporter(server), *records)
    first, second = server.hosted.store.entries_at([before, before + 1], with_disclosures=True)
    entry = decode(first.entry)

    assert (LOOPBACK, "sources/s", "live", "technologies/t") == (
        *(entry[name] for name in ("reporter", "source", "capture")),
        entry["event"]["technology"],
    )
    assert "occurred" not in entry["event"]
    assert {"reason", "source_event_id"} == set(decode(first.disclosures or b""))
    assert {"performer", "performer_identity", "source_event_id"} == set(
        decode(second.disclosures or b"")
    )


def test_exported_again_is_one_report(server: Server) -> None:
    """By service and event id, over whichever protocol it came first."""
    own = fresh()
    first = server.report(use(own, reason=text("same"))).receipt
    size = server.size()
    again = attributes(own, reason="same")
    assert [SUCCESS] == emit(exporter(server), again, again)

    assert size == server.size()
    assert first.leaf_index < size


def test_a_stock_exporter_tries_again_when_told(
    own_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """UNAVAILABLE with RetryInfo: it waits so long, sends all again, and each use is there once."""
    before = own_server.size()
    calls = failing_append(own_server.hosted.store, monkeypatch, at={1}, committed=True)
    assert [SUCCESS] == emit(exporter(own_server), attributes(), attributes())

    assert [1, 2] == calls
    assert before + 2 == own_server.size()


def test_a_refused_call_is_not_tried_again(server: Server) -> None:
    """A ledger that is not here will not be here in a second."""
    started = time.monotonic()

    assert [FAILURE] == emit(exporter(server, headers={LEDGER_HEADER: "other"}), attributes())
    assert time.monotonic() - started < 30  # of the 60 it had to try again


def test_exporters_find_when_to_try_again(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RetryInfo stands where they look for it, beside the status that has it too."""
    failing_append(own_server.hosted.store, monkeypatch, at={1}, committed=False)
    with pytest.raises(grpc.RpcError) as caught:
        export(own_server, request(attributes()))
    error: Any = caught.value
    said = dict(error.trailing_metadata())
    found = RetryInfo.FromString(said["google.rpc.retryinfo-bin"])

    assert RETRY_AFTER_S == found.retry_delay.seconds


# --- what was rejected ------------------------------------------------------------
def test_what_is_rejected_is_counted_with_reasons(server: Server) -> None:
    """The rest is recorded; the reasons name fields and quote nothing."""
    own = fresh()
    before = server.size()
    found = export(
        server,
        request(
            attributes(own, reason="x"),
            {"code.line": 7},
            {"code.line": 8},
            attributes("", reason="Jane Roe"),
            attributes(occurred="Jane Roe"),
            attributes(objects=1.5),
            attributes(agency="agencies/nobody"),
            attributes(own, reason="Jane Roe"),
            attributes(),
        ),
    )

    assert 7 == found.rejected_log_records
    assert before + 2 + 1 == server.size(), "and that one id came with another content"
    said = found.error_message
    assert "7 of 9 log records rejected" in said
    assert "2 NOT_A_TOOL_USE, first record 1: not a tool use" in said
    assert "1 MALFORMED, first record 3: tooluse.event_id: must be set" in said
    assert "1 MALFORMED, first record 4: occurred: " in said
    assert "1 MALFORMED, first record 5: objects: fractions" in said
    assert "1 AGENCY_NOT_REGISTERED, first record 6: " in said
    assert "1 CONFLICTING_RESUBMISSION, first record 7: " in said
    assert "Jane" not in said
    assert own not in said


def test_full_success_says_nothing(server: Server) -> None:
    """An answer without a partial success, and an empty export has that too."""
    assert (0, "") == _said(export(server, request(attributes())))
    assert (0, "") == _said(export(server, request()))


def _said(found: Any) -> tuple[int, str]:
    return found.rejected_log_records, found.error_message


def test_reasons_are_bounded(server: Server) -> None:
    """However many kinds there are, a client is told of some and counts the rest."""
    fields = ("unit", "purpose", "capability", "offence_class", "moderation", "technology")
    more = ("occurred", "objects", "performers", "reason", "trigger", "outcome")
    found = export(
        server, request(*({**attributes(), f"tooluse.{name}": 1.5} for name in (*fields, *more)))
    )

    assert 12 == found.rejected_log_records
    assert MAX_REFUSALS_SHOWN == found.error_message.count("MALFORMED")
    assert found.error_message.endswith("; 2 for other reasons")


def test_a_record_that_is_not_utf8_loses_no_other(server: Server) -> None:
    """A text that protobuf does not decode costs its own record."""
    sent = request(attributes(unit="one"), attributes(unit="two")).SerializeToString()
    before = server.size()
    found = export(server, sent.replace(b"one", b"\xff\xff\xff"))

    assert 1 == found.rejected_log_records
    assert "log_records: is no LogRecord" in found.error_message
    assert before + 1 == server.size()


def test_a_resource_that_is_not_utf8_loses_its_own_records(server: Server) -> None:
    """Their agency and source are not known; those that are no uses stay that."""
    sent = request(attributes(), {"code.line": 7}, resource={"service.name": "one"})
    both = request(attributes()).SerializeToString() + sent.SerializeToString().replace(
        b"one", b"\xff\xff\xff"
    )
    found = export(server, both)

    assert 2 == found.rejected_log_records
    assert "1 MALFORMED, first record 1: resource: " in found.error_message
    assert "1 NOT_A_TOOL_USE" in found.error_message


def test_an_export_is_bounded(server: Server) -> None:
    """Nothing of what is too much is recorded."""
    size = server.size()
    found = refused(export, server, request(*([attributes("e")] * (MAX_BATCH_USES + 1))))

    assert ("INVALID_ARGUMENT", "MALFORMED", "log_records") == (
        found.code,
        found.reason,
        found.field,
    )
    assert size == server.size()


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x02\x12\x05", b"\x0a\x05\x1a\x03\xff\xff\xff"])
def test_what_is_no_export_is_refused(server: Server, message: bytes) -> None:
    """Not even its records can be counted."""
    assert "MALFORMED" == refused(export, server, message).reason


# --- which ledger -----------------------------------------------------------------
def test_the_ledger_is_the_one_named_or_the_only_one() -> None:
    """Of several, nobody's use goes into one by chance."""
    assert 1 == ledger_named(None, {"main": 1})
    assert 2 == ledger_named("b", {"main": 1, "b": 2})
    with pytest.raises(Malformed, match=LEDGER_HEADER):
        ledger_named(None, {"main": 1, "b": 2})
    with pytest.raises(LedgerNotHosted):
        ledger_named("c", {"main": 1, "b": 2})


def test_the_service_has_a_health(server: Server) -> None:
    """Probes ask for it by its full name."""
    stub = health_pb2_grpc.HealthStub(server.channel)
    asked = health_pb2.HealthCheckRequest(service=EXPORT.split("/")[1])

    assert health_pb2.HealthCheckResponse.SERVING == stub.Check(asked).status


def test_an_export_takes_a_place_of_its_ledgers_share() -> None:
    """It names the ledger in its metadata, and is counted there as any other call."""
    shares = Shares(["main", "b"], total=2)
    context = SimpleNamespace(invocation_metadata=lambda: ((LEDGER_HEADER, "b"),))

    with shares.place(request(), context):
        assert {"main": 0, "b": 1} == shares.taken
        with pytest.raises(LedgerBusy), shares.place(request(), context):
            pass
