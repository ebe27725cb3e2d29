"""Was this technology registered, assessed, in service when it was used? Predicates on its life."""

from __future__ import annotations

from typing import Final

from ledger.events import (
    TechnologyAssessed,
    TechnologyResumed,
    TechnologyRetired,
    TechnologySuspended,
)
from ledger.events.technology import ASSESSMENT_KINDS, ASSESSMENT_OUTCOMES
from ledger.projections.registers import Registers, Told
from ledger.rules.judgement import (
    NEVER,
    Judgement,
    all_of,
    any_of,
    not_,
    resting_on,
    says,
    since,
)
from ledger.rules.kinds import Context, Parameter, Parameters, UsePredicate
from ledger.rules.moments import effective
from ledger.rules.technology_facts import (
    from_then_on,
    of_agency,
    of_technology,
    technologies,
    told_of,
)

NAMED: Final = not_(says("technology", None))  # unknown where a use names none


def unregistered(registers: Registers, _given: Parameters, _context: Context) -> Judgement:
    """Uses of a technology that the register does not hold under any name."""
    return all_of((NAMED, not_(any_of(map(of_technology, technologies(registers))))))


def unassessed(registers: Registers, given: Parameters, context: Context) -> Judgement:
    """Uses before an assessment of each of these kinds had one of these outcomes.

    An assessment whose outcome nobody told may have had it.
    """
    assessed: dict[str, list[Judgement]] = {kind: [] for kind in given["kinds"]}
    rests: list[tuple[Judgement, int]] = []
    for name, told, fact, _ in told_of(registers, context, TechnologyAssessed):
        if fact.kind in assessed and fact.outcome in {None, *given["outcomes"]}:
            held = from_then_on(name, told)
            if fact.outcome is None:
                held = Judgement(NEVER.certain, held.possible)
            assessed[fact.kind].append(held)
            rests.append((of_technology(name), told.leaf_index))
    missing = any_of(not_(any_of(of_kind)) for of_kind in assessed.values())
    found = all_of((NAMED, missing))
    for when, leaf in rests:
        found = resting_on(found, when, (leaf,))
    return found


def after_suspension(registers: Registers, _given: Parameters, context: Context) -> Judgement:
    """Uses from a suspension on, until it was lifted for that agency."""
    return any_of(
        _while_suspended(name, told, fact, later)
        for name, told, fact, later in told_of(registers, context, TechnologySuspended)
    )


def _while_suspended(
    name: str, told: Told, fact: TechnologySuspended, later: list[Told]
) -> Judgement:
    lifted, leaves = [], [told.leaf_index]
    for after in later:
        resumed = after.fact
        # What everybody may not do, one agency may be allowed again; never the other way round.
        if isinstance(resumed, TechnologyResumed) and fact.agency in (None, resumed.agency):
            from_then = since(effective(resumed.effective, after.recorded_us))
            lifted.append(all_of((of_agency(resumed.agency), from_then)))
            leaves.append(after.leaf_index)
    suspended = all_of((from_then_on(name, told), not_(any_of(lifted))))
    return resting_on(suspended, suspended, leaves)


def after_retirement(registers: Registers, _given: Parameters, context: Context) -> Judgement:
    """Uses from the day on that it was said to be used no more."""
    found = []
    for name, told, _fact, _later in told_of(registers, context, TechnologyRetired):
        retired = from_then_on(name, told)
        found.append(resting_on(retired, retired, (told.leaf_index,)))
    return any_of(found)


PREDICATES: Final = (
    UsePredicate(
        "technology_unregistered",
        "a use of a technology that nobody registered",
        {},
        unregistered,
    ),
    UsePredicate(
        "technology_unassessed",
        "a use before each of these assessments had been made",
        {
            "kinds": Parameter("texts", ("privacy_impact",), ASSESSMENT_KINDS),
            "outcomes": Parameter(
                "texts", ("accepted", "accepted_with_conditions"), ASSESSMENT_OUTCOMES
            ),
        },
        unassessed,
    ),
    UsePredicate(
        "after_suspension", "a use while the technology was suspended", {}, after_suspension
    ),
    UsePredicate(
        "after_retirement", "a use after the technology was retired", {}, after_retirement
    ),
)
