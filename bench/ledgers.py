"""What does one more ledger of a deployment cost while nothing happens?

`candour serve` on SQLite with so many empty ledgers; after a while, what the process and its
projectors hold in memory, and how many threads it has.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figures import Figure
from bench.processes import children, rss_mb
from bench.sizes import QUICK
from bench.suite import Bench
from services.cli.local_server import LocalServer

STEPS: Final = ("idle ledgers of one server",)
SERVER: Final = "idle server of so many ledgers: memory"
PROJECTOR: Final = "idle projector, one a ledger: memory"
THREADS: Final = "idle server of so many ledgers: threads"
_COUNTS: Final = (1, 2, 8)
_SETTLE_S: Final = 5


def idle_ledgers(bench: Bench) -> Iterator[Figure]:
    """Three figures for each count, which is their size."""
    quick = bench.sizes is QUICK
    for count in _COUNTS[:1] if quick else _COUNTS:
        with bench.step(STEPS[0]), tempfile.TemporaryDirectory() as folder:
            names = " ".join(f"l{number}" for number in range(count))
            with LocalServer(Path(folder), environment={"CANDOUR_LEDGERS": names}) as server:
                assert server.process is not None
                time.sleep(_SETTLE_S / 5 if quick else _SETTLE_S)
                pid = server.process.pid
                own, each = rss_mb(pid), [rss_mb(child) for child in children(pid)]
                threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        yield bench.figure(SERVER, [own], "MB", size=count)
        yield bench.figure(PROJECTOR, each, "MB", size=count)
        yield bench.figure(THREADS, [threads], "threads", size=count)
