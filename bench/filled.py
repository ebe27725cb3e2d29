"""What happens at a million uses? One ledger a store, filled once, and asked by all that follows.

    export.csv ──candour import──► ledger ──► inclusion proofs ► first pages ► storage ► questions
               server A, its memory           server B                        ► reconciliation

With `--large` it then grows to ten million, and is asked for proofs, pages and storage again.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from bench import load, questions, reconciliation, targets
from bench.export_file import performer, write_export
from bench.figures import Figure
from bench.lab import Lab, Place, serve
from bench.processes import children, peak_mb
from bench.storage import table_bytes
from bench.suite import Bench

IMPORT: Final = "import of CSV rows"
PAGE: Final = "first page of 50, p99"
ALL_QUESTIONS: Final = "questions and findings"
RECONCILING: Final = "reconciling with somebody else's log"
# What was grown to has steps of its own, so that `--only` and the bar can tell them.
GROWN: Final = ", grown"
_ASKED: Final = (targets.INCLUSION, targets.FIRST_PAGE, targets.STORAGE_IMPORTED)
STEPS: Final = (IMPORT, *_ASKED, ALL_QUESTIONS, RECONCILING)
GROWN_STEPS: Final = (IMPORT + GROWN, *(step + GROWN for step in _ASKED))
WHO: Final = ("--agency", "Sampleton Police", "--technology", "Plate Reader")


def filled(bench: Bench) -> Iterator[Figure]:
    """The figures, at one size or at two."""
    sizes = bench.sizes
    with bench.places.place(bench.store) as place:
        yield from _fill(bench, place, 0, sizes.filled, IMPORT)
        # A server of its own, lest what the import left in memory be counted.
        with serve(place) as lab:
            yield from _asked(bench, lab, sizes.filled, "")
            if bench.wants(ALL_QUESTIONS):
                with bench.step(ALL_QUESTIONS):
                    yield from questions.questions(bench, lab)
            if bench.wants(RECONCILING):
                with bench.step(RECONCILING):
                    yield from reconciliation.reconciliation(bench, lab)
        if sizes.grown and bench.wants(*GROWN_STEPS):
            yield from _fill(bench, place, sizes.filled, sizes.grown, IMPORT + GROWN)
            with serve(place) as lab:
                yield from _asked(bench, lab, sizes.grown, GROWN)


def _fill(bench: Bench, place: Place, first: int, size: int, step: str) -> Iterator[Figure]:
    """Import what is missing to `size` rows, as a person would do it; wait for views and index."""
    path, rows = place.data / f"{first}.csv", size - first
    with bench.step(step), serve(place) as lab:
        write_export(path, rows, first=first)
        started = time.perf_counter()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "services.cli", "import", "flock", str(path)),
                *(*WHO, "--target", lab.target, "--format", "json"),
            ],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        took = time.perf_counter() - started
        assert rows == json.loads(done.stdout)["accepted"]
        lab.wait_for_views()
        in_views = time.perf_counter() - started
        lab.wait_for_index()
        server, projector = peak_mb(lab.pid), sum(map(peak_mb, children(lab.pid)))
    yield bench.figure(IMPORT, [rows / took], "uses/s", size=size)
    yield bench.figure(f"{IMPORT}, until views hold them", [rows / in_views], "uses/s", size=size)
    yield bench.figure(targets.IMPORT_MEMORY, [server], "MB", size=size)
    yield bench.figure(f"{IMPORT}: projector memory, peak", [projector], "MB", size=size)


def _asked(bench: Bench, lab: Lab, size: int, suffix: str) -> Iterator[Figure]:
    if bench.wants(targets.INCLUSION + suffix):
        with bench.step(targets.INCLUSION + suffix):
            proof = load.proof_p99(lab, calls=bench.sizes.proofs)
        yield bench.figure(targets.INCLUSION, [proof], "ms", size=size)
    if bench.wants(targets.FIRST_PAGE + suffix):
        with bench.step(targets.FIRST_PAGE + suffix):
            pages = load.list_p99(lab, _filters(), calls=bench.sizes.pages)
        for text, p99 in pages.items():
            yield bench.figure(f"{PAGE}: {text or 'everything'}", [p99], "ms", size=size)
        yield bench.figure(targets.FIRST_PAGE, [max(pages.values())], "ms", size=size)
    if bench.wants(targets.STORAGE_IMPORTED + suffix):
        with bench.step(targets.STORAGE_IMPORTED + suffix):
            tables = table_bytes(lab.data, lab.database_url)
        whole = sum(table.all for table in tables) / size
        yield bench.figure(targets.STORAGE_IMPORTED, [whole], "bytes/use", size=size)


def _filters() -> list[str]:
    agency = 'agency = "agencies/sampleton-police"'
    return [
        "",
        agency,
        f'{agency} AND technology = "technologies/plate-reader"',
        f'{agency} AND occurred >= "2024-09-01" AND occurred < "2024-09-08"',
        f'performer = "{performer(3)}"',
        f'performer = "{performer(3)}" AND occurred >= "2024-09-01"',
        f"{agency} AND authorization = none AND technology:*",
        'technology = "technologies/never-used"',
    ]
