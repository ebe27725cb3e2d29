"""Was it approved for that agency, unit, purpose, performer at that time? Predicates on approvals."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ledger.events import PerformerApprovalEnded, PerformerApproved, TechnologyApproved
from ledger.events.tool_use import ACQUISITIONS
from ledger.projections.registers import Registers, Told
from ledger.rules.judgement import (
    ALWAYS,
    Judgement,
    above,
    all_of,
    any_of,
    not_,
    resting_on,
    says,
    says_any,
    since,
    within,
)
from ledger.rules.kinds import Context, Parameter, Parameters, UsePredicate
from ledger.rules.moments import effective, ends
from ledger.rules.technology_facts import Applied, approvals, of_agency, of_technology, trials
from ledger.rules.technology_rules import NAMED

_DAY_S: Final = 86_400


def unapproved(registers: Registers, _given: Parameters, context: Context) -> Judgement:
    """Uses while no approval held, for that agency or for everybody."""
    given = approvals(registers, context)
    return _resting_on(all_of((NAMED, not_(_any(given)))), given)


def trial_without_approval(registers: Registers, given: Parameters, context: Context) -> Judgement:
    """Uses in a trial, a demo, a personal account, that nobody with the right to had agreed to.

    A trial that names who approved it is approved while it runs.
    """
    running = trials(registers, context)
    agreed = [trial for trial in running if getattr(trial.told.fact, "approved_by", None)]
    approved = [*approvals(registers, context), *agreed]
    tried = any_of((says_any("acquisition", given["acquisitions"]), _any(running)))
    return _resting_on(all_of((tried, not_(_any(approved)))), [*approved, *running])


def unit_not_in_approval(registers: Registers, _given: Parameters, context: Context) -> Judgement:
    """Uses under an approval for other units; a use that does not say its unit may be one."""
    return _outside(registers, context, "unit", lambda fact: fact.units)


def purpose_not_in_approval(
    registers: Registers, _given: Parameters, context: Context
) -> Judgement:
    """Uses under an approval for other purposes; a use that does not say its own may be one."""
    return _outside(registers, context, "purpose", lambda fact: fact.purposes)


def _outside(
    registers: Registers,
    context: Context,
    field: str,
    bounds: Callable[[TechnologyApproved], tuple[str, ...]],
) -> Judgement:
    bounded, allowed = [], []
    for approval in approvals(registers, context):
        fact = approval.told.fact
        assert isinstance(fact, TechnologyApproved)
        said = bounds(fact)
        if said:
            bounded.append(approval)
            named = says_any(field, said)
            held = Judgement(named.certain, any_of((named, says(field, None))).possible)
            allowed.append(all_of((approval.applies, held)))
        else:
            allowed.append(approval.applies)
    return _resting_on(all_of((_any(bounded), not_(any_of(allowed)))), bounded)


def window_beyond_retention(registers: Registers, given: Parameters, context: Context) -> Judgement:
    """Uses that ask for data older than is said to be kept: by `days`, or else by an approval."""
    if given["days"]:
        return above("reach", given["days"] * _DAY_S)
    bounded, allowed = [], []
    for approval in approvals(registers, context):
        fact = approval.told.fact
        assert isinstance(fact, TechnologyApproved)
        if fact.retention_days is not None:
            bounded.append(approval)
            kept = not_(above("reach", fact.retention_days * _DAY_S))
            allowed.append(all_of((approval.applies, kept)))
    return _resting_on(all_of((_any(bounded), not_(any_of(allowed)))), bounded)


def performer_not_approved(registers: Registers, _given: Parameters, context: Context) -> Judgement:
    """Uses by somebody who is not on the list, where an agency keeps one, from its first day."""
    by_agency: dict[str, list[tuple[Told, PerformerApproved, Judgement]]] = {}
    for name in registers.names("approval"):
        history = registers.history(name)
        fact = history[0].fact
        if isinstance(fact, PerformerApproved) and context.concerns(fact.agency):
            held = _while_approved(history[0], fact, history[1:])
            by_agency.setdefault(fact.agency, []).append((history[0], fact, held))
    return any_of(_not_on_list(agency, listed) for agency, listed in by_agency.items())


def _while_approved(told: Told, fact: PerformerApproved, later: Iterable[Told]) -> Judgement:
    ended = any_of(
        since(effective(after.fact.effective, after.recorded_us))
        for after in later
        if isinstance(after.fact, PerformerApprovalEnded)
    )
    return all_of((of_technology(fact.technology), within(*ends(fact.valid)), not_(ended)))


def _not_on_list(agency: str, listed: list[tuple[Told, PerformerApproved, Judgement]]) -> Judgement:
    starts: dict[str | None, int] = {}
    for _told, fact, _held in listed:
        first = ends(fact.valid)[0]
        starts[fact.technology] = min(first, starts.get(fact.technology, first))
    kept = any_of(
        all_of((of_technology(technology), since((first, first))))
        for technology, first in starts.items()
    )
    # Colleagues are approved together: one condition on time for all of them.
    alike: dict[Judgement, list[Told]] = {}
    for told, _fact, held in listed:
        alike.setdefault(held, []).append(told)
    admitted = [all_of((_performers(approved), held)) for held, approved in alike.items()]
    outside = all_of((of_agency(agency), kept, not_(any_of(admitted))))
    leaves = (told.leaf_index for told, _, _ in listed)
    return resting_on(outside, of_agency(agency), leaves)


def _performers(approved: Iterable[Told]) -> Judgement:
    """One of these; an approval that does not show whose it is may be anybody's."""
    shown = [told.shown.get("performer") for told in approved]
    named = says_any("performer", dict.fromkeys(who for who in shown if isinstance(who, str)))
    hidden = any(not isinstance(who, str) for who in shown)
    return Judgement(named.certain, ALWAYS.possible if hidden else named.possible)


def _any(applied: Iterable[Applied]) -> Judgement:
    return any_of(item.applies for item in applied)


def _resting_on(found: Judgement, applied: Iterable[Applied]) -> Judgement:
    for item in applied:
        found = resting_on(found, of_technology(item.technology), (item.told.leaf_index,))
    return found


_TRIED: Final = ("free_trial", "demo", "personal_account")

PREDICATES: Final = (
    UsePredicate("technology_unapproved", "a use while no approval of it held", {}, unapproved),
    UsePredicate(
        "trial_without_approval",
        "a use in a trial, or acquired in one of these ways, that nobody had approved",
        {"acquisitions": Parameter("texts", _TRIED, ACQUISITIONS)},
        trial_without_approval,
    ),
    UsePredicate(
        "unit_not_in_approval",
        "a use under an approval that is for other units",
        {},
        unit_not_in_approval,
    ),
    UsePredicate(
        "purpose_not_in_approval",
        "a use under an approval that is for other purposes",
        {},
        purpose_not_in_approval,
    ),
    UsePredicate(
        "window_beyond_retention",
        "a search for older data than is said to be kept",
        {"days": Parameter("number", 0)},
        window_beyond_retention,
    ),
    UsePredicate(
        "performer_not_approved",
        "a use by somebody who is not on the agency's list of approved performers",
        {},
        performer_not_approved,
    ),
)
