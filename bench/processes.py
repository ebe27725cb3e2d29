"""What do processes cost? Processor seconds and memory, from Linux's /proc.

A tree is a process with all that it started: `candour serve` with its projectors, a postmaster
with its backends. Processor time of those that have ended is in their parent's.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MB: Final = 1024  # kB of /proc


def children(pid: int) -> list[int]:
    """Processes that it started, by whichever thread, and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except FileNotFoundError:
            continue  # a thread that has just ended
    return found


def tree(pid: int) -> list[int]:
    """It, and all below it."""
    found = [pid]
    for child in children(pid):
        found += tree(child)
    return found


def cpu_s(pid: int, *, whole_tree: bool = False) -> float:
    """Processor seconds so far, user and system; of a tree with all that ended in it."""
    if not whole_tree:
        return _cpu_s(pid, ended=False)
    seconds = 0.0
    for one in tree(pid):
        try:
            seconds += _cpu_s(one, ended=True)
        except FileNotFoundError:
            continue  # it has just ended: its parent has it from now on
    return seconds


def _cpu_s(pid: int, *, ended: bool) -> float:
    # The name may hold blanks and brackets; what follows its last bracket does not.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, ended_user, ended_system = map(int, fields[11:15])
    ticks = user + system + (ended_user + ended_system if ended else 0)
    return ticks / _TICKS


def rss_mb(pid: int) -> float:
    """Resident memory now."""
    return _status_kb(pid, "VmRSS") / _MB


def peak_mb(pid: int) -> float:
    """Resident memory at its most, since the process began."""
    return _status_kb(pid, "VmHWM") / _MB


def database_mb(pid: int) -> float:
    """Of a postmaster's tree: what each holds for itself, and the shared buffers in use once."""
    own, shared = 0, 0
    for one in tree(pid):
        try:
            own += _status_kb(one, "RssAnon")
            shared = max(shared, _status_kb(one, "RssShmem"))
        except FileNotFoundError:
            continue  # a backend that has just ended
    return (own + shared) / _MB


def _status_kb(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0
