"""How long does an oversight body wait? All 27 questions and the findings, over a real server.

A synthetic export goes in by `candour import flock`; registers are told around it; then each
question is asked of one month (its first page), and of everything as of the middle of the log.
The report (25) and findings of all rules are aggregates of dozens of conditions, and named apart.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any, Final

import grpc.aio

from bench.lab import OPTIONS, Lab, lab, percentile
from bench.load import PARENT
from bench.million import write_export
from services.pb.candour.v1 import common_pb2, oversight_pb2, oversight_pb2_grpc

Row = tuple[str, str, float, float, str, str, int]
AGENCY: Final = "agencies/sampleton-police"
TECHNOLOGY: Final = "technologies/plate-reader"
_WHOLE: Final = (0, 25)  # many conditions each: aggregates, whatever narrows them


def questions(store: str, rows: int) -> list[Row]:
    """Figures of all questions at `rows` uses on one store."""
    with lab(store) as running:
        path = running.data / "questions.csv"
        write_export(path, rows)
        subprocess.run(
            [
                *(sys.executable, "-m", "services.cli", "import", "flock", str(path)),
                *("--agency", "Sampleton Police", "--technology", "Plate Reader"),
                *("--target", running.target, "--format", "json"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        head = running.heads()
        while head.projected_tree_size < head.tree_size:
            time.sleep(0.2)
            head = running.heads()
        return figures(running, store, rows, head.tree_size)


def figures(running: Lab, store: str, rows: int, tree_size: int) -> list[Row]:
    """First pages of a month, and aggregates as of the middle, over a ledger that is there."""
    measured: list[Row] = []
    pages: list[float] = []
    wholes: list[float] = []
    for number in range(28):
        month = number not in _WHOLE
        first = asyncio.run(_asked(running, number, month=month, as_of=tree_size, calls=20))
        half = asyncio.run(_asked(running, number, month=False, as_of=tree_size // 2, calls=3))
        pages.extend(first if month else ())
        wholes.extend(half if month else ())
        name = f"question {number}" if number else "findings of all rules"
        measured.append(
            (f"{name} at {rows:,} uses, first page, p99", store, _p99(first), 0.0, "ms", "", 20)
        )
        measured.append(
            (f"{name} at {rows:,} uses, all, as of the middle", store, _p99(half), 0.0, "ms", "", 3)
        )
    measured.append(
        (
            f"all questions at {rows:,} uses, first page, p99",
            store,
            _p99(pages),
            0.0,
            "ms",
            "<= 200",
            len(pages),
        )
    )
    measured.append(
        (
            f"aggregates at {rows:,} uses as of the middle, worst",
            store,
            max(wholes),
            0.0,
            "ms",
            "<= 1000",
            len(wholes),
        )
    )
    return measured


def _p99(took: list[float]) -> float:
    return round(percentile(took, 0.99), 1)


async def _asked(running: Lab, number: int, *, month: bool, as_of: int, calls: int) -> list[float]:
    async with grpc.aio.insecure_channel(running.target, OPTIONS) as channel:
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
