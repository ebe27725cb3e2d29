"""What else is known of a vendor and its technology: incidents, and what an agency holds of it.

Streams `incident/<id>`, `holding/<id>`. A holding is a sign that a technology may be in use
somewhere: a unit that has it, a licence, a trial, an invoice, an account with the vendor. It
is connected once a source reports what is done with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.events.facts import Fact, fact
from ledger.events.values import Interval, Occurred

INCIDENT_KINDS: Final = ("breach", "outage", "data_error", "unlawful_collection", "other")
HOLDING_KINDS: Final = ("unit", "licence", "trial", "invoice", "account")


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class VendorIncidentReported(Fact):
    """Something happened at a vendor. Uses of its technologies before then may be exposed."""

    TOPIC: ClassVar[str] = "vendor.incident_reported.v1"

    incident: str
    vendor: str
    kind: str
    technologies: tuple[str, ...] = ()
    occurred: Occurred | None = None
    became_aware: Occurred | None = None
    agency: str | None = None  # whose awareness it was
    source_url: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingRecorded(Fact):
    """An agency has something of a technology, by whatever paper shows it."""

    TOPIC: ClassVar[str] = "holding.recorded.v1"

    holding: str
    agency: str
    kind: str
    technology: str | None = None
    vendor: str | None = None
    unit: str | None = None
    period: Interval | None = None
    seats: int | None = None
    reference: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingConnected(Fact):
    """A source of the register reports what is done with it."""

    TOPIC: ClassVar[str] = "holding.connected.v1"

    holding: str
    source: str
    effective: Occurred | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingEnded(Fact):
    """The agency has it no longer."""

    TOPIC: ClassVar[str] = "holding.ended.v1"

    holding: str
    effective: Occurred | None = None
    code: str | None = None
