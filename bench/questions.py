"""How long does an oversight body wait? All 27 questions and the findings, over a ledger that is there.

Each question is asked of one month (its first page), and of everything as of the middle of the log.
The report (25) and findings of all rules are aggregates of dozens of conditions, and named apart.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, Final

import grpc.aio

from bench import targets
from bench.figures import Figure
from bench.lab import OPTIONS, Lab, percentile
from bench.requests import AGENCY, PARENT, TECHNOLOGY
from bench.suite import Bench
from services.pb.candour.v1 import common_pb2, oversight_pb2, oversight_pb2_grpc

_WHOLE: Final = (0, 25)  # many conditions each: aggregates, whatever narrows them
_WHOLE_CALLS: Final = 3  # of these, since one may take seconds


def questions(bench: Bench, lab: Lab) -> Iterator[Figure]:
    """First pages of a month, and aggregates as of the middle."""
    tree_size, size = lab.wait_for_views(), bench.sizes.filled
    pages: list[float] = []
    wholes: list[float] = []
    for number in range(28):
        month = number not in _WHOLE
        calls = bench.sizes.question_calls
        if not month:
            calls = min(calls, _WHOLE_CALLS)
        first = asyncio.run(_asked(lab, number, month=month, as_of=tree_size, calls=calls))
        calls = bench.sizes.middle_calls if month else 1
        half = asyncio.run(_asked(lab, number, month=False, as_of=tree_size // 2, calls=calls))
        pages.extend(first if month else ())
        wholes.extend(half if month else ())
        name = f"question {number}" if number else "findings of all rules"
        yield bench.figure(f"{name}, first page, p99", [_p99(first)], "ms", size=size)
        yield bench.figure(f"{name}, all, as of the middle", [_p99(half)], "ms", size=size)
    yield bench.figure(targets.QUESTIONS, [_p99(pages)], "ms", size=size)
    yield bench.figure(targets.AGGREGATES, [max(wholes)], "ms", size=size)


def _p99(took: list[float]) -> float:
    return round(percentile(took, 0.99), 1)


async def _asked(lab: Lab, number: int, *, month: bool, as_of: int, calls: int) -> list[float]:
    async with grpc.aio.insecure_channel(lab.target, OPTIONS) as channel:
        stub = oversight_pb2_grpc.OversightServiceStub(channel)
        request = oversight_pb2.AskRequest(
            parent=PARENT,
            question=number,
            parameters=_parameters(number, month=month),
            as_of=common_pb2.AsOf(tree_size=as_of),
            page_size=50,
        )
        await stub.Ask(request)  # so that plans and pages are there, as in a running service
        took = []
        for _ in range(calls):
            started = time.perf_counter()
            answer = await stub.Ask(request)
            took.append((time.perf_counter() - started) * 1000)
            assert json.loads(answer.answer_json)["as_of"] == as_of
        return took


def _parameters(number: int, *, month: bool) -> oversight_pb2.Parameters:
    """What the question takes of an agency, a technology and a month."""
    given: dict[str, Any] = {"agency": AGENCY}
    if number in (3, 17, 24, 0):
        pass
    elif number in (23, 27):
        given = {}
    elif number == 25:
        given["year"] = 2024
    elif number == 26:
        given["case_number"] = "24-1"
    elif month:
        given |= {"technology": TECHNOLOGY, "first_day": "2024-01-01", "last_day": "2024-01-31"}
    return oversight_pb2.Parameters(**given)
