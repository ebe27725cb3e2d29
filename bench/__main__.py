"""What is fast, how it grows, against what: `python -m bench [--quick] [--store S] [--only N]`.

`--only "usage index"` takes the measures of that index alone, `--large` those at ten million too;
`--only "audit from tiles"` those of an audit from outside, which needs neither database nor server.

Writes bench/results/latest.json, a list of {name, store, median, spread, unit, target, runs},
and prints it as a table with the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import audit, evidence, load, projection
from bench.lab import Lab, lab
from bench.million import million
from bench.questions import questions
from bench.reconciliation import reconciliation
from bench.telemetry import telemetry
from bench.usage import usage

RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Figure:
    """One measured figure; `spread` is the largest less the smallest run."""

    name: str
    store: str
    median: float
    spread: float
    unit: str
    target: str
    runs: int


Measure = tuple[str, str, dict[str, str], Callable[[Lab], float], int]
MEASURES: list[Measure] = [
    (
        "batches of 500 by 4 callers, durable",
        "uses/s",
        {"postgres": ">= 12000", "sqlite": ">= 10000"},
        load.batch_rate,
        5,
    ),
    ("64 unary callers, durable", "uses/s", {"postgres": ">= 1100"}, load.unary_rate, 3),
    ("unary offered at 500/s, p99", "ms", {"postgres": "<= 40"}, load.unary_p99, 3),
    (
        "projection catching up",
        "entries/s",
        {"postgres": ">= 8000", "sqlite": ">= 8000"},
        projection.catch_up_rate,
        3,
    ),
    (
        "projection lag at half load (6,000/s offered), p99",
        "ms",
        {"postgres": "<= 500", "sqlite": "<= 500"},
        load.lag_p99,
        3,
    ),
    ("verifying 1,000 entries, start included", "s", {}, evidence.verify_seconds, 3),
    ("proven count of a month, p99", "ms", {}, evidence.count_p99, 3),
    ("audit, views and usage index included", "entries/s", {}, evidence.audit_rate, 1),
]


def main() -> int:
    """Run the measures; exit 0 even where a target is missed: the table says so."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="one run each, no million")
    parser.add_argument("--store", choices=("postgres", "sqlite"), action="append")
    parser.add_argument("--only", help="measures whose name contains this")
    parser.add_argument("--uses", type=int, default=1_000_000, help="of the usage index's log")
    parser.add_argument("--large", action="store_true", help="ten times as many as well: 20 GB")
    options = parser.parse_args()
    figures: list[Figure] = []
    for store in options.store or ["postgres", "sqlite"]:
        wanted = [item for item in MEASURES if not options.only or options.only in item[0]]
        with lab(store) if wanted else nullcontext() as running:
            if running is not None:
                load.batch_rate(running, uses=10_000)  # warm
            for name, unit, targets, measure, runs in wanted:
                assert running is not None
                values = [measure(running) for _ in range(1 if options.quick else runs)]
                figures.append(
                    Figure(
                        name,
                        store,
                        round(statistics.median(values), 2),
                        round(max(values) - min(values), 2),
                        unit,
                        targets.get(store, ""),
                        len(values),
                    )
                )
                _say(figures[-1])
        if not options.quick and (not options.only or options.only in "million"):
            for figure in million(store):
                figures.append(Figure(*figure))
                _say(figures[-1])
        if not options.quick and (not options.only or options.only in "usage index"):
            for figure in usage(store, uses=options.uses, large=options.large):
                figures.append(Figure(*figure))
                _say(figures[-1])
        if not options.only or options.only in "questions":
            for figure in questions(store, 1_000_000 if options.large else 20_000):
                figures.append(Figure(*figure))
                _say(figures[-1])
        if not options.only or options.only in "reconciliation":
            for figure in reconciliation(store, 1_000_000 if options.large else 20_000):
                figures.append(Figure(*figure))
                _say(figures[-1])
        if not options.quick and (not options.only or options.only in "telemetry"):
            for figure in telemetry(store):
                figures.append(Figure(*figure))
                _say(figures[-1])
    if not options.only or options.only in "audit from tiles":
        entries, runs = (100_000, 1) if options.quick else (600_000, 3)
        for figure in audit.audit(entries=entries, runs=runs):
            figures.append(Figure(*figure))
            _say(figures[-1])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    return 0


def _say(figure: Figure) -> None:
    print(
        f"{figure.store:<9} {figure.name:<52} {figure.median:>10,.2f} {figure.unit:<10}"
        f" target {figure.target or '-':<10} spread {figure.spread:,.2f} over {figure.runs}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
