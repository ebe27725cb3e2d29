"""Does a run leave what it found, on all pages at once?"""

from __future__ import annotations

from pathlib import Path

from bench.capacity_page import TABLES
from bench.figures import read_figures, read_runs
from bench.growth_samples import read_samples
from bench.keeping import Results
from tests.bench.samples import LATER, ON, rate, run, sample

GUIDE = "".join(f"<!-- {name}: begin -->\n<!-- {name}: end -->\n" for name in TABLES)


def test_next_run_adds_to_the_one_before(tmp_path: Path) -> None:
    """Figures, samples and runs of both are there; each says which run it comes from."""
    guide = tmp_path / "capacity.md"
    guide.write_text(GUIDE)
    first = Results(run(ON), folder=tmp_path)
    first.add(rate(10, size=60_000))
    first.add_sample(sample(10_000))
    first.close({"postgres: batches": 12.5}, capacity=guide)

    second = Results(run(LATER), folder=tmp_path)
    second.add(rate(11, size=8_000))
    second.add_sample(sample(30_000))
    second.close({}, capacity=guide)

    found = [(item.median, item.on) for item in read_figures(tmp_path / "latest.json")]
    assert [(11, LATER), (10, ON)] == found
    assert [10_000, 30_000] == [item.uses for item in read_samples(tmp_path / "growth.json")]
    assert [ON, LATER] == [item.on for item in read_runs(tmp_path / "runs.json")]
    assert "10 uses/s | **missed**" in (tmp_path / "latest.md").read_text()
    assert "PostgreSQL, 30,000 uses" in guide.read_text()
    assert (tmp_path / "growth-ingest.png").exists()


def test_run_that_is_broken_off_keeps_what_it_had(tmp_path: Path) -> None:
    """A figure is in latest.json as soon as it is measured."""
    Results(run(ON), folder=tmp_path).add(rate(10, size=60_000))
    assert [ON] == [one.on for one in read_runs(tmp_path / "runs.json")]

    assert [ON] == [item.on for item in read_figures(tmp_path / "latest.json")]


def test_time_is_told_from_runs_of_the_same_sizes(tmp_path: Path) -> None:
    """What a step took with `--quick` says nothing about a whole run, and the other way round."""
    guide = tmp_path / "capacity.md"
    guide.write_text(GUIDE)
    for on, asked, took in ((ON, "python -m bench", 60.0), (LATER, "python -m bench --quick", 1.0)):
        results = Results(run(on, asked=asked), folder=tmp_path)
        results.add(rate(10, size=int(took)))
        results.close({"a": took}, capacity=guide)

    assert {"a": 60.0} == results.known_s(quick=False)
    assert {"a": 1.0} == results.known_s(quick=True)


def test_small_samples_are_not_kept(tmp_path: Path) -> None:
    """What `--quick` grows shows that the bench works; it draws no curve."""
    results = Results(run(ON), folder=tmp_path)
    results.add_sample(sample(1_500))

    assert [] == results.samples
    assert [] == Results(run(LATER), folder=tmp_path, fresh=True).figures
