"""What does one more ledger of a deployment cost while nothing happens?

    python -m bench.ledgers [COUNT …]

Starts `candour serve` on SQLite with so many empty ledgers, waits, and adds up what the process
and its projectors hold in memory (RSS, of Linux's /proc) and how many threads they have.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from services.cli.local_server import LocalServer

_SETTLE_S: Final = 5
_MIB: Final = 2**20


def main(counts: list[int]) -> None:
    """Print a line for each count."""
    print("ledgers  server MiB  threads  projectors MiB  each")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            names = " ".join(f"l{number}" for number in range(count))
            with LocalServer(Path(folder), environment={"CANDOUR_LEDGERS": names}) as server:
                assert server.process is not None
                time.sleep(_SETTLE_S)
                pid = server.process.pid
                own, children = _rss(pid), [_rss(child) for child in _children(pid)]
                print(
                    f"{count:7}  {own / _MIB:10.0f}  {_threads(pid):7}"
                    f"  {sum(children) / _MIB:14.0f}  {sum(children) / len(children) / _MIB:4.0f}",
                    flush=True,
                )


def _rss(pid: int) -> int:
    """Resident bytes of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("a process has a size")


def _threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def _children(pid: int) -> list[int]:
    """Its projectors."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [1, 2, 8])
