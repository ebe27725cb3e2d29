"""What does an OTLP export of logs come to? Its records as reports, and what the exporter is told.

    request ──records_of, read──► commands ──report_all──► results ──► ExportLogsServiceResponse

The same for gRPC and HTTP. OTLP knows no result an item: what was rejected is counted, with
reasons, and an exporter does not send it again. So where even one record may be taken later,
the whole call fails with that, and the exporter sends all of it again; what was taken lands once.

Source: opentelemetry.io/docs/specs/otlp, "Partial Success" and "Failures".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, TypeVar

from google.protobuf.message import DecodeError
from grpc import StatusCode
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from ledger.errors import CandourError, Malformed
from ledger.ingest.loose_json import DOUBLED, FRACTION, Unclear
from ledger.ingest.otlp_logs import (
    BYTES,
    Attributes,
    Checked,
    NotAToolUse,
    any_integer,
    read_or_why,
)
from ledger.limits import MAX_BATCH_USES, MAX_REFUSALS_SHOWN
from services.runtime.explaining import Explained, explain
from services.runtime.names import LEDGER_HEADER, ledger_of
from services.runtime.reporting import Result, report_all
from services.runtime.serving import Serving
from services.runtime.undecoded import undecoded

L = TypeVar("L")
RawExport: Final = undecoded(ExportLogsServiceRequest, "resource_logs")
_RawResourceLogs: Final = undecoded(ResourceLogs, "resource", "scope_logs")
_RawScopeLogs: Final = undecoded(ScopeLogs, "scope", "log_records")
_Resource: TypeAlias = Attributes | Malformed


@explain.register
def _(error: NotAToolUse) -> Explained:
    return Explained(StatusCode.INVALID_ARGUMENT, "NOT_A_TOOL_USE", str(error))


def ledger_named(name: str | None, ledgers: Mapping[str, L]) -> L:
    """The ledger that a header names, or the only one there is.

    Raises:
        Malformed: None is named, and there are several.
        LedgerNotHosted: This process does not serve it.
    """
    if name is not None:
        return ledger_of(f"ledgers/{name}", ledgers, field=LEDGER_HEADER)
    if len(ledgers) != 1:
        raise Malformed(LEDGER_HEADER, "must name the ledger: several are served here")
    return next(iter(ledgers.values()))


# --- protobuf to commands ---------------------------------------------------------
def read_export(request: Any) -> Iterator[Checked]:
    """The report of each log record of a RawExport, in order, or why it makes none.

    Raises:
        Malformed: It is no such message, or holds more than MAX_BATCH_USES records; before any
            is read.
    """
    try:
        found = list(_records(request))
    except DecodeError:
        raise Malformed("resource_logs", "is no ResourceLogs with texts in UTF-8") from None
    check_records(len(found))
    return (_read(resource, record) for resource, record in found)


def check_records(count: int) -> None:
    """Raises Malformed where an export holds too many records."""
    if count > MAX_BATCH_USES:
        raise Malformed("log_records", f"must not be more than {MAX_BATCH_USES}")


def _records(request: Any) -> Iterator[tuple[_Resource, bytes]]:
    for data in request.resource_logs:
        of_resource = _RawResourceLogs.FromString(data)
        resource = _resource(of_resource.resource)
        for scope in of_resource.scope_logs:
            for record in _RawScopeLogs.FromString(scope).log_records:
                yield resource, record


def _resource(data: bytes) -> _Resource:
    try:
        return _attributes(Resource.FromString(data).attributes)
    except DecodeError:
        return Malformed("resource", "is no Resource with texts in UTF-8")


def _read(resource: _Resource, data: bytes) -> Checked:
    try:
        record = _attributes(LogRecord.FromString(data).attributes)
    except DecodeError:
        return Malformed("log_records", "is no LogRecord with texts in UTF-8")
    return read_or_why(resource, record)


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return [(pair.key, _any_value(pair.value)) for pair in pairs]


def _any_value(value: AnyValue) -> Any:
    """What an AnyValue holds; None where it holds nothing. As deep as protobuf decodes."""
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "int_value":
            return any_integer(value.int_value)
        case "array_value":
            return [_any_value(item) for item in value.array_value.values]
        case "kvlist_value":
            pairs = [(pair.key, _any_value(pair.value)) for pair in value.kvlist_value.values]
            found = dict(pairs)
            return found if len(found) == len(pairs) else DOUBLED
        case "double_value":
            return FRACTION
        case "bytes_value":
            return BYTES
        case None:
            return None
    return Unclear("is of a kind not known to this release")


# --- commands to the answer -------------------------------------------------------
async def export(
    serving: Serving,
    commands: Iterable[Checked],
    reporter: str,
    *,
    before_commit: Callable[[], None] = lambda: None,
) -> ExportLogsServiceResponse:
    """Record what makes reports, and answer once it is durable.

    Raises:
        StoreUnavailable, Overloaded, Draining, …: Something may be taken later; send all again.
    """
    reported = await report_all(serving, commands, reporter, before_commit=before_commit)
    refused = [
        (place, result)
        for place, result in enumerate(reported.results)
        if isinstance(result, CandourError)
    ]
    if not refused:
        return ExportLogsServiceResponse()
    return ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(
            rejected_log_records=len(refused), error_message=_why(refused, reported.results)
        )
    )


def _why(refused: list[tuple[int, CandourError]], results: list[Result]) -> str:
    """How many were rejected for which reason, with the first of each in words.

    Raises:
        CandourError: One of them, if it may be taken later.
    """
    counts: Counter[tuple[str, str]] = Counter()
    firsts: dict[tuple[str, str], str] = {}
    for place, error in refused:
        said = explain(error)
        if said.retry:
            raise error
        kind = (said.reason, said.violation[0] if said.violation else "")
        counts[kind] += 1
        firsts.setdefault(kind, f"first record {place}: {said.message}")
    shown = counts.most_common(MAX_REFUSALS_SHOWN)
    parts = [f"{count} {kind[0]}, {firsts[kind]}" for kind, count in shown]
    if len(counts) > len(shown):
        parts.append(f"{len(refused) - sum(count for _, count in shown)} for other reasons")
    return f"{len(refused)} of {len(results)} log records rejected: " + "; ".join(parts)
