"""How does an HTTP caller learn what went wrong? Problem details with gRPC's reasons in them.

    error ──explain──► Explained ──► status, Retry-After, application/problem+json

The reasons are those of google.rpc.Status (docs/guides/integrator.md). A problem names the
field, the rule and the resource, and never quotes a protected value.

Source: RFC 9457; google/rpc/code.proto for the statuses.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from grpc import StatusCode
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ledger.errors import Refused
from ledger.limits import RETRY_AFTER_S
from services.runtime.explaining import Explained, explain
from services.runtime.status import DOMAIN

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_STATUS: Final = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNAUTHENTICATED: 403,  # there is nothing yet to authenticate with, as 401 promises
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ABORTED: 409,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
}
_ASKED_AGAIN: Final = (429, 503)  # what clients try again


class BodyRefused(Refused):
    """The body of a request is not taken, whatever it says."""

    def __init__(self, reason: str, message: str, status: int) -> None:
        super().__init__(message)
        self.reason, self.status = reason, status


@explain.register
def _(error: BodyRefused) -> Explained:
    return Explained(StatusCode.INVALID_ARGUMENT, error.reason, str(error))


def status_of_http(error: Exception, said: Explained) -> int:
    """The HTTP status of an error; one that asks to come again is one that clients obey."""
    if isinstance(error, BodyRefused):
        return error.status
    status = _STATUS.get(said.code, 500)
    return 503 if said.retry and status not in _ASKED_AGAIN else status


def headers_of(said: Explained) -> dict[str, str]:
    """Not to be kept; and when to come again, if that helps."""
    again = {"Retry-After": str(math.ceil(RETRY_AFTER_S))} if said.retry else {}
    return {"Cache-Control": "no-store", **again}


def problem_of(error: Exception, said: Explained | None = None) -> dict[str, Any]:
    """The problem details of an error: an item's of a batch, or a whole request's."""
    said = explain(error) if said is None else said
    status = status_of_http(error, said)
    found: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": said.message,
        "code": said.code.name,
        "reason": said.reason,
        "domain": DOMAIN,
        "metadata": dict(said.metadata),
    }
    if said.violation is not None:
        where, rule = said.violation
        found["violations"] = [{"field": where, "description": rule}]
    if said.retry:
        found["retry_after_s"] = RETRY_AFTER_S
    return found


def problem_response(error: Exception) -> Response:
    """The response to a request that failed as a whole."""
    said = explain(error)
    problem = problem_of(error, said)
    return JSONResponse(
        problem, problem["status"], headers_of(said), media_type="application/problem+json"
    )


def answering(respond: Callable[[Request, Exception], Response]) -> Callable[[Handler], Handler]:
    """A handler that only raises, made one that answers with `respond`, whatever happens."""

    def wrapped(handler: Handler) -> Handler:
        @wraps(handler)
        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it
            except Exception as error:  # noqa: BLE001  whatever it is, the caller gets an answer
                return respond(request, error)

        return answer

    return wrapped
