"""Do compiled rules promise no more than the registers say? Certain holds in every world, possible
is missing in none.

    partly known world ──compile──► certain, possible      one way it may have been ──compile──► exact
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.filters import And, Not
from ledger.limits import MAX_RULE_TESTS
from ledger.projections.questions import SCHEMA, fields_of, judge
from ledger.projections.registers import Registers
from ledger.projections.uses import UseRow
from ledger.rules.judgement import Judgement, RuleTooLarge, bounded, count_tests, says_any
from ledger.rules.kinds import Context, UsePredicate, read_parameters
from ledger.rules.predicates import PREDICATES
from tests.rules import worlds
from tests.rules.worlds import (
    HOUR,
    START,
    Line,
    registers,
    resolved,
    resolved_use,
    span,
    told,
    use,
    use_members,
)
from tests.strategies import effort

NEEDED: dict[str, dict[str, Any]] = {
    "authority_is": {"codes": ["expired"]},
    "late_report": {"hours": 1},
    "vague_reason": {"reasons": ["inv"]},
    "ui_artefact_reason": {"reasons": ["select a reason"]},
    "missing_fields": {"fields": ["time", "unit|purpose", "performer"]},
}
USE_PREDICATES = [name for name, found in PREDICATES.items() if isinstance(found, UsePredicate)]
# Those whose judgement hangs on what registers and uses leave open, and what they are about.
UNCERTAIN = {
    "technology_unregistered": ("alias",),
    "technology_unassessed": ("assessment",),
    "after_suspension": ("suspension",),
    "after_retirement": ("retirement", "alias"),
    "technology_unapproved": ("approval",),
    "trial_without_approval": ("approval", "trial"),
    "unit_not_in_approval": ("approval",),
    "window_beyond_retention": ("approval",),
    "performer_not_approved": ("performers",),
    "exposed_to_incident": ("incidents",),
    "cross_border_without_permission": ("alias",),
    "data_abroad": ("alias",),
    "in_the_future": ("alias",),
    "late_report": ("alias",),
}


def compiled(name: str, known: Registers, context: Context | None = None) -> Judgement:
    predicate = PREDICATES[name]
    assert isinstance(predicate, UsePredicate)
    parameters = read_parameters(predicate, NEEDED.get(name, {}), name)
    found = predicate.compile(known, parameters, context or Context(cited=frozenset()))
    assert isinstance(found, Judgement)
    return found


def verdict(found: Judgement, known: Registers, row: UseRow) -> bool | None:
    """True for certain, None possibly, False not."""
    groups = known.aliases.groups()
    if judge(found.certain, row, groups) is True:
        return True
    return False if judge(found.possible, row, groups) is False else None


@pytest.mark.parametrize("name", UNCERTAIN)
def test_what_is_certain_holds_however_the_unknown_turns_out(name: str) -> None:
    """A certain finding stands in every world that the record allows, one not found in none."""

    @effort(0.6)
    @given(registers(UNCERTAIN[name]), use_members, st.data())
    def law(lines: list[Line], members: dict[str, Any], data: st.DataObject) -> None:
        world = told([*lines, worlds.use(**members)])
        row, known = world.use(), world.fold.registers
        here = verdict(compiled(name, known), known, row)

        one = told(data.draw(resolved(lines))).fold.registers
        there = verdict(compiled(name, one), one, data.draw(resolved_use(row)))
        assert there is not None, "nothing is open where all is known"
        if here is not None:
            assert here is there

    law()


@pytest.mark.parametrize("name", USE_PREDICATES)
@effort(0.1)
@given(lines=registers(), members=use_members)
def test_certain_is_possible_too(name: str, lines: list[Line], members: dict[str, Any]) -> None:
    """What is certain is never said not to be possible, and both ask for fields there are."""
    world = told([*lines, worlds.use(**members)])
    known = world.fold.registers
    found = compiled(name, known)
    groups = known.aliases.groups()

    if judge(found.certain, world.use(), groups) is True:
        assert judge(found.possible, world.use(), groups) is not False
    assert fields_of(found.certain) | fields_of(found.possible) <= set(SCHEMA.fields)


@effort(0.3)
@given(registers(), use_members, st.sampled_from(sorted(UNCERTAIN)))
def test_question_about_one_agency_finds_the_same(
    lines: list[Line], members: dict[str, Any], name: str
) -> None:
    """Leaving out what others were told changes nothing for an agency's own uses."""
    world = told([*lines, worlds.use(**members)])
    row, known = world.use(), world.fold.registers
    narrow = compiled(name, known, Context(agency=row.agency, cited=frozenset()))

    assert verdict(compiled(name, known), known, row) is verdict(narrow, known, row)
    assert count_tests(narrow.certain) <= count_tests(compiled(name, known).certain)


def test_rule_too_large_says_so_and_what_to_do() -> None:
    """Beyond the bound a rule is not judged, rather than judged in part."""
    as_many = says_any("performer", (str(n) for n in range(MAX_RULE_TESTS)))
    one_more = says_any("performer", (str(n) for n in range(MAX_RULE_TESTS + 1)))

    assert bounded(as_many, "base/x") is as_many
    with pytest.raises(RuleTooLarge, match=r"base/x needs 901 conditions.*ask about one agency"):
        bounded(one_more, "base/x")


def test_nothing_told_is_nothing_suspended() -> None:
    """A rule about facts that nobody told finds no use, and says it as a filter."""
    found = compiled("after_suspension", Registers())

    assert Not(And(())) == found.certain == found.possible


def test_what_ended_before_it_was_recorded_is_not_in_the_future() -> None:
    """However early it may have begun."""
    begun = [use("u", occurred=span(None, START - HOUR), recorded_us=START)]
    ahead = [use("u", occurred=span(None, START + HOUR), recorded_us=START)]

    for lines, found in ((begun, False), (ahead, None)):
        world = told(lines)
        known = world.fold.registers
        assert found is verdict(compiled("in_the_future", known), known, world.use())
