"""A process that keeps a ledger busy, to be killed, refused and cut off: what did it acknowledge?

    python -m tests.faults.victim JOB      one run of the workload (workload.py), told by a JSON object
    python -m tests.faults.victim --serve  a job a line on stdin, each in a fork: no imports to wait for

What is acknowledged is written to the job's file `told` at once, a line a step; a step that the
store was not available for is noted there, too, and taken again, as a server's caller does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from tests.faults.calls import Breaker, How, broken
from tests.faults.checks import UNAVAILABLE
from tests.faults.commits import Fault
from tests.faults.projecting import Work
from tests.faults.workload import go_on
from tests.faults.world import Acknowledged, Told, World
from tests.ledgers import Place, PostgresPlace, SqlitePlace

_TRIES: Final = 6
GAVE_UP: Final = 75  # exit status: the store stayed unavailable
_PATIENCE_S: Final = 120  # a victim that hangs ends itself


@dataclass(frozen=True, slots=True)
class Job:
    """What a victim does.

    Members:
        at: A folder for SQLite's files, or PostgreSQL's URL.
        told: File that acknowledgements go to.
        nth, when: The call at which it kills itself; None for no such call.
        keys: Make the ledger's key files first, in the folder of `told`.
        tries: How often a step is taken before the victim gives up.
        projects: It is the projector of a ledger that is there (projecting.py).
        checkpoint_pages: How full SQLite's write-ahead log is when it moves into the file.
    """

    at: str
    told: str
    nth: int | None = None
    when: str = Fault.BEFORE.value
    keys: bool = False
    tries: int = _TRIES
    projects: bool = False
    checkpoint_pages: int = 1_000

    def text(self) -> str:
        return json.dumps(asdict(self))


def place_at(at: str) -> Place:
    """Where a job's ledger lives."""
    return PostgresPlace(at) if at.startswith("postgresql") else SqlitePlace(Path(at))


def acknowledged_in(lines: str) -> Acknowledged:
    """What a victim was told, from the lines of its file; the last may be cut off."""
    found: Acknowledged = {}
    for line in lines.split("\n")[:-1]:
        said = json.loads(line)
        if "step" in said:
            found[said["step"]] = [
                (name, int(leaf_index), digest) for name, leaf_index, digest in said["told"]
            ]
    return found


def refusals_in(lines: str) -> int:
    """How often its store was not available."""
    return sum("unavailable" in json.loads(line) for line in lines.split("\n")[:-1])


def calls_in(lines: str) -> int:
    """How many calls a projector made that came to its end."""
    return int(json.loads(lines)["calls"])


def run(job: Job) -> int:
    """Take all steps; returns the exit status."""
    told = os.open(job.told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(line: dict[str, object]) -> None:
        os.write(told, json.dumps(line).encode() + b"\n")

    def acknowledge(step: str, receipts: list[Told]) -> None:
        write({"step": step, "told": receipts})

    if job.keys:
        _make_keys(Path(job.told).parent)
    if job.projects:
        work = Work(job.at)
        with broken(Breaker(job.nth, Fault(job.when), How.KILLED)) as breaker:
            work.project()
        write({"calls": breaker.calls})
        return 0
    place, world = place_at(job.at), None
    acknowledged: Acknowledged = {}
    breaker = Breaker(job.nth, Fault(job.when), How.KILLED)
    with broken(breaker, checkpoint_pages=job.checkpoint_pages):
        for attempt in range(job.tries):
            try:
                if world is None:
                    world = World(place.open(), place.engine(), attempt, acknowledged)
                go_on(world, acknowledge)
                return 0
            except UNAVAILABLE as error:
                write({"unavailable": type(error).__name__})
    return GAVE_UP


def _make_keys(data: Path) -> None:
    from services.runtime.keys import open_keys

    open_keys(data, "main", origin=None)


# --- forks ------------------------------------------------------------------------
def serve() -> None:
    """Run each job of stdin in a fork; its exit status is the answer."""
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.alarm(_PATIENCE_S)
            os._exit(run(Job(**json.loads(line))))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve()
    else:
        sys.exit(run(Job(**json.loads(sys.argv[1]))))
