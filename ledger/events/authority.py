"""How did an authority change, under which law, and who was approved to act?

Streams: the authorization's; `instrument/<id>`; `approval/<id>`.
An authorization is granted ─► renewed, varied (any number of times) ─► revoked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact
from ledger.events.values import Interval, Occurred


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRenewed(Fact):
    """It is valid for a further interval. The granting officer is protected (`granting_officer`)."""

    TOPIC: ClassVar[str] = "authorization.renewed.v1"

    authorization: str
    valid: Interval
    granted_at: str | None = None
    granting_rank: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationVaried(Fact):
    """Its scope is another from `effective` on: all of the scope stands here, not the change."""

    TOPIC: ClassVar[str] = "authorization.varied.v1"

    authorization: str
    effective: Occurred | None = None
    technologies: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    offence_classes: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    granting_rank: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationRevoked(Fact):
    """It is valid no longer. The reason in words is protected (`reason`); `code` says its kind."""

    TOPIC: ClassVar[str] = "authorization.revoked.v1"

    authorization: str
    effective: Occurred | None = None
    code: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class LegalInstrumentRegistered(Fact):
    """A statute, regulation, policy or code of practice. Stream `instrument/<id>`."""

    TOPIC: ClassVar[str] = "instrument.registered.v1"

    instrument: str
    name: str
    jurisdiction: str | None = None
    citation: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class LegalInstrumentVersioned(Fact):
    """A version of it that was in force for some time; `text_sha256` fixes its words."""

    TOPIC: ClassVar[str] = "instrument.versioned.v1"

    instrument: str
    version: str
    in_force: Interval
    text_sha256: str | None = None
    url: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class PerformerApproved(Fact):
    """Somebody may use a technology for an agency. Stream `approval/<id>`.

    Who is protected (`performer`, the ledger's pseudonym; `performer_identity`). `technology`
    absent means any. Where an agency has approvals for a technology, whoever else uses it is
    not on the list.
    """

    TOPIC: ClassVar[str] = "performer.approved.v1"

    approval: str
    agency: str
    valid: Interval
    technology: str | None = None
    unit: str | None = None
    approved_by: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class PerformerApprovalEnded(Fact):
    """The approval holds no longer, from `effective` on."""

    TOPIC: ClassVar[str] = "performer.approval_ended.v1"

    approval: str
    effective: Occurred | None = None
    code: str | None = None
