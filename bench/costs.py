"""What share of the rate do telemetry and the usage index cost? The same loads with them and without.

    off        no telemetry          figures    as it comes: metrics, index
    collector  spans and metrics     bare       figures, without the usage index
    python     figures, without the native path of reports, where that is built

In turns, each on a fresh ledger, so that a machine that grows slower hits all alike. What counts is
the share that is lost within a round; the budgets are ADR 0027's and the usage index's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Final

from bench import load, targets
from bench.figures import Figure
from bench.machine import native_is_used
from bench.suite import Bench
from services.runtime.telemetry import open_telemetry
from tests.collector import Collector

STEPS: Final = ("costs of telemetry and of the usage index",)
RECORD: Final = "telemetry: one call's figure recorded"
WITHOUT_NATIVE: Final = f"{targets.BATCHES}, without the native path"
_CALLS: Final = 50_000
_WARM: Final = 5_000
# Nothing but this bench sets it: no proofs without the index.
_BARE: Final = {"OTEL_SDK_DISABLED": "", "CANDOUR_BENCH_WITHOUT_INDEX": "1"}


def costs(bench: Bench) -> Iterator[Figure]:
    """Per cent that are lost, in batches and in unary calls."""
    uses, calls = bench.sizes.cost, max(bench.sizes.cost // 8, 500)
    batches: dict[str, list[float]] = {}
    unary: dict[str, list[float]] = {}
    with bench.step(STEPS[0]), Collector() as collector:
        ways: dict[str, Mapping[str, str]] = {
            "off": {"OTEL_SDK_DISABLED": "true"},
            "figures": {"OTEL_SDK_DISABLED": ""},
            "collector": {"OTEL_SDK_DISABLED": "", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
            "bare": _BARE,
        }
        if native_is_used() and bench.sizes.cost_rounds > 1:
            ways["python"] = {"OTEL_SDK_DISABLED": "", "CANDOUR_NATIVE": "0"}
        for number in range(bench.sizes.cost_rounds):
            # Forth and back, lest whoever comes first always meets the colder machine.
            for way in list(ways) if number % 2 == 0 else reversed(ways):
                with bench.places.lab(bench.store, ways[way]) as lab:
                    load.batch_rate(lab, uses=min(uses, _WARM))
                    batches.setdefault(way, []).append(load.batch_rate(lab, uses=uses))
                    unary.setdefault(way, []).append(load.unary_rate(lab, uses=calls))
                collector.bodies.clear()
                collector.spans.clear()
    for kind, rates, size in (("batches", batches, uses), ("unary calls", unary, calls)):
        for way in ("figures", "collector"):
            lost = lost_percent(rates[way], rates["off"])
            yield bench.figure(f"telemetry: {kind} lost, {way}", lost, "%", size=size)
    lost = lost_percent(batches["figures"], batches["bare"])
    yield bench.figure(targets.INDEX_COST, lost, "%", size=uses)
    if "python" in batches:
        yield bench.figure(WITHOUT_NATIVE, batches["python"], "uses/s", size=uses)
    yield bench.figure(RECORD, [record_us()], "us", size=_CALLS)


def lost_percent(with_it: list[float], without: list[float]) -> list[float]:
    """Of each round, per cent of the rate; below 0 where noise is larger than the cost."""
    return [100 * (1 - on / off) for on, off in zip(with_it, without, strict=True)]


def record_us() -> float:
    """Of one call's figure, microseconds."""
    labels: dict[str, str | int] = {"rpc.service": "s", "rpc.method": "m"}
    labels["rpc.grpc.status_code"] = 0
    duration = open_telemetry("bench", {}).instruments.call_duration
    started = time.perf_counter()
    for _ in range(_CALLS):
        duration.record(0.003, labels)
    return (time.perf_counter() - started) / _CALLS * 1e6
