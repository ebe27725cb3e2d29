"""Are curves drawn of what was measured?"""

from __future__ import annotations

from pathlib import Path

from bench.curves import draw, points
from bench.growth_samples import CURVES
from tests.bench.samples import sample

MOST_BYTES = 100_000


def test_line_is_of_one_store_by_size() -> None:
    """Points come in the order of sizes, of that store alone."""
    (storage,) = (curve for curve in CURVES if curve.name == "storage")
    samples = [sample(30_000, scale=2), sample(10_000), sample(10_000, "sqlite", scale=3)]

    assert [(10_000, 2_000), (30_000, 4_000)] == points(storage, samples, "postgres")
    assert [(10_000, 6_000)] == points(storage, samples, "sqlite")


def test_curve_needs_two_points(tmp_path: Path) -> None:
    """One size draws nothing; two draw a small picture of every curve."""
    assert [] == draw([sample(10_000), sample(10_000, "sqlite")], tmp_path)

    drawn = draw([sample(10_000), sample(30_000)], tmp_path)

    assert [tmp_path / f"growth-{curve.name}.png" for curve in CURVES] == drawn
    assert all(0 < path.stat().st_size < MOST_BYTES for path in drawn)
