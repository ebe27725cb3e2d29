"""What if a request cannot even be read? Every call, decoded with care and ended with a status.

    bytes ──deserialize──► message, or why not ──servicer──► response, or an error ──► status

gRPC itself would call a text that is not UTF-8 an unknown error of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc.aio import ServerInterceptor

from ledger.errors import Malformed
from services.runtime.status import raising_status

_KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class StatusInterceptor(ServerInterceptor):
    """Lets every servicer of a server only raise."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        return None if handler is None else _careful(handler)


@lru_cache(maxsize=1024)  # there are some dozen methods, each with one handler for good
def _careful(handler: Any) -> Any:
    """The same handler, answering with a status whatever happens."""
    (kind,) = (kind for kind in _KINDS if getattr(handler, kind) is not None)
    behaviour = getattr(handler, kind)
    if not (iscoroutinefunction(behaviour) or isasyncgenfunction(behaviour)):
        return handler  # runs in a thread; none of ours does
    read = _read_stream if handler.request_streaming else _read_one
    wrapped: dict[str, Any] = {kind: raising_status(read(behaviour))}
    if handler.request_deserializer is not None:
        wrapped["request_deserializer"] = _tolerant(handler.request_deserializer)
    return handler._replace(**wrapped)


def _tolerant(deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return Malformed("request", "is not a message of its type with texts in UTF-8")

    return read


def _checked(request: Any) -> Any:
    if isinstance(request, Malformed):
        raise request
    return request


def _read_one(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    if isasyncgenfunction(behaviour):

        async def many(request: Any, context: Any) -> AsyncIterator[Any]:
            async for response in behaviour(_checked(request), context):
                yield response

        return many

    async def one(request: Any, context: Any) -> Any:
        return await behaviour(_checked(request), context)

    return one


def _read_stream(behaviour: Callable[..., Any]) -> Callable[..., Any]:
    async def checked(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            yield _checked(request)

    if isasyncgenfunction(behaviour):

        async def many(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
            async for response in behaviour(checked(requests), context):
                yield response

        return many

    async def one(requests: AsyncIterator[Any], context: Any) -> Any:
        return await behaviour(checked(requests), context)

    return one
