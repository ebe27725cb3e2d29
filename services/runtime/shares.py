"""How does one busy ledger leave room for the others? Each has its share of the calls at once.

    call ──parent or name──► its ledger ──► a place of that ledger's share ──► servicer
                                       └──► none left: LedgerBusy, try again

A process takes MAX_CONCURRENT_CALLS at once. Shares add up to no more, so whatever is asked of
one ledger, the others' places stay free. A stream is counted from its first message on.
Queue, threads, connections and projector are each ledger's own anyway.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache, partial
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any, Final, TypeAlias

import grpc
from grpc.aio import ServerInterceptor

from services.runtime.metrics import REPORTING
from services.runtime.names import LEDGER_HEADER
from services.runtime.refusals import LedgerBusy

_KINDS: Final = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


_Place: TypeAlias = Callable[..., AbstractContextManager[None]]


class Shares:
    """Places of the calls under way, by ledger; on the event loop only.

    Args:
        ledgers: Names of all that are served.
        total: Calls that the process takes at once.
        turned_away: Told of a ledger whose share is taken, where the call reports.
    """

    def __init__(
        self,
        ledgers: Iterable[str],
        *,
        total: int,
        turned_away: Callable[[str, LedgerBusy], None] = lambda _ledger, _error: None,
    ) -> None:
        self.taken = dict.fromkeys(ledgers, 0)
        self._turned_away = turned_away
        self.share = max(1, total // max(1, len(self.taken)))

    @contextmanager
    def place(self, request: Any, context: Any = None, *, reports: bool = False) -> Iterator[None]:
        """Hold a place while the block lasts. Raises LedgerBusy; unknown ledgers have none."""
        ledger = _ledger_of(request) or _ledger_in_metadata(context)
        if ledger not in self.taken:
            yield
            return
        if self.taken[ledger] >= self.share:
            busy = LedgerBusy(ledger, self.share)
            if reports:
                self._turned_away(ledger, busy)
            raise busy
        self.taken[ledger] += 1
        try:
            yield
        finally:
            self.taken[ledger] -= 1


def _ledger_of(request: Any) -> str:
    """The ledger that a request names, well or not."""
    text = getattr(request, "parent", "") or getattr(request, "name", "")
    return str(text).removeprefix("ledgers/").partition("/")[0]


def _ledger_in_metadata(context: Any) -> str:
    """Likewise, of a request of OpenTelemetry's, that has no place for it."""
    said = () if context is None else context.invocation_metadata() or ()
    return str(dict(said).get(LEDGER_HEADER, ""))


class ShareInterceptor(ServerInterceptor):
    """Gives each call its place; stands below the interceptor that makes statuses of errors."""

    def __init__(self, shares: Shares) -> None:
        self._counted = lru_cache(maxsize=1024)(
            lambda handler, reports: _counted(handler, partial(shares.place, reports=reports))
        )

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        reports = handler_call_details.method in REPORTING
        return None if handler is None else self._counted(handler, reports)


def _counted(handler: Any, place: _Place) -> Any:
    (kind,) = (kind for kind in _KINDS if getattr(handler, kind) is not None)
    behaviour = getattr(handler, kind)
    if not (iscoroutinefunction(behaviour) or isasyncgenfunction(behaviour)):
        return handler  # not of ours
    count = _count_stream if handler.request_streaming else _count_one
    return handler._replace(**{kind: count(behaviour, place)})


def _count_one(behaviour: Callable[..., Any], place: _Place) -> Callable[..., Any]:
    if isasyncgenfunction(behaviour):

        async def many(request: Any, context: Any) -> AsyncIterator[Any]:
            with place(request, context):
                async for response in behaviour(request, context):
                    yield response

        return many

    async def one(request: Any, context: Any) -> Any:
        with place(request, context):
            return await behaviour(request, context)

    return one


def _count_stream(behaviour: Callable[..., Any], place: _Place) -> Callable[..., Any]:
    if not isasyncgenfunction(behaviour):

        async def one(requests: AsyncIterator[Any], context: Any) -> Any:
            first = await anext(requests, None)
            with place(first):
                return await behaviour(_with_first(first, requests), context)

        return one

    async def many(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        first = await anext(requests, None)
        with place(first):
            async for response in behaviour(_with_first(first, requests), context):
                yield response

    return many


async def _with_first(first: Any, rest: AsyncIterator[Any]) -> AsyncIterator[Any]:
    if first is None:  # the stream ended before it began
        return
    yield first
    async for request in rest:
        yield request
