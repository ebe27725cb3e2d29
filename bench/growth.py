"""How do rates, waits, bytes and memory grow with the ledger? One ledger that grows, looked at on its way.

    fill to each size ──► the last uses: ingest rate ──► a backlog: views and index catch up
                      ──► views and index hold all: processor time ──► proofs, pages, bytes, memory

Uses of 200 agencies, 17 s apart: 25 a day and agency, as one of them publishes (docs/guides/capacity.md).
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from bench import load
from bench.figures import Figure
from bench.growth_samples import WHO, Sample
from bench.lab import Lab, register_agencies
from bench.processes import children, cpu_s, database_mb, peak_mb
from bench.requests import agency_name, encoded, many_agencies, tool_uses
from bench.sizes import Sizes
from bench.storage import table_bytes
from bench.suite import Bench
from services.pb.candour.v1 import common_pb2

AGENCIES: Final = 200
TECHNOLOGIES: Final = 4
EVERY_S: Final = 17
_BATCH: Final = 500
_CHUNK: Final = 60_000  # uses encoded at once: some 100 MB
_BACKLOG: Final = 20_000  # uses that views and index catch up with
_SHARE: Final = 3  # load and backlog are a third of the way at most


def step_of(uses: int) -> str:
    """As `--only` and the progress bar call it."""
    return f"growth to {uses:,} uses"


def growth(bench: Bench, sizes: Sequence[int]) -> Iterator[Figure]:
    """No figures but samples, kept as they come: what was measured stays when a later size fails."""
    with bench.places.lab(bench.store) as lab:
        grown = Growing(lab, bench.sizes, max(sizes))
        for uses in sorted(sizes):
            with bench.step(step_of(uses)):
                bench.keep(grown.to(uses))
    yield from ()


class Growing:
    """A ledger that grows by steps.

    Args:
        most: To how many uses it will grow at most.
    """

    def __init__(self, lab: Lab, sizes: Sizes, most: int) -> None:
        self._lab, self._sizes, self._done = lab, sizes, 0
        self._uses = tool_uses(
            most, seed=17, agencies=AGENCIES, technologies=TECHNOLOGIES, every_s=EVERY_S
        )
        register_agencies(lab.target, many_agencies(AGENCIES))
        self._cpu_s = dict.fromkeys(WHO, 0.0)

    def to(self, uses: int) -> Sample:
        """Grow to so many uses, and look."""
        share = (uses - self._done) // _SHARE
        backlog, last = min(_BACKLOG, share), min(_CHUNK, share)
        with self._metered():
            self._fill(uses - last - backlog)
            self._lab.wait_for_views()
        ingest = self._report_metered(last)
        with self._metered():
            self._lab.wait_for_index()
        views, index = self._catch_up(backlog)
        return Sample(
            store=self._lab.store,
            uses=uses,
            on="",
            ingest_rate=round(ingest, 1),
            views_rate=round(views, 1),
            index_rate=round(index, 1),
            proof_ms=round(load.proof_p99(self._lab, calls=self._sizes.proofs), 3),
            list_ms=round(self._pages(), 3),
            cpu_us={who: round(s / uses * 1e6, 1) for who, s in self._cpu_s.items()},
            rss_mb=self._memory(),
            tables={
                table.table: [table.rows, table.indexes]
                for table in table_bytes(self._lab.data, self._lab.database_url)
            },
        )

    # --- filling ----------------------------------------------------------------------------
    def _fill(self, uses: int) -> None:
        while self._done < uses:
            load.closed_loop(self._lab, self._encoded(min(_CHUNK, uses - self._done)))

    def _encoded(self, uses: int) -> list[bytes]:
        self._done += uses
        some: Iterator[common_pb2.ToolUse] = itertools.islice(self._uses, uses)
        return encoded(some, _BATCH)

    def _report_metered(self, uses: int) -> float:
        """Uses a second, encoded beforehand, the projector running."""
        requests = self._encoded(uses)
        with self._metered():
            return uses / load.closed_loop(self._lab, requests)

    def _catch_up(self, uses: int) -> tuple[float, float]:
        """The projector is held while uses come in, then let go: uses a second of views and of the index,
        the latter from the moment when the views were there."""
        requests = self._encoded(uses)
        with self._metered():
            with _held(children(self._lab.pid)):
                load.closed_loop(self._lab, requests)
            started = time.perf_counter()
            self._lab.wait_for_views()
            in_views = time.perf_counter()
            self._lab.wait_for_index()
            in_index = time.perf_counter()
        return uses / (in_views - started), uses / max(in_index - in_views, 1e-3)

    # --- looking ----------------------------------------------------------------------------
    def _pages(self) -> float:
        agency = f'agency = "{agency_name(3)}"'
        filters = ["", agency, f'{agency} AND technology = "technologies/t1"']
        return max(load.list_p99(self._lab, filters, calls=self._sizes.pages).values())

    def _memory(self) -> dict[str, float]:
        found = {
            "server": peak_mb(self._lab.pid),
            "projector": sum(map(peak_mb, children(self._lab.pid))),
        }
        if (postmaster := self._lab.place.postmaster) is not None:
            found["database"] = database_mb(postmaster)
        return {who: round(mb, 1) for who, mb in found.items()}

    @contextmanager
    def _metered(self) -> Iterator[None]:
        """Adds what the processes do meanwhile; questions between are nobody's cost of a use."""
        before = self._cpu_now()
        yield
        for who, seconds in self._cpu_now().items():
            self._cpu_s[who] += seconds - before[who]

    def _cpu_now(self) -> dict[str, float]:
        postmaster = self._lab.place.postmaster
        return {
            "server": cpu_s(self._lab.pid),
            "projector": sum(map(cpu_s, children(self._lab.pid))),
            "database": 0.0 if postmaster is None else cpu_s(postmaster, whole_tree=True),
        }


@contextmanager
def _held(pids: list[int]) -> Iterator[None]:
    """Processes that do nothing meanwhile."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
