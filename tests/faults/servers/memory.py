"""How much memory do a server and its projector hold? Sampled from /proc while a block lasts."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PROC: Final = Path("/proc")
_KB_A_MB: Final = 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory at one moment.

    Members:
        at_s: Since the first sample.
        server_mb, projectors_mb: Of the server, and of its children together.
    """

    at_s: float
    server_mb: float
    projectors_mb: float


class Sampler:
    """Samples one server. Use it as a context manager."""

    def __init__(self, pid: int, *, every_s: float = 1.0) -> None:
        self._pid, self._every_s = pid, every_s
        self.samples: list[Sample] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory")

    def __enter__(self) -> Self:
        self._began = time.monotonic()
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def first_mb(self) -> float:
        """Of the server."""
        return self.samples[0].server_mb

    @property
    def peak_mb(self) -> float:
        """Likewise."""
        return max(sample.server_mb for sample in self.samples)

    def _run(self) -> None:
        while not self._ended.wait(self._every_s):
            self._sample()

    def _sample(self) -> None:
        own = resident_mb(self._pid)
        if own is None:  # it has ended
            return
        rest = sum(resident_mb(pid) or 0.0 for pid in children_of(self._pid))
        self.samples.append(Sample(time.monotonic() - self._began, own, rest))


def children_of(pid: int) -> list[int]:
    """Process ids of its children, whichever of its threads made them."""
    found = []
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def resident_mb(pid: int) -> float | None:
    """VmRSS; None for a process that is gone."""
    try:
        status = (_PROC / str(pid) / "status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / _KB_A_MB
    return None


def slope_mb_an_hour(at_s: list[float], mb: list[float]) -> float:
    """Of the straight line with the least squares."""
    count = len(at_s)
    mean_s, mean_mb = sum(at_s) / count, sum(mb) / count
    spread = sum((at - mean_s) ** 2 for at in at_s)
    together = sum((at - mean_s) * (one - mean_mb) for at, one in zip(at_s, mb, strict=True))
    return 3_600 * together / spread
