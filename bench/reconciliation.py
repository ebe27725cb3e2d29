"""How long does it take to compare somebody else's log with the ledger, and in what memory?

A synthetic export goes in by `candour import flock`; the observer's file is the same log with one
row in a hundred withheld here, one there and one altered, by ids and, in a second file, by times
alone. `candour reconcile` runs as a person would run it.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.lab import Lab, place, rss_mb_of, serve
from bench.million import write_export

Row = tuple[str, str, float, float, str, str, int]
_FLAGS = ("--agency", "Sampleton Police", "--technology", "Plate Reader")
_EVERY = 100  # one row in so many is withheld here, one there, one altered


def reconciliation(store: str, rows: int) -> list[Row]:
    """Seconds and memory of two reconciliations of `rows` sightings on one store."""
    with place(store) as (data, database_url):
        whole = data / "log.csv"
        write_export(whole, rows)
        ours, by_id, by_time = (data / f"{name}.csv" for name in ("ours", "ids", "times"))
        _copy(whole, ours, lambda n, row: None if n % _EVERY == 1 else row)
        _copy(whole, by_id, _altered)
        _copy(whole, by_time, lambda n, row: _unnamed(_altered(n, row)))
        with serve(data, database_url) as (target, pid):
            _run(Lab(store, data, target, pid, database_url), "import", "flock", ours)
        figures: list[Row] = []
        # A server of its own, lest what the import left in memory be counted.
        with serve(data, database_url) as (target, pid):
            running = Lab(store, data, target, pid, database_url)
            head = running.heads()
            while head.projected_tree_size < head.tree_size:
                time.sleep(1)
                head = running.heads()
            for path, how in ((by_id, "by id"), (by_time, "by time and fields")):
                figures += _measure(running, path, rows, how)
        return figures


def _measure(running: Lab, path: Path, rows: int, how: str) -> list[Row]:
    peak = _Peaks(running)
    started = time.perf_counter()
    found = _run(running, "reconcile", path, "--observer", f"Vendor {how}", watch=peak)
    took = time.perf_counter() - started
    told = found["missing_here"] + found["missing_there"] + found["differing"]
    assert rows - rows // _EVERY == found["sightings"], found
    assert 0 < told <= 4 * rows // _EVERY, found
    name = f"reconciling {rows:,} sightings {how}"
    goals = ("<= 120", "<= 1000") if rows == 1_000_000 else ("", "")
    return [
        (name, running.store, round(took, 1), 0.0, "s", goals[0], 1),
        (
            f"{name}: client and server memory, peak",
            running.store,
            peak.most,
            0.0,
            "MB",
            goals[1],
            1,
        ),
        (f"{name}: client alone, peak", running.store, peak.client, 0.0, "MB", "", 1),
    ]


def _altered(number: int, row: list[str]) -> list[str] | None:
    if number % _EVERY == 2:
        return None
    return [*row[:3], str(int(row[3]) + 1), row[4]] if number % _EVERY == 3 else row


def _unnamed(row: list[str] | None) -> list[str] | None:
    """Without id, and with a clock that shows whole seconds."""
    return None if row is None else ["", row[1], row[2][:19], *row[3:]]


def _copy(source: Path, target: Path, change: Callable[[int, list[str]], list[str] | None]) -> None:
    with source.open(newline="") as old, target.open("w", newline="") as new:
        reader, writer = csv.reader(old), csv.writer(new)
        writer.writerow(next(reader))
        for number, row in enumerate(reader):
            kept = change(number, row)
            if kept is not None:
                writer.writerow(kept)


def _run(running: Lab, *command: object, watch: _Peaks | None = None) -> dict[str, int]:
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "services.cli", *map(str, command), *_FLAGS),
            *("--target", running.target, "--format", "json"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if watch is not None:
        watch.start(child.pid)
    out, _ = child.communicate()
    if watch is not None:
        watch.stop()
    assert child.returncode == 0, out
    found: dict[str, int] = json.loads(out)
    return found


class _Peaks:
    """Watches the resident memory of a command, of the server and of its projector."""

    def __init__(self, running: Lab) -> None:
        self._lab, self._done = running, threading.Event()
        self.most = self.client = 0.0

    def start(self, pid: int) -> None:
        self._thread = threading.Thread(target=self._watch, args=(str(pid),), daemon=True)
        self._thread.start()

    def _watch(self, pid: str) -> None:
        while not self._done.wait(0.2):
            try:
                client = rss_mb_of(pid)
            except OSError:
                return
            self.client = max(self.client, round(client, 1))
            self.most = max(self.most, round(client + sum(self._lab.rss_mb()), 1))

    def stop(self) -> None:
        self._done.set()
        self._thread.join()
