"""What does this process take of its machine? Read from /proc whenever somebody looks.

    /proc/self, /proc/<projector> ──► CPU time, memory, threads, descriptors

Projectors count with their server: who sizes a machine needs both. Where there is no /proc
there are no metrics.

Source: proc(5).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from opentelemetry.metrics import Observation

from services.runtime.metrics import Instruments

_TICKS_A_S: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")
_USER, _SYSTEM = 11, 12  # of /proc/<pid>/stat, behind the name in parentheses


def observe_process(instruments: Instruments, children: Callable[[], Iterable[int]]) -> None:
    """Let the process be asked.

    Args:
        children: Process ids of the projectors that run now.
    """
    started = time.monotonic()

    def uptime() -> Iterator[Observation]:
        yield Observation(time.monotonic() - started)

    def cpu() -> Iterator[Observation]:
        own = os.times()  # with what children took that have ended
        live = [ticks for pid in children() if (ticks := _ticks(pid)) is not None]
        user = own.user + own.children_user + sum(ticks[0] for ticks in live) / _TICKS_A_S
        system = own.system + own.children_system + sum(ticks[1] for ticks in live) / _TICKS_A_S
        yield Observation(user, {"cpu.mode": "user"})
        yield Observation(system, {"cpu.mode": "system"})

    def memory() -> Iterator[Observation]:
        own = _of_status("self", "VmRSS")
        if own is not None:
            rest = [_of_status(str(pid), "VmRSS") or 0 for pid in children()]
            yield Observation((own + sum(rest)) * 1024)

    def threads() -> Iterator[Observation]:
        count = _of_status("self", "Threads")
        if count is not None:
            yield Observation(count)

    def descriptors() -> Iterator[Observation]:
        try:
            yield Observation(len(os.listdir(_PROC / "self" / "fd")))
        except OSError:
            return

    instruments.observe("process.uptime", uptime)
    instruments.observe("process.cpu.time", cpu)
    instruments.observe("process.memory.usage", memory)
    instruments.observe("process.thread.count", threads)
    instruments.observe("process.unix.file_descriptor.count", descriptors)


def _ticks(pid: int) -> tuple[int, int] | None:
    """User and system; None where it has ended."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[_USER]), int(fields[_SYSTEM])
    except (OSError, ValueError, IndexError):
        return None


def _of_status(which: str, name: str) -> int | None:
    """A number of /proc/<which>/status."""
    try:
        for line in (_PROC / which / "status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return None
