"""Does the page say what was measured, and no more?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.capacity_page import TABLES, filled_in
from bench.figures import read_figures, read_runs
from bench.growth_samples import merged_samples, read_samples
from bench.keeping import CAPACITY, FOLDER
from bench.page import render
from tests.bench.samples import LATER, ON, rate, run, sample

MARKS = "".join(f"<!-- {name}: begin, made -->\nold\n<!-- {name}: end -->\n" for name in TABLES)


def row_of(page: str, *parts: str) -> str:
    (line,) = (line for line in page.splitlines() if all(part in line for part in parts))
    return line


def test_page_says_reached_missed_and_not_measured() -> None:
    """A target is judged by the largest size measured, if that is its own; else nothing is said."""
    small, whole = rate(99_000, size=8_000), rate(13_000, size=60_000)
    named = ("batches of 500", "PostgreSQL", ">= 20000")

    assert "not measured |  |" in row_of(render([], [], []), *named)
    assert "99,000 uses/s at 8,000 only |  |" in row_of(render([small], [], []), *named)
    assert "13,000 uses/s | **missed** |" in row_of(render([small, whole], [], []), *named)
    better = replace(whole, median=20_000)
    assert "20,000 uses/s | reached |" in row_of(render([small, better], [], []), *named)


def test_figures_at_ten_million_do_not_stand_for_a_million() -> None:
    """Where a larger size has a target of its own, its figures are judged by that one alone."""
    proof = rate(30, size=10_000_000, name="usage index: count proof and inclusion, p99")
    page = render([replace(proof, unit="ms")], [], [])

    assert "not measured" in row_of(page, "count proof", "at 1,000,000 |", "PostgreSQL")
    assert "30 ms | reached" in row_of(page, "count proof", "at 10,000,000 |", "PostgreSQL")


def test_page_names_machine_and_busy_run() -> None:
    """Every run is there with machine, commit and load; a machine that had other work is called busy."""
    page = render([rate(1, size=1)], [run(ON), run(LATER, load_before=1.9)], [])

    assert "busy" not in row_of(page, ON, "abc1234", "2 x Z80")
    assert "1.9 (**busy**" in row_of(page, LATER, "abc1234")
    assert f"- {ON}, {LATER}: Python 3.11.2" in page


def test_growth_has_a_row_for_each_size() -> None:
    """Samples of one store and size are one, the newer; each stands on the page with its values."""
    old = [sample(10_000, on=ON), sample(30_000)]
    samples = merged_samples(old, [sample(10_000, on=LATER, scale=2)])

    assert [(10_000, LATER), (30_000, ON)] == [(item.uses, item.on) for item in samples]
    assert "growth-ingest.png" in render([], [], samples)
    assert "growth-ingest.png" not in render([], [], samples[:1])
    assert "| 4,000 | 300 |" in row_of(render([], [], samples), "| PostgreSQL | 10,000 |")
    assert "| 2,000 | 150 |" in row_of(render([], [], samples), "| PostgreSQL | 30,000 |")


def test_capacity_tables_come_from_samples() -> None:
    """Each table stands between its marks; what was not measured names the command that measures it."""
    bare, full = filled_in(MARKS, [], []), filled_in(MARKS, [sample(1_000_000)], [])

    assert "old" not in bare
    assert "bench.capacity --store postgres --uses 100000" in bare
    expected = "| PostgreSQL, 1,000,000 | 1,100 | 300 | 400 | 200 | 2,000 | 80; 50; 20 |"
    assert expected in full
    assert "| entries | log | 1,000.0 | 100.0 | 1,100.0 |" in full
    assert full == filled_in(full, [sample(1_000_000)], [])


def test_guide_without_a_mark_is_refused() -> None:
    """A table that finds no place is an error, not left out."""
    with pytest.raises(ValueError, match="0 places for a use"):
        filled_in("no marks here\n", [], [])


def test_committed_pages_are_made_of_the_committed_results() -> None:
    """latest.md and the guide's tables say what the JSON beside them says: `python -m bench.capacity --render`."""
    figures = read_figures(FOLDER / "latest.json")
    samples = read_samples(FOLDER / "growth.json")
    page: Path = FOLDER / "latest.md"

    assert render(figures, read_runs(FOLDER / "runs.json"), samples) == page.read_text()
    assert filled_in(CAPACITY.read_text(), samples, figures) == CAPACITY.read_text()
    begun = {run.on for run in read_runs(FOLDER / "runs.json")}
    assert {figure.on for figure in figures} | {taken.on for taken in samples} <= begun
