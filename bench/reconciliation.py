"""How long does it take to compare somebody else's log with the ledger, and in what memory?

The ledger holds a synthetic export. The observer's file is the same log with one row in a hundred
withheld, one that the ledger never saw, and one altered; once by ids and, in a second file, by
times alone. `candour reconcile` runs as a person would run it.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import targets
from bench.export_file import write_export
from bench.figures import Figure
from bench.lab import Lab
from bench.processes import children, rss_mb
from bench.suite import Bench

_FLAGS: Final = ("--agency", "Sampleton Police", "--technology", "Plate Reader")
_EVERY: Final = 100  # one row in so many is withheld there, one is not known here, one altered
_WATCH_S: Final = 0.2


def reconciliation(bench: Bench, lab: Lab) -> Iterator[Figure]:
    """Seconds and memory of two reconciliations with as many sightings as the ledger has uses."""
    rows = bench.sizes.filled
    whole = lab.data / "log.csv"
    write_export(whole, rows)
    lab.wait_for_views()
    for name, by_id in ((targets.RECONCILING, True), (targets.RECONCILING_TIMES, False)):
        path = lab.data / f"observed-{'ids' if by_id else 'times'}.csv"
        sightings = _write_observed(whole, path, named=by_id)
        yield from _measure(bench, lab, path, name, rows, sightings)


def _measure(
    bench: Bench, lab: Lab, path: Path, name: str, rows: int, sightings: int
) -> Iterator[Figure]:
    peak = _Peaks(lab)
    started = time.perf_counter()
    found = _reconcile(lab, path, f"Vendor {name}", peak)
    took = time.perf_counter() - started
    told = found["missing_here"] + found["missing_there"] + found["differing"]
    assert sightings == found["sightings"], found
    assert 0 < told <= 4 * sightings // _EVERY + 4, found
    yield bench.figure(name, [took], "s", size=rows)
    yield bench.figure(f"{name}: {targets.BOTH_MEMORIES}", [peak.most], "MB", size=rows)
    yield bench.figure(f"{name}: client alone, peak", [peak.client], "MB", size=rows)


def _write_observed(source: Path, target: Path, *, named: bool) -> int:
    """The observer's file; how many rows it has.

    Args:
        named: False: without ids, and with a clock that shows whole seconds.
    """
    count = 0
    with source.open(newline="") as old, target.open("w", newline="") as new:
        reader, writer = csv.reader(old), csv.writer(new)
        writer.writerow(next(reader))
        for number, row in enumerate(reader):
            for kept in _observed(number, row):
                writer.writerow(kept if named else ["", kept[1], kept[2][:19], *kept[3:]])
                count += 1
    return count


def _observed(number: int, row: list[str]) -> Iterator[list[str]]:
    """What the observer has of a row of ours: nothing, the row, another one, or one more."""
    match number % _EVERY:
        case 1:
            # Somebody of ours whom the ledger has not at that second.
            moved = f"{row[2][:14]}59:59.500"
            yield row
            yield [str(uuid.UUID(int=number + 1)), row[1], moved, *row[3:]]
        case 2:
            return
        case 3:
            yield [*row[:3], str(int(row[3]) + 1), row[4]]
        case _:
            yield row


def _reconcile(lab: Lab, path: Path, observer: str, watch: _Peaks) -> dict[str, int]:
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "services.cli", "reconcile", str(path)),
            *("--observer", observer, *_FLAGS, "--target", lab.target, "--format", "json"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    watch.start(child.pid)
    out, _ = child.communicate()
    watch.stop()
    assert child.returncode == 0, out
    found: dict[str, int] = json.loads(out)
    return found


class _Peaks:
    """Watches the resident memory of a command, of the server and of its projector, together."""

    def __init__(self, lab: Lab) -> None:
        self._lab, self._done = lab, threading.Event()
        self.most = self.client = 0.0

    def start(self, pid: int) -> None:
        self._thread = threading.Thread(target=self._watch, args=(pid,), daemon=True)
        self._thread.start()

    def _watch(self, pid: int) -> None:
        while not self._done.wait(_WATCH_S):
            try:
                client = rss_mb(pid)
                server = rss_mb(self._lab.pid) + sum(map(rss_mb, children(self._lab.pid)))
            except OSError:
                return
            self.client = max(self.client, client)
            self.most = max(self.most, client + server)

    def stop(self) -> None:
        self._done.set()
        self._thread.join()
