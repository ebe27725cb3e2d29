"""What may be said next of a thing in the registers? One table of lives, read by one aggregate.

    fact ──LIVES──► Step: whose stream, from which states, to which state

Illegal steps are refused with the state and what would be allowed. A use is never refused for
the state of anything (the log records, rules judge); these are the registers' own order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.base import LedgerAggregate, NotInState, Provenance
from ledger.errors import Malformed
from ledger.events import (
    AgencyRegistered,
    AllegationAnswered,
    AllegationEvidenceAttached,
    AllegationMade,
    AllegationResolved,
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
    CoverageGapDeclared,
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    ExternalLogReconciled,
    Fact,
    HeartbeatExpected,
    HeartbeatReceived,
    HoldingConnected,
    HoldingEnded,
    HoldingRecorded,
    LegalHoldLifted,
    LegalHoldSet,
    LegalInstrumentRegistered,
    LegalInstrumentVersioned,
    MandateEnded,
    MandateGranted,
    NilReturnAttested,
    PerformerApprovalEnded,
    PerformerApproved,
    ProceedingClosed,
    ProceedingOpened,
    RulePackActivated,
    RulePackDeactivated,
    SourceRegistered,
    StatementCorrected,
    StatementMade,
    TechnologyApproved,
    TechnologyAssessed,
    TechnologyRegistered,
    TechnologyResumed,
    TechnologyRetired,
    TechnologySuspended,
    TrialEnded,
    TrialStarted,
    VendorIncidentReported,
)

BEFORE: Final = "before"  # as a step's `to`: the state that was left last


@dataclass(frozen=True, slots=True)
class Step:
    """One fact's place in a life.

    Members:
        named_by: The member that holds the resource name of the stream.
        begins: True where it is a stream's first.
        when: States in which it may be said; none named: in any that is not an end.
        to: The state after; None where it stays.
        track: The member whose value keeps a state of its own; None: one state for all.
    """

    named_by: str
    begins: bool = False
    when: tuple[str, ...] = ()
    to: str | None = None
    track: str | None = None


def _technology(when: tuple[str, ...] = (), to: str | None = None) -> Step:
    return Step("technology", when=when, to=to, track="agency")


_WORKING: Final = ("registered", "on_trial", "approved")
ENDS: Final = ("retired", "revoked", "ended", "closed", "lifted", "resolved")

LIVES: Final[dict[type[Fact], Step]] = {
    AgencyRegistered: Step("agency", begins=True),
    SourceRegistered: Step("source", begins=True),
    HeartbeatExpected: Step("source"),
    HeartbeatReceived: Step("source"),
    CoverageGapDeclared: Step("source"),
    NilReturnAttested: Step("nil_return", begins=True),
    TechnologyRegistered: Step("technology", begins=True, to="registered", track="agency"),
    TechnologyAssessed: _technology(),
    TechnologyApproved: _technology(("registered", "on_trial", "approved"), "approved"),
    TrialStarted: _technology(("registered",), "on_trial"),
    TrialEnded: _technology(("on_trial",), "registered"),
    TechnologySuspended: _technology(_WORKING, "suspended"),
    TechnologyResumed: _technology(("suspended",), BEFORE),
    TechnologyRetired: _technology((*_WORKING, "suspended"), "retired"),
    AuthorizationGranted: Step("authorization", begins=True, to="granted"),
    AuthorizationRenewed: Step("authorization", when=("granted",)),
    AuthorizationVaried: Step("authorization", when=("granted",)),
    AuthorizationRevoked: Step("authorization", when=("granted",), to="revoked"),
    LegalInstrumentRegistered: Step("instrument", begins=True),
    LegalInstrumentVersioned: Step("instrument"),
    PerformerApproved: Step("approval", begins=True, to="approved"),
    PerformerApprovalEnded: Step("approval", when=("approved",), to="ended"),
    MandateGranted: Step("mandate", begins=True, to="granted"),
    MandateEnded: Step("mandate", when=("granted",), to="ended"),
    ProceedingOpened: Step("proceeding", begins=True, to="open"),
    ProceedingClosed: Step("proceeding", when=("open",), to="closed"),
    LegalHoldSet: Step("legal_hold", begins=True, to="set"),
    LegalHoldLifted: Step("legal_hold", when=("set",), to="lifted"),
    VendorIncidentReported: Step("incident", begins=True),
    HoldingRecorded: Step("holding", begins=True, to="unconnected"),
    HoldingConnected: Step("holding", when=("unconnected", "connected"), to="connected"),
    HoldingEnded: Step("holding", when=("unconnected", "connected"), to="ended"),
    StatementMade: Step("statement", begins=True, to="made"),
    StatementCorrected: Step("statement", to="corrected"),
    AllegationMade: Step("allegation", begins=True, to="made"),
    AllegationEvidenceAttached: Step("allegation"),
    AllegationAnswered: Step("allegation", when=("made", "answered"), to="answered"),
    AllegationResolved: Step("allegation", when=("made", "answered"), to="resolved"),
    ExternalLogImported: Step("observation", begins=True, to="imported"),
    ExternalLogReconciled: Step("observation"),
    DiscrepancyFound: Step("discrepancy", begins=True, to="found"),
    DiscrepancyResolved: Step("discrepancy", when=("found",), to="resolved"),
    RulePackActivated: Step("pack", to="active"),
    RulePackDeactivated: Step("pack", when=("active",), to="inactive"),
}


class States:
    """The state (or states, one a track) that some facts of one thing leave it in."""

    def __init__(self) -> None:
        self._states: dict[str | None, list[str]] = {}

    def add(self, fact: Fact) -> None:
        """Fold the next fact; one that changes no state is passed by."""
        step = LIVES.get(type(fact))
        if step is None or step.to is None:
            return
        track = _track(step, fact)
        states = self._states.setdefault(track, [self.of(track)])
        if step.to == BEFORE:
            if len(states) > 1:
                states.pop()
        elif step.to == "suspended":
            states.append(step.to)
        else:
            states[:] = [step.to]

    def of(self, track: str | None = None) -> str:
        """The state of a track, which is that of all where it has none of its own."""
        for key in (track, None):
            if self._states.get(key):
                return self._states[key][-1]
        return "registered"

    def all(self) -> dict[str, str]:
        """The state of every track, "" for the one of all; empty where none was ever told."""
        return {track or "": states[-1] for track, states in self._states.items() if states}


class Life(LedgerAggregate):
    """A thing of the registers, in the states that its facts leave it."""

    def __init__(self) -> None:
        self._states = States()

    def state(self, track: str | None = None) -> str:
        """As States.of."""
        return self._states.of(track)

    def states(self) -> dict[str, str]:
        """As States.all."""
        return self._states.all()

    def when(self, fact: Fact, version: int) -> None:
        self._states.add(fact)

    def say(
        self, fact: Fact, provenance: Provenance, protected: dict[str, Any] | None = None
    ) -> None:
        """Tell one more fact of it.

        Raises:
            NotInState: Its state does not allow that.
        """
        step = LIVES[type(fact)]
        track = _track(step, fact)
        state = self.state(track)
        kind = self.id.partition("/")[0]
        if state not in step.when and (step.when or state in ENDS):
            raise NotInState(self.id, state, allowed_of(kind, state), track)
        self._tell(fact, provenance, protected)


class RulePack(Life):
    """A rule pack. Its stream begins with its first activation."""


def _track(step: Step, fact: Fact) -> str | None:
    return None if step.track is None else getattr(fact, step.track, None)


def allowed_of(kind: str, state: str) -> tuple[str, ...]:
    """Topics that may be said of a kind of thing in this state."""
    return tuple(
        fact.TOPIC
        for fact, step in LIVES.items()
        if fact.TOPIC.startswith(f"{kind}.")
        and not step.begins
        and (state in step.when if step.when else state not in ENDS)
    )


def name_in(fact: Fact) -> str:
    """The resource name of the stream that a fact belongs to.

    Raises:
        Malformed: It is none of the registers' facts.
    """
    step = LIVES.get(type(fact))
    if step is None:
        raise Malformed("fact", "is not one that can be recorded here")
    named: str = getattr(fact, step.named_by)
    return named
