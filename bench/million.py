"""What happens at a million uses? Import, memory, proofs, lists.

A file of 1,000,000 rows goes in by `candour import flock`, as a person would do it; then
the ledger it leaves is asked.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

from bench import load
from bench.lab import Lab, lab

ROWS = 1_000_000
Row = tuple[str, str, float, float, str, str, int]


def million(store: str, rows: int = ROWS) -> list[Row]:
    """Figures at a million uses on one store."""
    with lab(store) as running:
        path = running.data / "million.csv"
        write_export(path, rows)
        peak = _Peak(running)
        started = time.perf_counter()
        done = subprocess.run(
            [
                *(sys.executable, "-m", "services.cli", "import", "flock", str(path)),
                *("--agency", "Sampleton Police", "--technology", "Plate Reader"),
                *("--target", running.target, "--format", "json"),
            ],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        took = time.perf_counter() - started
        assert json.loads(done.stdout)["accepted"] == rows
        head = running.heads()
        while head.projected_tree_size < head.tree_size:
            time.sleep(1)
            head = running.heads()
        figures: list[Row] = [
            (f"import of {rows:,} CSV rows", store, round(rows / took, 1), 0.0, "uses/s", "", 1),
            *(
                (
                    f"{who} memory at its peak, import of {rows:,} rows",
                    store,
                    mb,
                    0.0,
                    "MB",
                    goal,
                    1,
                )
                for who, mb, goal in zip(
                    ("server", "projector"), peak.stop(), ("< 400", ""), strict=True
                )
            ),
            (
                f"inclusion proof at {rows:,} entries, p99",
                store,
                round(load.proof_p99(running), 2),
                0.0,
                "ms",
                "<= 10",
                500,
            ),
        ]
        for text, p99 in load.list_p99(running, _filters()).items():
            name = f"first page of 50 at {rows:,} uses, p99: {text or 'everything'}"
            figures.append((name, store, round(p99, 1), 0.0, "ms", "<= 50", 200))
        return figures


def _filters() -> list[str]:
    agency = 'agency = "agencies/sampleton-police"'
    return [
        "",
        agency,
        f'{agency} AND technology = "technologies/plate-reader"',
        f'{agency} AND occurred >= "2024-09-01" AND occurred < "2024-09-08"',
        f'performer = "{_performer(3)}"',
        f'performer = "{_performer(3)}" AND occurred >= "2024-09-01"',
        f"{agency} AND authorization = none AND technology:*",
        'technology = "technologies/never-used"',
    ]


def _performer(number: int) -> str:
    return str(uuid.UUID(int=number * 7_919 + 1))


def write_export(path: Path, rows: int) -> None:
    """A synthetic portal log: one search every 30 s by one of 400 people."""
    draw = random.Random(5)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "userId", "searchDate", "cameraCount", "reason"])
        start = 1_704_067_200
        for number in range(rows):
            seconds = start + number * 30
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
            writer.writerow(
                [
                    str(uuid.UUID(int=draw.getrandbits(128))),
                    _performer(draw.randrange(400)),
                    f"{when}.{draw.randrange(1000):03d}",
                    draw.randrange(3000),
                    draw.choice(["investigation", "stolen vehicle", "missing person"]),
                ]
            )


class _Peak:
    """Watches a server's resident memory."""

    def __init__(self, running: Lab) -> None:
        self._lab, self._most, self._done = running, (0.0, 0.0), threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._done.wait(0.5):
            server, projector = self._lab.rss_mb()
            self._most = max(self._most[0], server), max(self._most[1], projector)

    def stop(self) -> tuple[float, float]:
        self._done.set()
        self._thread.join()
        return round(self._most[0], 1), round(self._most[1], 1)
