"""What is known of a ledger of one size? A row of results/growth.json; and which curves it draws.

Sample (store, uses) ──Curve.of──► a point
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.figures import read_rows
from bench.storage import KINDS, kind_of
from bench.targets import MILLION

WHO: Final = ("server", "projector", "database")


@dataclass(frozen=True, slots=True)
class Sample:
    """One ledger when it had grown to `uses`.

    Attributes:
        on: When the run began that took it.
        ingest_rate: Uses a second, durable, in batches of 500 by 4 callers: the last ones.
        views_rate, index_rate: Uses a second, while the real projector catches up with a backlog.
        proof_ms, list_ms: p99 of an inclusion proof, and of the slowest filter's first page.
        cpu_us: Processor microseconds a use, by WHO, from an empty ledger until all was in views and
            index. SQLite has no process of its own: its work is in the other two.
        rss_mb: Memory at its most, by WHO.
        tables: Bytes by table: [rows, indexes].
    """

    store: str
    uses: int
    on: str
    ingest_rate: float
    views_rate: float
    index_rate: float
    proof_ms: float
    list_ms: float
    cpu_us: Mapping[str, float]
    rss_mb: Mapping[str, float]
    tables: Mapping[str, list[int]]

    @property
    def bytes_a_use(self) -> float:
        return sum(map(sum, self.tables.values())) / self.uses

    def kinds(self) -> dict[str, float]:
        """Bytes a use of each of storage.KINDS."""
        found = dict.fromkeys(KINDS, 0.0)
        for table, sizes in self.tables.items():
            found[kind_of(table)] += sum(sizes) / self.uses
        return found

    @property
    def cpu_us_a_use(self) -> float:
        return sum(self.cpu_us.values())


@dataclass(frozen=True, slots=True)
class Curve:
    """One picture: a value over the size of the ledger, a line a store."""

    name: str
    title: str
    unit: str
    of: Callable[[Sample], float | None]


CURVES: Final = (
    Curve("ingest", "ingest in batches", "uses/s", lambda sample: sample.ingest_rate),
    Curve("views", "views catching up", "uses/s", lambda sample: sample.views_rate),
    Curve("index", "usage index catching up", "uses/s", lambda sample: sample.index_rate),
    Curve("proof", "inclusion proof, p99", "ms", lambda sample: sample.proof_ms),
    Curve("list", "first page of a list, p99", "ms", lambda sample: sample.list_ms),
    Curve("storage", "storage all told", "bytes/use", lambda sample: sample.bytes_a_use),
    Curve("cpu", "processor time", "us/use", lambda sample: sample.cpu_us_a_use),
    Curve("server", "server memory, peak", "MB", lambda sample: sample.rss_mb.get("server")),
    Curve(
        "projector", "projector memory, peak", "MB", lambda sample: sample.rss_mb.get("projector")
    ),
)


def merged_samples(old: Iterable[Sample], new: Iterable[Sample]) -> list[Sample]:
    """All of both, the newer of the same store and size, in order."""
    kept = {(item.store, item.uses): item for item in (*old, *new)}
    return [kept[key] for key in sorted(kept)]


def read_samples(path: Path) -> list[Sample]:
    """What growth.json holds; nothing where there is none."""
    return [Sample(**row) for row in read_rows(path)]


def largest(samples: Iterable[Sample], store: str, most: int = 100 * MILLION) -> Sample | None:
    """The largest ledger of a store that was measured."""
    mine = [sample for sample in samples if sample.store == store and sample.uses <= most]
    return max(mine, key=lambda sample: sample.uses, default=None)
