"""What may be said next of a thing, and what is refused with which state?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.base import NotInState, Provenance
from ledger.domain.lives import ENDS, LIVES, Life, allowed_of, name_in
from ledger.errors import Malformed
from ledger.events import (
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    Fact,
    Interval,
    TechnologyApproved,
    TechnologyAssessed,
    TechnologyRegistered,
    TechnologyResumed,
    TechnologyRetired,
    TechnologySuspended,
    ToolUseWithdrawn,
    TrialEnded,
    TrialStarted,
)
from ledger.streams import stream_of_name

TOLD = Provenance(reporter="test", recorded_us=0)
_T: dict[str, Any] = {"technology": "technologies/t"}
_A: dict[str, Any] = {**_T, "agency": "agencies/a"}
_STEPS: dict[str, Fact] = {
    "assess": TechnologyAssessed(**_A, kind="privacy_impact"),
    "approve": TechnologyApproved(**_A, approved_by="board"),
    "try": TrialStarted(**_A),
    "end": TrialEnded(**_A),
    "suspend": TechnologySuspended(**_A),
    "resume": TechnologyResumed(**_A),
    "retire": TechnologyRetired(**_A),
}
# The life of a technology as the issue tells it, spelled once more and independently.
_ALLOWED: dict[str, set[str]] = {
    "registered": {"assess", "approve", "try", "suspend", "retire"},
    "on_trial": {"assess", "approve", "end", "suspend", "retire"},
    "approved": {"assess", "approve", "suspend", "retire"},
    "suspended": {"assess", "resume", "retire"},
    "retired": set(),
}
_AFTER = {
    "approve": "approved",
    "try": "on_trial",
    "end": "registered",
    "suspend": "suspended",
    "retire": "retired",
}


def begun(fact: Fact) -> Life:
    return Life.begin(stream_of_name(name_in(fact)), fact, TOLD)


@given(st.lists(st.sampled_from(sorted(_STEPS)), max_size=12))
def test_technology_lives_as_told(steps: list[str]) -> None:
    """Each step is allowed or refused by the state, and leads where the table says."""
    life, state, before = begun(TechnologyRegistered(**_T, name="T")), "registered", "registered"
    for step in steps:
        if step not in _ALLOWED[state]:
            with pytest.raises(NotInState) as refused:
                life.say(_STEPS[step], TOLD)
            assert state == refused.value.state
            assert {_STEPS[name].TOPIC for name in _ALLOWED[state]} == set(refused.value.allowed)
            continue
        life.say(_STEPS[step], TOLD)
        if step == "suspend":
            before = state
        state = before if step == "resume" else _AFTER.get(step, state)
        assert state == life.state("agencies/a")


def test_agencies_live_apart() -> None:
    """What one agency does with a technology leaves another's state as it was."""
    life = begun(TechnologyRegistered(**_T, name="T"))
    life.say(TrialStarted(**_A), TOLD)
    life.say(TechnologyApproved(**_T, agency="agencies/b", approved_by="board"), TOLD)

    assert "on_trial" == life.state("agencies/a")
    assert "approved" == life.state("agencies/b")
    assert "registered" == life.state()


def test_revoked_authorization_stays_so() -> None:
    """After a revocation nothing more is said of an authorization."""
    name = "authorizations/a"
    life = begun(
        AuthorizationGranted(
            authorization=name, agency="agencies/a", kind="warrant", valid=Interval()
        )
    )
    life.say(AuthorizationRenewed(authorization=name, valid=Interval()), TOLD)
    life.say(AuthorizationRevoked(authorization=name), TOLD)
    with pytest.raises(NotInState) as refused:
        life.say(AuthorizationRenewed(authorization=name, valid=Interval()), TOLD)
    assert ("revoked", ()) == (refused.value.state, refused.value.allowed)


@pytest.mark.parametrize("end", ENDS)
def test_an_end_allows_nothing_but_what_names_it(end: str) -> None:
    """No kind of thing goes on after its end."""
    kinds = {fact.TOPIC.partition(".")[0] for fact in LIVES}
    assert [()] * len(kinds) == [allowed_of(kind, end) for kind in sorted(kinds)]


def test_fact_of_a_use_is_no_register_fact() -> None:
    """A change of a use does not come this way."""
    with pytest.raises(Malformed):
        name_in(ToolUseWithdrawn(agency="agencies/a"))
