"""What might a run have found? Figures, runs and samples that tests merge and render."""

from __future__ import annotations

from bench.figures import Figure, Run, figure
from bench.growth_samples import Sample

ON = "2026-11-24T12:00:00Z"
LATER = "2026-11-25T12:00:00Z"


def rate(value: float, *, size: int, name: str = "batches of 500 by 4 callers, durable") -> Figure:
    return figure(name, "postgres", [value], "uses/s", size=size)


def run(on: str = ON, *, load_before: float = 0.1, asked: str = "python -m bench") -> Run:
    machine = {"processor": "2 x Z80", "memory": "1 GiB", "system": "Debian", "kernel": "Linux 6"}
    return Run(on, asked, "abc1234", load_before, machine | {"Python": "3.11.2"})


def sample(uses: int, store: str = "postgres", *, on: str = ON, scale: float = 1.0) -> Sample:
    """A use takes 2,000 bytes and 150 us, times `scale`."""
    tables = {"entries": [1_000, 100], "disclosures": [300, 0], "view_uses": [200, 200]}
    tables["view_usage_node"] = [200, 0]
    return Sample(
        store=store,
        uses=uses,
        on=on,
        ingest_rate=10_000.0,
        views_rate=20_000.0,
        index_rate=6_000.0,
        proof_ms=2.0,
        list_ms=9.0,
        cpu_us={"server": 80.0 * scale, "projector": 50.0 * scale, "database": 20.0 * scale},
        rss_mb={"server": 150.0, "projector": 300.0, "database": 200.0},
        tables={name: [int(size * uses * scale) for size in both] for name, both in tables.items()},
    )
