"""Uses by CloudEvents and by OpenTelemetry's logs, from stock clients to a verified answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.sdk._logs.export import LogRecordExportResult

from tests.e2e.conftest import Place
from tests.services.telemetry import emit

SAID = {
    "agency": "agencies/sampleton-pd",
    "technology": "technologies/face-search",
    "capture": "live",
    "occurred": "2026-11-20T14:03:11.250Z",
    "performer": {"user_id": "u-4711"},
    "reason": "missing person",
}
RESOURCE = {
    "service.name": "face-search-gateway",
    "tooluse.agency": SAID["agency"],
    "tooluse.technology": SAID["technology"],
    "tooluse.capture": "live",
}


def test_every_way_in_leads_to_one_proven_answer(place: Place, tmp_path: Path) -> None:
    """One use by five ways is one, its like by each way is another; the bundle holds them all."""
    place.candour("agencies", "register", "Sampleton PD")
    for own, mode in (("a", to_structured), ("a", to_binary), ("b", to_structured)):
        assert 200 == _send(place, mode(_event(own))).status_code
    batch = b"[%b,%b]" % tuple(to_structured(_event(own))[1] for own in ("c", "a"))
    headers = {"content-type": "application/cloudevents-batch+json"}
    assert 200 == _send(place, (headers, batch)).status_code
    exporters: list[Any] = [
        GrpcExporter(place.server.grpc, insecure=True, timeout=60),
        HttpExporter(f"http://{place.server.http}/v1/logs", timeout=60),
    ]
    for exporter, own in zip(exporters, "de", strict=True):
        done = emit(exporter, _record("a"), _record(own), resource=RESOURCE)  # type: ignore[arg-type]
        assert [LogRecordExportResult.SUCCESS] == done

    listed = place.json("uses", "list", "--performer", "u-4711")
    bundle = tmp_path / "answer.json"
    place.candour("prove", "uses", "--performer", "u-4711", "--out", bundle)
    verified = place.verify(bundle)

    assert 5 == len(listed)
    assert 0 == verified.exit_code, verified.out
    assert "5 uses for certain" in verified.out
    assert {"sources/face-search-gateway"} == {use["source"] for use in listed}


def _event(own: str) -> CloudEvent:
    kind, source = "org.candour.tool_use.v1", "face-search-gateway"
    json_type = "application/json"
    said = {"type": kind, "source": source, "id": own, "datacontenttype": json_type}
    return CloudEvent(said, SAID)


def _record(own: str) -> dict[str, Any]:
    return {
        "tooluse.event_id": own,
        "tooluse.occurred": SAID["occurred"],
        "tooluse.performer.user_id": "u-4711",
        "tooluse.reason": SAID["reason"],
    }


def _send(place: Place, request: tuple[dict[str, str], bytes]) -> requests.Response:
    headers, body = request
    address = f"http://{place.server.http}/ledgers/main/events"
    return requests.post(address, data=body, headers=headers, timeout=60)
