"""Does a stock OTLP exporter over HTTP report uses, and do its JSON and errors keep to OTLP?"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs.export import LogRecordExportResult

from ledger.limits import MAX_BATCH_USES
from services.runtime.names import LEDGER_HEADER
from tests.services.gateway.reporting import post
from tests.services.harness import Server, failing_append, fresh, refusal_of
from tests.services.telemetry import attributes, emit, request

SHORT, LONG = "/v1/logs", "/ledgers/main/v1/logs"
PROTOBUF, JSON = {"Content-Type": "application/x-protobuf"}, {"Content-Type": "application/json"}
SUCCESS, FAILURE = LogRecordExportResult.SUCCESS, LogRecordExportResult.FAILURE


def exporter(server: Server, path: str = LONG, **named: Any) -> OTLPLogExporter:
    return OTLPLogExporter(f"http://{server.http.address}{path}", timeout=60, **named)


@pytest.mark.parametrize("path", [SHORT, LONG])
@pytest.mark.parametrize("compression", list(Compression))
def test_a_stock_exporter_reports_uses(server: Server, path: str, compression: Compression) -> None:
    """Packed or not, by either path; what is exported again lands once."""
    before, record = server.size(), attributes(reason="Jane Roe")
    for _ in range(2):
        assert [SUCCESS] == emit(exporter(server, path, compression=compression), record)

    assert before + 1 == server.size()


def test_a_stock_exporter_tries_again_when_told(
    own_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """503 with Retry-After: it waits so long, sends all again, and each use is there once."""
    before = own_server.size()
    calls = failing_append(own_server.hosted.store, monkeypatch, at={1}, committed=False)
    assert [SUCCESS] == emit(exporter(own_server), attributes(), attributes())

    assert [1, 2] == calls
    assert before + 2 == own_server.size()


def test_a_refused_export_is_not_tried_again(server: Server) -> None:
    """A ledger that is not here will not be here in a second."""
    started = time.monotonic()

    assert [FAILURE] == emit(exporter(server, "/ledgers/other/v1/logs"), attributes())
    assert time.monotonic() - started < 30  # of the 60 it had to try again


def test_json_says_what_protobuf_says(server: Server) -> None:
    """The same export in either format: the same reports, the same rejections."""
    own = fresh()
    message = request(
        attributes(own, reason="x", objects=2**53 - 1, urgency_used=True, authorizations=[]),
        {"code.line": 7},
        attributes(objects=1.5),
    )
    first = post(server, LONG, PROTOBUF, message.SerializeToString())
    size = server.size()
    again = post(server, LONG, JSON, MessageToJson(message))
    said = ExportLogsServiceResponse.FromString(first.body).partial_success

    assert [(200, "application/x-protobuf"), (200, "application/json")] == [
        (one.status, one.headers["content-type"]) for one in (first, again)
    ]
    assert 2 == said.rejected_log_records
    assert {"rejectedLogRecords": "2", "errorMessage": said.error_message} == again.json[
        "partialSuccess"
    ]
    assert size == server.size()


def test_full_success_is_an_empty_message(server: Server) -> None:
    """As OTLP has it, in either format."""
    message = request(attributes())

    assert b"" == post(server, LONG, PROTOBUF, message.SerializeToString()).body
    assert {} == post(server, LONG, JSON, MessageToJson(message)).json


@pytest.mark.parametrize(
    ("expected", "headers", "body"),
    [
        ((415, "UNSUPPORTED_MEDIA_TYPE"), {"Content-Type": "text/plain"}, b""),
        ((415, "UNSUPPORTED_MEDIA_TYPE"), {}, b""),
        ((415, "UNSUPPORTED_ENCODING"), {**JSON, "Content-Encoding": "br"}, b"{}"),
        ((400, "MALFORMED"), PROTOBUF, b"\xff"),
        ((400, "MALFORMED"), JSON, b"{"),
        ((400, "MALFORMED"), JSON, b"[]"),
        ((400, "MALFORMED"), JSON, b'{"resourceLogs": {}}'),
        ((404, "LEDGER_NOT_FOUND"), {**JSON, LEDGER_HEADER: "other"}, b"{}"),
        ((400, "MALFORMED"), {**JSON, LEDGER_HEADER: "no ledger"}, b"{}"),
        ((403, "UNAUTHENTICATED"), {**JSON, "Origin": "http://127.0.0.1"}, b"{}"),
    ],
)
def test_an_errors_body_is_a_status(
    server: Server, expected: tuple[int, str], headers: dict[str, str], body: bytes
) -> None:
    """google.rpc.Status, in the format of the request where that is one of OTLP's."""
    found = post(server, SHORT, headers, body)
    if headers.get("Content-Type") == PROTOBUF["Content-Type"]:
        reason = refusal_of(Status.FromString(found.body)).reason
    else:
        (reason,) = [one["reason"] for one in found.json["details"] if "reason" in one]

    assert expected == (found.status, reason)


def test_an_export_is_bounded_in_json(server: Server) -> None:
    """By its records, as in protobuf."""
    records: list[Any] = [{}] * (MAX_BATCH_USES + 1)
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})
    found = post(server, LONG, JSON, body)

    assert 400 == found.status
    assert "log_records" in found.json["message"]
