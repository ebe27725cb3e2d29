"""Does a run add to what is there, and lose nothing?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bench.figures import cited, figure, merged, read_figures, read_runs, write_rows
from tests.bench.samples import LATER, ON, rate, run


def test_run_of_a_part_leaves_the_others() -> None:
    """Merging replaces the same name, store and size; other names, stores and sizes stay."""
    old = [
        replace(rate(10, size=60_000), on=ON),
        rate(20, size=8_000),
        replace(rate(30, size=60_000), store="sqlite"),
        rate(40, size=60_000, name="64 unary callers, durable"),
    ]
    new = replace(rate(11, size=60_000), on=LATER)

    assert sorted([new, *old[1:]], key=lambda item: item.key) == merged(old, [new])
    assert merged(old, [new]) == merged(reversed(old), [new])


def test_median_and_spread_are_of_the_runs() -> None:
    """The median is the middle run; the spread is what lies between best and worst."""
    name = "batches of 500 by 4 callers, durable"
    made = figure(name, "sqlite", [16_000, 14_000, 15_500], "uses/s", size=60_000)

    assert (15_500, 2_000, 3, ">= 15000") == (made.median, made.spread, made.runs, made.target)
    assert "reached" == made.verdict
    assert "missed" == replace(made, median=14_999).verdict
    assert "" == replace(made, target="").verdict


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    """latest.json and runs.json hold what was kept, a row a line; an older form is left out."""
    figures, runs = [rate(10, size=8_000), rate(20, size=60_000)], [run(ON), run(LATER)]
    write_rows(tmp_path / "latest.json", figures)
    write_rows(tmp_path / "runs.json", runs)

    assert figures == read_figures(tmp_path / "latest.json")
    assert runs == read_runs(tmp_path / "runs.json")
    assert len(figures) + 2 == len((tmp_path / "latest.json").read_text().splitlines())
    (tmp_path / "old.json").write_text(json.dumps([{"name": "of a release before sizes"}]))
    assert [] == read_figures(tmp_path / "old.json")
    assert [] == read_figures(tmp_path / "none.json")


def test_runs_are_kept_as_long_as_a_figure_comes_from_them() -> None:
    """A run of which nothing is left is forgotten; one that a sample comes from is kept."""
    figures = [replace(rate(1, size=1), on=LATER)]

    assert [run(LATER)] == cited([run(LATER), run(ON), run(LATER)], figures)
    assert [run(ON), run(LATER)] == cited([run(LATER), run(ON)], figures, also=[ON])
