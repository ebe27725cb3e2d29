"""What do the names in a report stand for? Facts of the registers.

Agencies, technologies, sources and authorizations are known by a resource name
(`agencies/halifax-regional-police`) that never changes; what is said about them may.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact
from ledger.events.values import Interval


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyRegistered(Fact):
    """A body that uses investigative technology. Stream `agency/<id>`."""

    TOPIC: ClassVar[str] = "agency.registered.v1"

    agency: str
    name: str
    country: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyRegistered(Fact):
    """A product or capability, known to this ledger. Stream `technology/<id>`."""

    TOPIC: ClassVar[str] = "technology.registered.v1"

    technology: str
    name: str
    vendor: str | None = None
    category: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class TechnologyAliased(Fact):
    """Another name under which uses of the same technology may stand.

    Stream: the technology's. An answer about either name covers both.
    """

    TOPIC: ClassVar[str] = "technology.aliased.v1"

    technology: str
    alias: str


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRegistered(Fact):
    """A system or export that reports uses. Stream `source/<id>`."""

    TOPIC: ClassVar[str] = "source.registered.v1"

    source: str
    name: str
    agency: str | None = None
    technology: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationGranted(Fact):
    """A warrant, order, consent or policy as the register of authority keeps it.

    Stream `authorization/<id>`. The granting officer is protected (`granting_officer`), and so
    are `subjects`, `places` and `urgency_reason`. `technologies`, `units` and `offence_classes` bound its scope; empty means unbounded.
    """

    TOPIC: ClassVar[str] = "authorization.granted.v1"

    authorization: str
    agency: str
    kind: str
    valid: Interval
    identifier: str | None = None
    granted_at: str | None = None
    granting_rank: str | None = None
    instrument: str | None = None
    instrument_version: str | None = None
    urgency_used: bool | None = None
    self_authorisation: bool | None = None  # whoever granted it also acted under it
    technologies: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    offence_classes: tuple[str, ...] = ()
    conditions: tuple[str, ...] | None = None


AUTHORIZATION_KINDS = ("warrant", "order", "statute", "consent", "policy", "other")
