"""How does a caller learn what went wrong? Our errors as google.rpc.Status with details.

    error ──explain──► Explained ──status_of──► google.rpc.Status ──► a batch's item
                                                          └── abort ──► the call's status

Servicers only raise; `raising_status`, or the interceptor over all of them, does the rest. A
status names the field, the rule and the resource, and never quotes a protected value.

Source: AIP-193; google/rpc/error_details.proto.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import wraps
from inspect import isasyncgenfunction
from typing import Any, Final, NoReturn, TypeVar, cast

from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2 as details_pb
from google.rpc.status_pb2 import Status
from grpc.aio import AbortError, ServicerContext
from grpc_status.rpc_status import to_status

from ledger.limits import RETRY_AFTER_S
from services.runtime.explaining import explain

Handler = TypeVar("Handler", bound=Callable[..., Any])
DOMAIN: Final = "candour"
_RETRY_INFO: Final = "google.rpc.retryinfo-bin"


def status_of(error: Exception) -> Status:
    """The google.rpc.Status of an error: an item's of a batch, or a whole call's."""
    said = explain(error)
    status = Status(code=said.code.value[0], message=said.message)
    if said.violation is not None:
        where, rule = said.violation
        violation = details_pb.BadRequest.FieldViolation(field=where, description=rule)
        status.details.add().Pack(details_pb.BadRequest(field_violations=[violation]))
    info = details_pb.ErrorInfo(reason=said.reason, domain=DOMAIN, metadata=said.metadata)
    status.details.add().Pack(info)
    if said.retry:
        delay = Duration()
        delay.FromMilliseconds(int(RETRY_AFTER_S * 1000))
        status.details.add().Pack(details_pb.RetryInfo(retry_delay=delay))
    return status


async def abort(context: ServicerContext[Any, Any], error: Exception) -> NoReturn:
    """End a call with the status of an error."""
    status = status_of(error)
    ended = to_status(status)
    for detail in status.details:
        if detail.Is(details_pb.RetryInfo.DESCRIPTOR):  # where OTLP's exporters look for it
            ended = ended._replace(
                trailing_metadata=(*ended.trailing_metadata, (_RETRY_INFO, detail.value))
            )
    await context.abort_with_status(ended)
    raise AssertionError("abort does not return")


def raising_status(method: Handler) -> Handler:
    """A servicer's method that only raises, made one that aborts its call with a status.

    Works on coroutine methods and on async generators, whose last argument is the context.
    """

    @wraps(method)
    async def one(*arguments: Any) -> Any:
        try:
            return await method(*arguments)
        except AbortError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the caller gets a status
            await abort(arguments[-1], error)

    @wraps(method)
    async def many(*arguments: Any) -> AsyncIterator[Any]:
        try:
            async with aclosing(method(*arguments)) as responses:
                async for response in responses:
                    yield response
        except AbortError:
            raise
        except Exception as error:  # noqa: BLE001  as above
            await abort(arguments[-1], error)

    return cast(Handler, many if isasyncgenfunction(method) else one)
