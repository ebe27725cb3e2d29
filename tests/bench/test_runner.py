"""Does a run end well, whatever breaks in it?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.capacity_page import TABLES
from bench.figures import Figure, read_figures
from bench.runner import Asked, measure
from bench.sizes import QUICK
from bench.suite import Bench, Suite


def breaks(bench: Bench) -> Iterator[Figure]:
    with bench.step("first"):
        yield bench.figure("before it broke", [1.0], "ms", size=1)
        raise OSError("out of something")


def works(bench: Bench) -> Iterator[Figure]:
    with bench.step("second"):
        yield bench.figure("after it", [2.0], "ms", size=1)


def asked(folder: Path, only: str = "") -> Asked:
    guide = folder / "capacity.md"
    guide.write_text("".join(f"<!-- {n}: begin -->\n<!-- {n}: end -->\n" for n in TABLES))
    return Asked(
        suites=[Suite("one", ("first",), breaks), Suite("two", ("second",), works)],
        stores=["sqlite"],
        sizes=QUICK,
        only=only,
        words="python -m bench",
        quick=True,
        folder=folder,
        capacity=guide,
    )


def test_what_breaks_stops_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status and the last line tell of it; figures before and after it are kept."""
    assert 1 == measure(asked(tmp_path))

    kept = [figure.name for figure in read_figures(tmp_path / "latest.json")]
    assert ["after it", "before it broke"] == kept
    told = capsys.readouterr().err
    assert "out of something" in told
    assert "FAILED: one on sqlite" in told.splitlines()[-1]
    assert "before it broke" in (tmp_path / "latest.md").read_text()


def test_part_runs_alone(tmp_path: Path) -> None:
    """`--only` leaves out what is called otherwise."""
    assert 0 == measure(asked(tmp_path, only="second"))
    assert ["after it"] == [figure.name for figure in read_figures(tmp_path / "latest.json")]


def test_name_of_nothing_lists_what_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for a run that measures nothing."""
    assert 2 == measure(asked(tmp_path, only="third"))
    assert ["  first", "  second"] == capsys.readouterr().err.splitlines()[1:]
