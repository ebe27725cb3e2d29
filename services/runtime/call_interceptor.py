"""How long does each call take, and with which status does it end? Around all other interceptors.

    call ──started──► StatusInterceptor ► ShareInterceptor ► servicer ──► status ──ended──► metric
         └─traceparent──► a span, where spans are made at all               └──► and span

OpenTelemetry's own instrumentation of grpc.aio makes spans and no metrics (docs/adr/0027). Health
checks and reflection are nobody's calls, and are not counted.

Source: OpenTelemetry's semantic conventions for RPC, "rpc.server.call.duration".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from inspect import isasyncgenfunction, iscoroutinefunction
from time import perf_counter
from typing import Any, Final, TypeAlias

import grpc
from grpc.aio import ServerInterceptor
from opentelemetry.trace import SpanKind

from services.runtime.metrics import Instruments
from services.runtime.telemetry import Telemetry
from services.runtime.tracing import Attributes, Tracing, caller_of

_KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
_NOT_COUNTED: Final = ("/grpc.",)  # health, reflection
_TRANSIT_S: Final = 0.1  # a caller's deadline is over before ours, by as long as its call travelled
_OK: Final = grpc.StatusCode.OK.value[0]
_Behaviour: TypeAlias = Callable[[Any, Any], Any]


class CallInterceptor(ServerInterceptor):
    """Measures every call of a server; the outermost, so that it sees the status.

    Args:
        telemetry: Of the process.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        # Some dozen methods, each with one handler for good.
        self._measured = lru_cache(maxsize=1024)(
            lambda handler, method: _measured(handler, _Method(method, telemetry))
        )

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_NOT_COUNTED):
            return handler
        return self._measured(handler, method)


class _Method:
    """What is said of the calls of one method."""

    def __init__(self, path: str, telemetry: Telemetry) -> None:
        self.path = path.removeprefix("/")
        service, _, method = self.path.rpartition("/")
        self._says = {"rpc.service": service, "rpc.method": method}
        self._instruments: Instruments = telemetry.instruments
        self.tracing: Tracing = telemetry.tracing
        self._labels: dict[int, dict[str, str | int]] = {}

    def ended(self, started: float, code: int) -> None:
        labels = self._labels.get(code)
        if labels is None:
            labels = self._labels[code] = {**self._says, "rpc.grpc.status_code": code}
        self._instruments.call_duration.record(perf_counter() - started, labels)

    def span(self, context: Any) -> AbstractContextManager[None]:
        """Around a call; its caller's trace goes on in it."""
        attributes: Attributes = {"rpc.system": "grpc", **self._says}
        return self.tracing.span(
            self.path,
            attributes,
            parent=caller_of(context.invocation_metadata()),
            kind=SpanKind.SERVER,
            ending=lambda raised: {"rpc.grpc.status_code": code_of(context, raised)},
        )


def code_of(context: Any, error: BaseException | None = None) -> int:
    """The number of the status that a call ends, or ended, with."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return int(code.value[0])
    if isinstance(code, int) and code:
        return code
    if error is None:
        return _OK
    if not isinstance(error, asyncio.CancelledError | GeneratorExit):
        return int(grpc.StatusCode.UNKNOWN.value[0])
    left_s = context.time_remaining()
    late = left_s is not None and left_s <= _TRANSIT_S
    return int((grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED).value[0])


def _measured(handler: Any, method: _Method) -> Any:
    (kind,) = (kind for kind in _KINDS if getattr(handler, kind) is not None)
    behaviour = getattr(handler, kind)
    if not (iscoroutinefunction(behaviour) or isasyncgenfunction(behaviour)):
        return handler  # runs in a thread; none of ours does
    measure = _many if isasyncgenfunction(behaviour) else _one
    traced = behaviour
    if method.tracing.on:
        traced = (_many_traced if measure is _many else _one_traced)(behaviour, method)
    return handler._replace(**{kind: measure(traced, method)})


def _one(behaviour: _Behaviour, method: _Method) -> _Behaviour:
    async def one(request: Any, context: Any) -> Any:
        started = perf_counter()
        try:
            response = await behaviour(request, context)
        except BaseException as error:
            method.ended(started, code_of(context, error))
            raise
        method.ended(started, code_of(context))
        return response

    return one


def _many(behaviour: _Behaviour, method: _Method) -> _Behaviour:
    async def many(request: Any, context: Any) -> AsyncIterator[Any]:
        started = perf_counter()
        try:
            async for response in behaviour(request, context):
                yield response
        except BaseException as error:
            method.ended(started, code_of(context, error))
            raise
        method.ended(started, code_of(context))

    return many


def _one_traced(behaviour: _Behaviour, method: _Method) -> _Behaviour:
    async def one(request: Any, context: Any) -> Any:
        with method.span(context):
            return await behaviour(request, context)

    return one


def _many_traced(behaviour: _Behaviour, method: _Method) -> _Behaviour:
    async def many(request: Any, context: Any) -> AsyncIterator[Any]:
        with method.span(context):
            async for response in behaviour(request, context):
                yield response

    return many
