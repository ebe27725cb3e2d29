"""Who is killed, and told how it ended? A process that forks a victim (victim.py) for each job."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.strace import ROOT
from tests.faults.victim import Job


class Victims:
    """Runs jobs, one after another.

    Args:
        process: Of `python -m tests.faults.victim --serve`.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, job: Job) -> int:
        """The exit status of a job; what it was told is in its file, which is emptied before."""
        Path(job.told).unlink(missing_ok=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(job.text() + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def victims() -> Iterator[Victims]:
    """A place to run jobs; it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.victim", "--serve"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Victims(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
