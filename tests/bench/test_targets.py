"""Are all targets that were asked for in the table, and does each judge what somebody measures?"""

from __future__ import annotations

import pytest

from bench import targets
from bench.fresh import MEASURES
from bench.sizes import FULL, QUICK
from bench.targets import MILLION, RUN, TARGETS, Bound, half_load, target_of

# The table of *Run it for real*, by figure: PostgreSQL, SQLite.
ASKED = {
    targets.BATCHES: (">= 20000", ">= 15000"),
    targets.UNARY: (">= 1500", ">= 1000"),
    targets.STREAM: (">= 6000", ">= 5000"),
    targets.OFFERED: ("<= 30", "<= 120"),
    targets.CATCH_UP: (">= 15000", ">= 15000"),
    targets.LAG: ("<= 200", "<= 200"),
    targets.FIRST_PAGE: ("<= 50", "<= 50"),
    targets.STORAGE: ("<= 2500", "<= 2500"),
    targets.IMPORT_MEMORY: ("< 400", "< 400"),
}


@pytest.mark.parametrize("figure", ASKED)
def test_every_row_of_the_issue_is_a_target(figure: str) -> None:
    """At a million uses both stores are held to what the issue asks of this figure."""
    found = tuple(str(target_of(figure, store, MILLION)) for store in ("postgres", "sqlite"))

    assert ASKED[figure] == found
    assert all(RUN == target.issue for target in TARGETS if target.figure == figure)


def test_full_loads_are_judged_and_quick_ones_are_not() -> None:
    """A figure of a whole run has its target; one of `--quick` has none, for it is measured too small."""
    judged = {target.figure: target.size for target in TARGETS}
    full = {targets.BATCHES: FULL.batch, targets.UNARY: FULL.unary, targets.STREAM: FULL.stream}
    full |= {targets.OFFERED: int(600 * FULL.offered_s), targets.CATCH_UP: FULL.fold}
    full |= {targets.INDEX_COST: FULL.cost, targets.INDEX_KEEPS_UP: FULL.spread}
    quick = {targets.BATCHES: QUICK.batch, targets.UNARY: QUICK.unary, targets.STREAM: QUICK.stream}
    quick |= {targets.QUESTIONS: QUICK.filled, targets.AUDIT_CORE: QUICK.tiles}

    assert dict.fromkeys(full, True) == {n: size >= judged[n] for n, size in full.items()}
    assert dict.fromkeys(quick, False) == {n: size >= judged[n] for n, size in quick.items()}
    assert half_load("sqlite") * FULL.lag_s >= judged[targets.LAG]


def test_targets_of_fresh_ledgers_have_the_units_that_are_measured() -> None:
    """Where a fresh ledger is measured against a target, both speak of the same unit."""
    units = {measure.name: measure.unit for measure in MEASURES}
    held = [target for target in TARGETS if target.figure in units]

    assert len(held) >= 8
    assert [target.unit for target in held] == [units[target.figure] for target in held]


def test_larger_ledger_has_the_target_for_its_size() -> None:
    """Of two targets for one figure, the one for the larger size counts from that size on."""
    bounds = [target_of(targets.COUNT_PROOF, "sqlite", n * MILLION) for n in (1, 9, 10)]

    assert ["<= 20", "<= 20", "<= 50"] == [str(bound) for bound in bounds]
    assert target_of(targets.COUNT_PROOF, "sqlite", MILLION - 1) is None


@pytest.mark.parametrize(
    ("text", "holds", "fails"), [(">= 5", 5, 4.9), ("<= 5", 5, 5.1), ("< 5", 4.9, 5)]
)
def test_bound_is_read_as_it_was_written(text: str, holds: float, fails: float) -> None:
    """A bound says of a value on its edge what its sign says, and reads back."""
    bound = Bound.of(text)

    assert text == str(bound)
    assert bound.holds(holds)
    assert not bound.holds(fails)


def test_bound_without_a_sign_is_refused() -> None:
    """A target that nobody could judge is not read."""
    with pytest.raises(ValueError, match="no sign"):
        Bound.of("= 5")
