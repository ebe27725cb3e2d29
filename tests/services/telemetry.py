"""How does a test log a use? The OpenTelemetry SDK with its own exporters, as anybody runs them.

records ──LoggerProvider, batch processor──► exporter ──OTLP──► the served ledger
"""

from __future__ import annotations

from typing import Any, Final

from opentelemetry._logs import LogRecord
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExportResult
from opentelemetry.sdk.resources import Resource

from tests.services.harness import AGENCY, fresh

SERVICE: Final = {"service.name": "s", "tooluse.agency": AGENCY, "tooluse.capture": "live"}


def attributes(event_id: str | None = None, **more: Any) -> dict[str, Any]:
    """A use; `more` are fields of it, `performer__name` for `tooluse.performer.name`."""
    said = {f"tooluse.{name.replace('__', '.')}": value for name, value in more.items()}
    return {
        "tooluse.event_id": fresh() if event_id is None else event_id,
        "tooluse.technology": "technologies/t",
        **said,
    }


def emit(
    exporter: Any, *records: dict[str, Any], resource: dict[str, str] = SERVICE
) -> list[LogRecordExportResult]:
    """Log these in one batch, until the exporter is done with it: what it made of it."""
    results: list[LogRecordExportResult] = []
    export = exporter.export

    def recording(batch: Any) -> LogRecordExportResult:
        results.append(export(batch))
        return results[-1]

    exporter.export = recording
    processor = BatchLogRecordProcessor(
        exporter, schedule_delay_millis=600_000, max_export_batch_size=512
    )
    provider = LoggerProvider(resource=Resource(resource), shutdown_on_exit=False)
    provider.add_log_record_processor(processor)
    logger = provider.get_logger("tests")
    for record in records:
        logger.emit(LogRecord(body="Jane Roe was searched for", attributes=record))
    processor.force_flush(60_000)
    provider.shutdown()
    return results


# --- by hand, where a test wants to see the answer --------------------------------
def request(
    *records: dict[str, Any] | bytes, resource: dict[str, str] = SERVICE
) -> ExportLogsServiceRequest:
    """An export of these records; bytes stand for a record as they are."""
    logs = logs_pb2.ResourceLogs(
        resource=ResourceMessage(attributes=_pairs(resource)),
        scope_logs=[logs_pb2.ScopeLogs(log_records=[_record(record) for record in records])],
    )
    return ExportLogsServiceRequest(resource_logs=[logs])


def _record(record: dict[str, Any] | bytes) -> logs_pb2.LogRecord:
    if isinstance(record, bytes):
        return logs_pb2.LogRecord.FromString(record)
    return logs_pb2.LogRecord(attributes=_pairs(record))


def _pairs(said: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in said.items()]


def _value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    return AnyValue(string_value=value)
