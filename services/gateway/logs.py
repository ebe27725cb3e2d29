"""POST /v1/logs, POST /ledgers/<ledger>/v1/logs: log records that report uses, over OTLP/HTTP.

    application/x-protobuf   ExportLogsServiceRequest ─┐
    application/json         the same in JSON         ─┴─► commands ──export──► the answer, likewise

The short path is for a process that serves one ledger, or a request with a `candour-ledger`
header. An error's body is a google.rpc.Status, in the request's own format.

Source: opentelemetry.io/docs/specs/otlp, "OTLP/HTTP".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError, Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.errors import Malformed
from ledger.ingest.cloud_events import is_json
from ledger.ingest.loose_json import read_loosely
from ledger.ingest.otlp_json import read_json_logs
from ledger.ingest.otlp_logs import Checked
from ledger.limits import MAX_BATCH_USES
from services.gateway.intake import Intake, read_with, reporter_of_request
from services.gateway.problems import (
    BodyRefused,
    Handler,
    answering,
    headers_of,
    status_of_http,
)
from services.runtime.explaining import explain
from services.runtime.names import LEDGER_HEADER, ledger_of
from services.runtime.otlp import (
    RawExport,
    check_records,
    export,
    ledger_named,
    read_export,
)
from services.runtime.serving import Serving
from services.runtime.status import status_of

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"


def routes(ledgers: Mapping[str, Serving], intakes: Mapping[str, Intake]) -> list[Route]:
    """The endpoints, over the hosted ledgers."""

    @answering(lambda request, error: _failure(request, error))
    async def take(request: Request) -> Response:
        serving = _ledger(request, ledgers)
        reporter = reporter_of_request(request)
        kind = _kind(request)
        read = _read_protobuf if kind == _PROTOBUF else _read_json
        with intakes[serving.hosted.name].body() as body:
            data = await body.read(request)
            with serving.metrics.turning_away:
                records = await read_with(serving, read, data)
            return _response(await export(serving, records, reporter), kind)

    handler: Handler = take
    return [
        Route("/v1/logs", handler, methods=["POST"]),
        Route("/ledgers/{ledger}/v1/logs", handler, methods=["POST"]),
    ]


def _ledger(request: Request, ledgers: Mapping[str, Serving]) -> Serving:
    """Raises Malformed, LedgerNotHosted."""
    name = request.path_params.get("ledger")
    if name is not None:
        return ledger_of(f"ledgers/{name}", ledgers)
    return ledger_named(request.headers.get(LEDGER_HEADER), ledgers)


def _kind(request: Request) -> str:
    """Raises BodyRefused."""
    said = request.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind == _PROTOBUF or (kind == _JSON and is_json(said)):
        return kind
    message = f"Content-Type must be {_PROTOBUF}, or {_JSON} in UTF-8"
    raise BodyRefused("UNSUPPORTED_MEDIA_TYPE", message, 415)


def _read_protobuf(body: bytes) -> Iterable[Checked]:
    try:
        return read_export(RawExport.FromString(body))
    except DecodeError:
        raise Malformed("request", "is no ExportLogsServiceRequest") from None


def _read_json(body: bytes) -> Iterable[Checked]:
    records = read_json_logs(read_loosely(body, what="request"))
    found = list(islice(records, MAX_BATCH_USES + 1))
    check_records(len(found))
    return found


def _failure(request: Request, error: Exception) -> Response:
    said = explain(error)
    protobuf = request.headers.get("content-type", "").lower().startswith(_PROTOBUF)
    response = _response(status_of(error), _PROTOBUF if protobuf else _JSON)
    response.status_code = status_of_http(error, said)
    response.headers.update(headers_of(said))
    return response


def _response(message: Message, kind: str) -> Response:
    if kind == _PROTOBUF:
        return Response(message.SerializeToString(), media_type=kind)
    return Response(MessageToJson(message, indent=None), media_type=kind)
