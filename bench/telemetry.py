"""What does telemetry cost? The same loads with it off, with figures alone, and with a collector.

    python -m bench.telemetry [--store sqlite] [--rounds 5]

In turns, so that a machine that grows slower hits all three alike. The figure that counts is the
share of the rate that is lost: the budget is BUDGET.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Final

from bench import load
from bench.lab import lab
from services.runtime.telemetry import open_telemetry
from tests.collector import Collector

BUDGET: Final = 0.02
_CALLS: Final = 200_000


def telemetry(
    store: str, *, rounds: int = 5, uses: int = 60_000
) -> Iterator[tuple[str, str, float, float, str, str, int]]:
    """Figures as bench's: name, store, median, spread, unit, target, runs."""
    rates: dict[tuple[str, str], list[float]] = {}
    with Collector() as collector:
        ways = {
            "off": {"OTEL_SDK_DISABLED": "true"},
            "figures": {"OTEL_SDK_DISABLED": ""},
            "collector": {"OTEL_SDK_DISABLED": "", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url},
        }
        for _ in range(rounds):
            for way, environment in ways.items():
                with lab(store, environment) as running:
                    load.batch_rate(running, uses=min(uses, 10_000))  # warm
                    batches = load.batch_rate(running, uses=uses)
                    unary = load.unary_rate(running, uses=max(uses // 8, 500))
                rates.setdefault((way, "batches"), []).append(batches)
                rates.setdefault((way, "unary calls"), []).append(unary)
                collector.bodies.clear()
                collector.spans.clear()
    for kind in ("batches", "unary calls"):
        for way in ("figures", "collector"):
            lost = [
                1 - on / off for on, off in zip(rates[way, kind], rates["off", kind], strict=True)
            ]
            yield (
                f"telemetry: {kind} lost, {way}",
                store,
                round(statistics.median(lost) * 100, 2),
                round((max(lost) - min(lost)) * 100, 2),
                "%",
                f"<= {BUDGET * 100:.0f}" if way == "figures" else "",
                len(lost),
            )


def record_us() -> float:
    """Of one call's figure, microseconds."""
    labels: dict[str, str | int] = {"rpc.service": "s", "rpc.method": "m"}
    labels["rpc.grpc.status_code"] = 0
    duration = open_telemetry("bench", {}).instruments.call_duration
    started = time.perf_counter()
    for _ in range(_CALLS):
        duration.record(0.003, labels)
    return (time.perf_counter() - started) / _CALLS * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.telemetry")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--uses", type=int, default=60_000)
    options = parser.parse_args()
    print(f"one figure recorded: {record_us():.2f} us")
    for name, store, median, spread, unit, target, runs in telemetry(
        options.store, rounds=options.rounds, uses=options.uses
    ):
        print(f"{store:<9} {name:<52} {median:>8,.2f} {unit} {target} spread {spread} over {runs}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
