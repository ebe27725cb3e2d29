"""Does one busy ledger leave the others their calls?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from ledger.limits import MAX_CONCURRENT_CALLS, MAX_LEDGERS
from services.runtime.refusals import LedgerBusy
from services.runtime.shares import ShareInterceptor, Shares
from services.runtime.status import status_of


def request(ledger: str) -> Any:
    return SimpleNamespace(parent=f"ledgers/{ledger}")


def counted(handler: Any, shares: Shares) -> Any:
    """The handler as the server calls it."""

    async def found(_details: object) -> Any:
        return handler

    interceptor = ShareInterceptor(shares)
    return asyncio.run(interceptor.intercept_service(found, SimpleNamespace(method="")))


def test_shares_add_up_to_no_more() -> None:
    """However many ledgers there are, each has one place at least, and all fit."""
    for count in (1, 2, 3, MAX_LEDGERS):
        shares = Shares([f"l{number}" for number in range(count)], total=MAX_CONCURRENT_CALLS)
        assert 1 <= shares.share
        assert count * shares.share <= MAX_CONCURRENT_CALLS


def test_full_share_refuses_that_ledger_alone() -> None:
    """By parent or by name; a place that is free again is given again."""
    shares = Shares(["main", "court"], total=4)
    with shares.place(request("main")), shares.place(SimpleNamespace(name="ledgers/main/x/1")):
        with pytest.raises(LedgerBusy), shares.place(request("main")):
            pass
        with shares.place(request("court")), shares.place(request("nobody")), shares.place(None):
            assert {"main": 2, "court": 1} == shares.taken
    with shares.place(request("main")):
        assert {"main": 1, "court": 0} == shares.taken


def test_refusal_says_to_try_again() -> None:
    """Callers wait as they do where the queue is full."""
    status = status_of(LedgerBusy("main", 2))
    assert grpc.StatusCode.RESOURCE_EXHAUSTED.value[0] == status.code


def test_calls_hold_their_place_to_their_end() -> None:
    """Answers of one message, of many, and streams, which are counted from their first message."""
    shares = Shares(["main", "court"], total=8)
    seen: list[int] = []

    async def unary(_request: Any, _context: Any) -> str:
        seen.append(shares.taken["main"])
        return "done"

    async def many(_request: Any, _context: Any) -> AsyncIterator[int]:
        for number in range(2):
            seen.append(shares.taken["main"])
            yield number

    async def stream(requests: AsyncIterator[Any], _context: Any) -> AsyncIterator[Any]:
        async for item in requests:
            seen.append(shares.taken["main"])
            yield item

    async def sent(*items: Any) -> AsyncIterator[Any]:
        for item in items:
            yield item

    async def all_of(answers: AsyncIterator[Any]) -> list[Any]:
        return [answer async for answer in answers]

    one = counted(grpc.unary_unary_rpc_method_handler(unary), shares).unary_unary
    some = counted(grpc.unary_stream_rpc_method_handler(many), shares).unary_stream
    both = counted(grpc.stream_stream_rpc_method_handler(stream), shares).stream_stream
    first, second = request("main"), SimpleNamespace(parent="")

    assert "done" == asyncio.run(one(first, None))
    assert [0, 1] == asyncio.run(all_of(some(first, None)))
    assert [first, second] == asyncio.run(all_of(both(sent(first, second), None)))
    assert [] == asyncio.run(all_of(both(sent(), None)))
    assert [1] * 5 == seen
    assert {"main": 0, "court": 0} == shares.taken


def test_failing_call_gives_its_place_back() -> None:
    """Whatever a servicer raises."""
    shares = Shares(["main"], total=1)

    async def failing(_request: Any, _context: Any) -> None:
        raise ValueError("on purpose")

    one = counted(grpc.unary_unary_rpc_method_handler(failing), shares).unary_unary
    for _ in range(3):
        with pytest.raises(ValueError, match="on purpose"):
            asyncio.run(one(request("main"), None))
    assert {"main": 0} == shares.taken
