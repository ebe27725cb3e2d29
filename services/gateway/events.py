"""POST /ledgers/<ledger>/events: uses as CloudEvents, by one or by the batch, each with its answer.

    application/cloudevents+json         one, structured ─┐
    application/cloudevents-batch+json   many            ─┼─► commands ──report_all──► receipts
    application/json and ce-… headers    one, binary     ─┘

One event: 200 and a receipt, or problem details. A batch: 200, or 207 where one was refused, and
a result an event, in order. Either way what has a receipt is durable before the answer goes out.

Source: CloudEvents HTTP protocol binding 1.0.2, section 3; ADR 0022.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ledger.errors import CandourError
from ledger.ingest.cloud_events import is_json, read_batch, read_binary, read_structured
from ledger.log import Checked, Receipt
from services.gateway.intake import Intake, read_with, reporter_of_request
from services.gateway.problems import BodyRefused, Handler, answering, problem_of, problem_response
from services.runtime.names import ledger_of
from services.runtime.reporting import Result, report_all
from services.runtime.serving import Serving

_FAMILY: Final = "application/cloudevents"
ONE: Final = f"{_FAMILY}+json"
BATCH: Final = f"{_FAMILY}-batch+json"
_NO_STORE: Final = {"Cache-Control": "no-store"}


def routes(ledgers: Mapping[str, Serving], intakes: Mapping[str, Intake]) -> list[Route]:
    """The endpoint, over the hosted ledgers."""

    @answering(lambda _request, error: problem_response(error))
    async def take(request: Request) -> Response:
        serving = ledger_of(f"ledgers/{request.path_params['ledger']}", ledgers)
        reporter = reporter_of_request(request)
        kind = _kind(request)
        with intakes[serving.hosted.name].body() as body:
            data = await body.read(request)
            if kind == BATCH:
                with serving.metrics.turning_away:
                    events = await read_with(serving, read_batch, data)
                return await _answer_batch(serving, events, reporter)
            with serving.metrics.turning_away:
                if kind == ONE:
                    command = await read_with(serving, read_structured, data)
                else:
                    headers = request.headers.raw
                    command = await read_with(serving, lambda it: read_binary(headers, it), data)
            return await _answer_one(serving, command, reporter)

    handler: Handler = take
    return [Route("/ledgers/{ledger}/events", handler, methods=["POST"])]


def _kind(request: Request) -> str:
    """ONE, BATCH, or blank for the binary mode.

    Raises:
        BodyRefused: It is none of them.
    """
    said = request.headers.get("content-type", "")
    kind = said.partition(";")[0].strip().lower()
    if kind in (ONE, BATCH) and is_json(said):
        return kind
    binary = "ce-specversion" in request.headers and not kind.startswith(_FAMILY)
    if binary and (not said or is_json(said)):
        return ""
    message = f"Content-Type must be {ONE}, {BATCH}, or application/json with ce-… headers"
    raise BodyRefused("UNSUPPORTED_MEDIA_TYPE", f"{message}, in UTF-8", 415)


async def _answer_one(serving: Serving, command: Checked, reporter: str) -> Response:
    reported = await report_all(serving, [command], reporter)
    (result,) = reported.results
    if isinstance(result, CandourError):
        raise result
    assert reported.committed is not None
    answer = {**_result(result), "checkpoint": reported.committed.checkpoint.decode()}
    return JSONResponse(answer, headers=_NO_STORE)


async def _answer_batch(serving: Serving, events: Iterable[Checked], reporter: str) -> Response:
    reported = await report_all(serving, events, reporter)
    committed = reported.committed
    refused = any(isinstance(result, CandourError) for result in reported.results)
    answer = {
        "results": [_result(result) for result in reported.results],
        "checkpoint": "" if committed is None else committed.checkpoint.decode(),
    }
    return JSONResponse(answer, 207 if refused else 200, _NO_STORE)


def _result(result: Result) -> dict[str, Any]:
    """An event's receipt, or its own problem."""
    if isinstance(result, CandourError):
        return {"problem": problem_of(result)}
    return {"receipt": _receipt(result)}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "name": receipt.name,
        "leaf_index": receipt.leaf_index,
        "leaf_hash": receipt.leaf_hash.hex(),
        "duplicate": receipt.duplicate,
        "content_compared": receipt.content_compared,
    }
