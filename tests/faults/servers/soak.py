"""Does a server's memory stay flat? `python -m tests.faults.servers.soak --minutes 30`

    capacity ──half──► Mix (reports, questions, proofs) ──minutes──► Sampler, each second
        after the warm-up: a straight line ──► MB an hour ──► page, curve, exit status

Each store is soaked by itself. Exit status: 0 flat, 1 it grows or something was lost, 2 it could not run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.cli.local_server import LocalServer
from tests.faults.servers.callers import places_again, register, tree_size
from tests.faults.servers.checks import audited
from tests.faults.servers.load import Load, Processes
from tests.faults.servers.memory import Sample, Sampler, slope_mb_an_hour
from tests.faults.servers.soak_mix import Done, Mix
from tests.postgres import PostgresCluster, PostgresMissing, create_database

STORES: Final = ("sqlite", "postgres")
OUT: Final = Path("dist/soak")
CALIBRATE_S: Final = 5.0
MOST_A_S: Final = 1_000.0  # uses: at 2,500 bytes each half an hour is 4.5 GB of disk
WARM_UP_SHARE: Final = 1 / 3  # caches fill, the allocator finds its size
LEAST_FITTED_S: Final = 600.0  # a line through less says more of garbage collection than of leaks
# Of server, and of projector. At MOST_A_S it is 14 bytes a use, and Python's smallest object takes
# 16: whoever kept one object for each use would be seen, whatever it is. Noise is a third of it.
MOST_MB_AN_HOUR: Final = 50.0


@dataclass(frozen=True, slots=True)
class Soaked:
    """One store's run.

    Members:
        rate: Uses a second that were offered.
        slopes: MB an hour of server and projector after the warm-up; None where it was too short.
        lost: What does not hold, in words; blank where all does.
    """

    store: str
    rate: float
    seconds: float
    samples: list[Sample]
    done: Done
    slopes: tuple[float, float] | None
    lost: str

    @property
    def flat(self) -> bool | None:
        """None where it cannot be told."""
        return None if self.slopes is None else max(self.slopes) <= MOST_MB_AN_HOUR


@contextmanager
def _database(store: str) -> Iterator[str | None]:
    if store == "sqlite":
        yield None
        return
    with PostgresCluster({"shared_buffers": "128MB", "max_wal_size": "1GB"}) as cluster:
        yield create_database(cluster.url())


def soak(store: str, minutes: float, folder: Path, rate: float | None = None) -> Soaked:
    """Serve, load, sample, check. `rate` of None is half of what four callers get done."""
    with (
        _database(store) as url,
        LocalServer(
            folder / "data", database_url=url, environment={"CANDOUR_INDEX_EVERY": "60"}
        ) as server,
    ):
        assert server.process is not None
        register(server.grpc)
        if rate is None:
            (best,) = Processes(
                [Load(server.grpc, "calibrate", CALIBRATE_S, 0, 100, pool=800)]
            ).end()
            rate = min(MOST_A_S, len(best.places) / best.took_s / 2)
        _say(f"{store}: {rate:,.0f} uses a second for {minutes:g} minutes")
        with Mix(server.grpc, rate) as mix, Sampler(server.process.pid) as memory:
            _wait(minutes * 60, mix, memory)
        lost = _lost(server, mix.done)
        server.stop()
        audited(server.data, url)
    slopes = _slopes(memory.samples)
    return Soaked(store, rate, minutes * 60, memory.samples, mix.done, slopes, lost)


def _wait(seconds: float, mix: Mix, memory: Sampler) -> None:
    ends = time.monotonic() + seconds
    while (left_s := ends - time.monotonic()) > 0:
        time.sleep(min(15.0, left_s))
        last = memory.samples[-1]
        _say(
            f"{last.at_s:7.0f} s  {mix.done.uses:9,} uses  server {last.server_mb:6.1f} MB"
            f"  projector {last.projectors_mb:6.1f} MB"
        )


def _lost(server: LocalServer, done: Done) -> str:
    """What of the remembered receipts does not hold; and whether the views came along."""
    again = places_again(server.grpc, list(done.places))
    moved = [own_id for own_id in again if again[own_id] != done.places[own_id]]
    if moved:
        return f"{len(moved)} of {len(again)} receipts do not hold, {moved[0]} first"
    if tree_size(server.grpc) < done.uses:
        return "there are fewer entries than receipts"
    return ""


def _slopes(samples: Sequence[Sample]) -> tuple[float, float] | None:
    fitted = [one for one in samples if one.at_s >= samples[-1].at_s * WARM_UP_SHARE]
    if fitted[-1].at_s - fitted[0].at_s < LEAST_FITTED_S:
        return None
    at_s = [one.at_s for one in fitted]
    server = slope_mb_an_hour(at_s, [one.server_mb for one in fitted])
    return server, slope_mb_an_hour(at_s, [one.projectors_mb for one in fitted])


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.servers.soak")
    parser.add_argument("--minutes", type=float, default=30.0, help="of each store")
    parser.add_argument("--store", choices=STORES, action="append", help="both, by default")
    parser.add_argument("--rate", type=float, help="uses a second; by default half of what it can")
    parser.add_argument("--out", type=Path, default=OUT, help=f"{OUT} by default")
    options = parser.parse_args(arguments)
    from tests.faults.servers.soak_page import write

    found = []
    for store in options.store or STORES:
        with tempfile.TemporaryDirectory(prefix="candour-soak-") as folder:
            try:
                found.append(soak(store, options.minutes, Path(folder), options.rate))
            except PostgresMissing as missing:
                _say(f"{store}: {missing}; install postgresql")
                return 2
    page = write(found, options.out)
    _say(page.read_text("utf-8"))
    _say(f"written to {page} and beside it")
    return int(any(one.lost or one.flat is False for one in found))


if __name__ == "__main__":
    sys.exit(main())
