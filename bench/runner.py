"""How is a run made? Suites in turn; what fails is told in the end, and stops nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.keeping import CAPACITY, FOLDER, Results
from bench.lab import Places
from bench.machine import begin_run
from bench.progress import Left, Progress
from bench.sizes import Sizes
from bench.suite import Bench, Suite, step_name

_GUESS_S, _GUESS_QUICK_S = 60.0, 3.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is to measure."""

    suites: Sequence[Suite]
    stores: Sequence[str]
    sizes: Sizes
    only: str
    words: str  # the command line
    quick: bool
    fresh: bool = False
    folder: Path = FOLDER
    capacity: Path = CAPACITY


def measure(asked: Asked) -> int:
    """Measure, print and keep; the exit status: 0 even where a target is missed, 1 where a suite failed."""
    work = [
        (suite, store)
        for store in asked.stores
        for suite in asked.suites
        if store in suite.stores and suite.planned(asked.only)
    ]
    if not work:
        steps = sorted({step for suite in asked.suites for step in suite.steps})
        print(f"nothing is called {asked.only!r}; there are:", *steps, sep="\n  ", file=sys.stderr)
        return 2
    run = begin_run(asked.words)
    results = Results(run, fresh=asked.fresh, folder=asked.folder)
    planned = [step_name(at, step) for suite, at in work for step in suite.planned(asked.only)]
    guess = _GUESS_QUICK_S if asked.quick else _GUESS_S
    left = Left(planned, results.known_s(quick=asked.quick), guess)
    failures: list[str] = []
    try:
        with Progress(left) as progress, Places() as places:
            for suite, store in work:
                bench = Bench(
                    suite=suite,
                    store=store,
                    sizes=asked.sizes,
                    only=asked.only,
                    places=places,
                    progress=progress,
                    keep=results.add_sample,
                    failures=failures,
                )
                _run(bench, results)
    finally:
        results.close(left.took_s, capacity=asked.capacity)
    print(f"load before: {run.load_before}; the page: {asked.folder / 'latest.md'}")
    for name in failures:
        print(f"FAILED: {name}; what went wrong stands above", file=sys.stderr)
    return 1 if failures else 0


def _run(bench: Bench, results: Results) -> None:
    try:
        for found in bench.suite.run(bench):
            results.add(found)
            _say(found)
    except Exception:  # noqa: BLE001  hours of other figures are not lost for one of them
        bench.failed(bench.suite.name)


def _say(found: Figure) -> None:
    target = f"target {found.target}: {found.verdict}" if found.target else ""
    print(
        f"{found.store:<9} {found.name:<58} {found.median:>12,.2f} {found.unit:<10}"
        f" at {found.size:>9,} {target}",
        flush=True,
    )
