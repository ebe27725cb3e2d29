"""Does the record of a use say what it must, in time, in words that mean something?"""

from __future__ import annotations

from typing import Final

from ledger.events.tool_use import OUTCOMES
from ledger.projections.registers import Registers
from ledger.rules.judgement import (
    Judgement,
    above,
    all_of,
    any_of,
    below,
    not_,
    says,
    says_any,
    within,
)
from ledger.rules.kinds import REQUIRED, Context, Parameter, Parameters, UsePredicate
from ledger.times import MAX_US, MIN_US

_HOUR_S: Final = 3_600
_MINUTE_S: Final = 60

# What a law may ask a record to hold, by the filter's field. Who and which are never known to be
# missing, only not known; likewise the time, where an end is open.
MEMBERS: Final = {
    "performer": says("performer", None),
    "technology": says("technology", None),
    "time": not_(within(MIN_US, MAX_US)),
    "reason": says_any("reason_state", ("absent", "blank")),
    **{
        field: says(field, None)
        for field in (
            *("source", "unit", "purpose", "offence_class", "capability", "acquisition"),
            *("trigger", "outcome", "case_number", "authorization", "credential", "role"),
            *("category", "database", "version", "flow_country"),
        )
    },
    "verified": says("verified", None),
}


def late_report(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses that were recorded more than so many hours after they took place.

    Certain from the latest end they may have had; from the earliest, possible.
    """
    allowed_s = given["hours"] * _HOUR_S
    late = above("delay", allowed_s)
    return Judgement(late.certain, any_of((late, below("ahead", -allowed_s))).possible)


def in_the_future(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses that had not taken place yet when they were recorded, clocks' differences allowed for.

    Where only the latest end lies ahead, the use may have taken place before.
    """
    allowed_s = given["minutes"] * _MINUTE_S
    ahead, latest = above("ahead", allowed_s), below("delay", -allowed_s)
    return Judgement(ahead.certain, latest.possible)


def reason_is(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses whose reason is one of these texts, but for case and white space."""
    return says_any("reason", given["reasons"])


def missing_reason(_registers: Registers, _given: Parameters, _context: Context) -> Judgement:
    """Uses that give no reason, or a blank one; one that is masked is there."""
    return MEMBERS["reason"]


def missing_fields(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses that lack one of these; `purpose|reason` is lacking where both are."""
    return any_of(
        all_of(MEMBERS[name] for name in alternatives.split("|"))
        for alternatives in given["fields"]
    )


def shared_credential(_registers: Registers, _given: Parameters, _context: Context) -> Judgement:
    """Uses through an account that several people share."""
    return says("credential", "shared_account")


def unverified_outcome(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses that came to this, with no record that a person checked the result."""
    return all_of((says_any("outcome", given["outcomes"]), not_(says("verified", "yes"))))


def conflicting_resubmission(
    _registers: Registers, _given: Parameters, _context: Context
) -> Judgement:
    """Uses whose source has reported something else under their id, which was refused."""
    return above("conflicts", 0)


def automated(_registers: Registers, given: Parameters, _context: Context) -> Judgement:
    """Uses that no person set off."""
    return says_any("trigger", given["triggers"])


PREDICATES: Final = (
    UsePredicate(
        "late_report",
        "a use that was recorded too long after it took place",
        {"hours": Parameter("number")},
        late_report,
    ),
    UsePredicate(
        "in_the_future",
        "a use that is said to take place after it was recorded",
        {"minutes": Parameter("number", 5)},
        in_the_future,
    ),
    UsePredicate(
        "vague_reason",
        "a reason that says nothing",
        {"reasons": Parameter("texts")},
        reason_is,
    ),
    UsePredicate(
        "ui_artefact_reason",
        "a reason that is a text of the user interface",
        {"reasons": Parameter("texts")},
        reason_is,
    ),
    UsePredicate("missing_reason", "no reason, or a blank one", {}, missing_reason),
    UsePredicate(
        "missing_fields",
        "a record without a member that it must have",
        {"fields": Parameter("texts", REQUIRED, tuple(MEMBERS), joined="|")},
        missing_fields,
    ),
    UsePredicate("shared_credential", "a use through a shared account", {}, shared_credential),
    UsePredicate(
        "unverified_outcome",
        "an outcome with no record that a person checked it",
        {
            "outcomes": Parameter(
                "texts", ("identification", "arrest", "rescue", "wrong_person"), OUTCOMES
            )
        },
        unverified_outcome,
    ),
    UsePredicate(
        "conflicting_resubmission",
        "a use that its source reported again with another content",
        {},
        conflicting_resubmission,
    ),
    UsePredicate(
        "automated",
        "a use that no person set off",
        {"triggers": Parameter("texts", ("automated_alert", "scheduled"))},
        automated,
    ),
)
