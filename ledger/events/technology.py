"""Was this technology assessed, approved, on trial, suspended? The life cycle of a technology.

Stream: the technology's. A fact that names an agency speaks of that agency's use of it; one
that names none speaks of everybody's. `effective` is when it came about in the world, which
may be long before it is recorded, and may be known only as a date or not at all.

    registered ─► on_trial ─► registered        registered, on_trial ─► approved
    registered, on_trial, approved ─► suspended ─► what it was before     any ─► retired
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.events.facts import Fact, fact
from ledger.events.values import Occurred

ASSESSMENT_KINDS: Final = (
    "privacy_impact",
    "fundamental_rights",
    "data_protection",
    "security",
    "accuracy",
    "other",
)
ASSESSMENT_OUTCOMES: Final = ("accepted", "accepted_with_conditions", "rejected", "pending")


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyAssessed(Fact):
    """Somebody assessed it: a privacy impact assessment, say. It may be assessed many times."""

    TOPIC: ClassVar[str] = "technology.assessed.v1"

    technology: str
    kind: str
    agency: str | None = None
    effective: Occurred | None = None
    assessed_by: str | None = None  # a body, not a person
    outcome: str | None = None
    reference: str | None = None
    document_sha256: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyApproved(Fact):
    """A body allowed its use, perhaps under conditions and until a day.

    `units` and `purposes` bound the approval where they stand; empty means unbounded.
    `retention_days` is how far back its data may reach, as the approval or policy claims.
    """

    TOPIC: ClassVar[str] = "technology.approved.v1"

    technology: str
    approved_by: str
    agency: str | None = None
    effective: Occurred | None = None
    until: str | None = None
    conditions: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    retention_days: int | None = None
    reference: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted(Fact):
    """An agency began to try it out; `approved_by` is absent where nobody is known to have agreed."""

    TOPIC: ClassVar[str] = "technology.trial_started.v1"

    technology: str
    agency: str
    effective: Occurred | None = None
    approved_by: str | None = None
    until: str | None = None
    reference: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded(Fact):
    """The trial is over."""

    TOPIC: ClassVar[str] = "technology.trial_ended.v1"

    technology: str
    agency: str
    effective: Occurred | None = None
    outcome: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologySuspended(Fact):
    """Its use was stopped for now. `cause` is a code; `incident` names one of the register."""

    TOPIC: ClassVar[str] = "technology.suspended.v1"

    technology: str
    agency: str | None = None
    effective: Occurred | None = None
    cause: str | None = None
    incident: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyResumed(Fact):
    """The suspension was lifted."""

    TOPIC: ClassVar[str] = "technology.resumed.v1"

    technology: str
    agency: str | None = None
    effective: Occurred | None = None
    cause: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyRetired(Fact):
    """It is not used any more."""

    TOPIC: ClassVar[str] = "technology.retired.v1"

    technology: str
    agency: str | None = None
    effective: Occurred | None = None
