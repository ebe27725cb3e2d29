"""What does keeping the usage index cost, and does it keep up?

ingest      the same load with the index and without, in turns, each on a fresh ledger
keeping up  uses of 200 agencies go in; how long until a committed root covers them all?
"""

from __future__ import annotations

import statistics
import time

import grpc

from bench import load
from bench.lab import (
    OPTIONS,
    Lab,
    agency_name,
    batches,
    lab,
    register_agency,
    technology_name,
)
from bench.usage_at_size import AGENCIES, MILLION, TECHNOLOGIES, Row, proofs, usage_request
from services.pb.candour.v1 import proofs_pb2_grpc

_WITHOUT = {"CANDOUR_BENCH_WITHOUT_INDEX": "1"}
_LOAD = 60_000


def usage(store: str, *, uses: int = MILLION, large: bool = False, runs: int = 3) -> list[Row]:
    """All figures of one store.

    Args:
        store: `sqlite` or `postgres`.
        uses: Of the log that proofs are made over; loads are 60,000, or as many.
        large: Ten times as many as well: some 20 GB, and most of an hour.
        runs: Of each load.
    """
    figures = [_cost(store, min(uses, _LOAD), runs), _keeping_up(store, min(uses, _LOAD), runs)]
    for size in (uses, 10 * uses) if large else (uses,):
        figures += proofs(store, size)
    return figures


# --- ingest ---------------------------------------------------------------------------------
def _cost(store: str, uses: int, runs: int) -> Row:
    """Per cent of throughput that keeping the index costs one agency's batches of 500."""
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * runs):
        kept = number % 4 in (0, 3)  # with, without, without, with: what warms up or fills is fair
        with lab(store, None if kept else _WITHOUT) as running:
            load.batch_rate(running, uses=5_000)  # warm
            rates[kept].append(load.batch_rate(running, uses=uses))
    costs = [100 * (1 - a / b) for a, b in zip(rates[True], rates[False], strict=True)]
    cost = 100 * (1 - statistics.median(rates[True]) / statistics.median(rates[False]))
    name = f"usage index: its cost to ingest, pairs of {uses:,} uses, batches of 500"
    return name, store, round(cost, 1), round(max(costs) - min(costs), 1), "%", "<= 15", runs


def _keeping_up(store: str, uses: int, runs: int) -> Row:
    """Uses a second of 200 agencies, from the first report to a root that covers the last."""
    rates = []
    for _ in range(runs):
        with lab(store) as running:
            for number in range(AGENCIES):
                register_agency(running.target, agency_name(number), f"Agency {number}")
            requests = batches(
                uses, 500, seed=time.time_ns(), agencies=AGENCIES, technologies=TECHNOLOGIES
            )
            started = time.perf_counter()
            load.closed_loop(running, requests)
            _prove_all(running)
            rates.append(uses / (time.perf_counter() - started))
    name = f"usage index: {uses:,} uses of 200 agencies, until a root covers them all"
    spread = round(max(rates) - min(rates), 1)
    return name, store, round(statistics.median(rates), 1), spread, "uses/s", ">= 5000", runs


def _prove_all(running: Lab) -> None:
    """A proof of all there is: the server commits a root, once the index is there."""
    request = usage_request(agency_name(0), technology_name(0), 0, 1)
    with grpc.insecure_channel(running.target, OPTIONS) as channel:
        stub = proofs_pb2_grpc.ProofsServiceStub(channel)
        while True:
            try:
                assert b"".join(part.chunk for part in stub.ProveUsage(request))
                return
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:  # the index is not there yet
                    raise
