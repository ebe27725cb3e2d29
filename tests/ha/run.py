"""`make ha-test`: a cluster of three, reports all the while, one event after another, and a table.

Exit status: 0 all went well, 1 an event went wrong, 2 it could not be run, and what is missing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.cli.failures import CommandFailed
from tests.ha.cluster import Cluster, ClusterFailed
from tests.ha.events import EVENTS, Event, EventFailed
from tests.ha.judging import Judgement
from tests.ha.network import Loopback, NetworkRefused
from tests.ha.programs import PatroniMissing
from tests.ha.rig import Rig

RATE: Final = 200.0
STEADY_S: Final = 3.0
_LOG_CHARS: Final = 4_000
_started: Final = time.monotonic()


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one event. `outage_s`: the longest time without an acknowledgement."""

    event: Event
    outage_s: float
    judgement: Judgement | None
    good: bool
    says: str

    def cells(self) -> list[str]:
        found = self.judgement
        told = ["-"] * 4
        if found is not None:
            consistent = found.checkpoints - found.inconsistent
            told = [
                str(found.acknowledged),
                str(found.found),
                str(found.doubled),
                f"{consistent} of {found.checkpoints}",
            ]
        outage = "stays silent" if self.event.refuses else f"{self.outage_s:.1f} s"
        return [self.event.name, outage, *told, "ok" if self.good else "BAD", self.says]


_HEADS: Final = [
    "event",
    "outage",
    "acknowledged",
    "found",
    "doubled",
    "checkpoints consistent",
    "verdict",
    "",
]


def say(text: str) -> None:
    sys.stderr.write(f"{time.monotonic() - _started:6.1f} s  {text}\n")
    sys.stderr.flush()


def happen(rig: Rig, event: Event) -> Row:
    """One event under load, and what it left behind."""
    rig.load.resume()
    rig.load.await_acknowledged(int(rig.rate * STEADY_S), within_s=60)
    began = time.monotonic()
    good, judged = True, None
    ended = None
    try:
        says = event.happen(rig)
        ended = time.monotonic()
        if not event.refuses:
            rig.load.pause()
            rig.await_published()
            judged = rig.judge()
            good = judged.good and not rig.load.failed
    except (EventFailed, ClusterFailed, AssertionError) as error:
        good, says = False, f"{type(error).__name__}: {error}"
    outage_s = rig.load.longest_gap_s(began, ended or time.monotonic())
    return Row(event, outage_s, judged, good, says)


def run(rig: Rig, events: Sequence[Event]) -> list[Row]:
    """One event after another, until one goes so wrong that nothing can follow."""
    rows: list[Row] = []
    for event in events:
        if event.needs_cuts and not rig.cluster.network.cuts:
            say(
                f"{event.name}: not possible without root, network namespaces and iproute2; left out"
            )
            continue
        say(f"{event.name}: {event.says}")
        row = happen(rig, event)
        rows.append(row)
        say("  ".join(row.cells()[1:]).splitlines()[0])
        if not row.good:
            sys.stderr.write(f"{row.says}\n{rig.server.log.read_text()[-_LOG_CHARS:]}\n")
            sys.stderr.write(rig.cluster.state())
            break
    return rows


def table(rows: Sequence[Row]) -> str:
    """All of it, for people."""
    cells = [_HEADS, *(row.cells() for row in rows)]
    cells = [[cell.splitlines()[0] if cell else "" for cell in line] for line in cells]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.ha.run", description=__doc__)
    parser.add_argument("--events", nargs="*", choices=[event.name for event in EVENTS])
    parser.add_argument("--rate", type=float, default=RATE, help="uses a second")
    parser.add_argument("--loopback", action="store_true", help="as without root")
    options = parser.parse_args()
    wanted = [event for event in EVENTS if not options.events or event.name in options.events]
    try:
        network = Loopback() if options.loopback else None
        with tempfile.TemporaryDirectory(prefix="candour-ha-") as folder:
            say("starting etcd, Patroni and PostgreSQL, three of each")
            with Cluster(network) as cluster:
                kind = "network namespaces" if cluster.network.cuts else "loopback"
                say(f"three nodes on {kind}, db{cluster.leader()} leads")
                with Rig(Path(folder), cluster, options.rate) as rig:
                    rows = run(rig, wanted)
    except (PatroniMissing, ClusterFailed, NetworkRefused, CommandFailed) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(table(rows) + "\n")
    for row in rows:
        if not row.good:
            sys.stdout.write(f"\n{row.event.name}: {row.says}\n")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
