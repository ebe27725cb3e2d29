"""What does `--only` choose?"""

from __future__ import annotations

from bench.filled import ALL_QUESTIONS, IMPORT
from bench.sizes import GROWTH
from bench.suites import all_suites

SUITES = {suite.name: suite for suite in all_suites(GROWTH, large=False)}


def test_step_brings_what_it_stands_on() -> None:
    """Questions need a filled ledger; the import is planned with them, once, and first."""
    filled = SUITES["filled ledger"]

    assert [IMPORT, ALL_QUESTIONS] == filled.planned("questions")
    assert list(filled.steps) == filled.planned("")
    assert [] == filled.planned("64 unary")


def test_suite_is_chosen_by_its_name() -> None:
    """`--only growth` takes all sizes, and nothing of other suites."""
    planned = {name: suite.planned("growth") for name, suite in SUITES.items()}

    assert [f"growth to {uses:,} uses" for uses in GROWTH] == planned.pop("growth")
    assert {name: [] for name in planned} == planned


def test_every_step_has_one_name() -> None:
    """Two steps of one name would be one in the bar and in what is known of their time."""
    steps = [step for suite in all_suites(GROWTH, large=True) for step in suite.steps]

    assert sorted(set(steps)) == sorted(steps)
