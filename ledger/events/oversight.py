"""Who looks at the record, and under what right? Mandates, proceedings, legal holds.

Streams `mandate/<id>`, `proceeding/<id>`, `legal_hold/<id>`: each begins and ends once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact
from ledger.events.values import Interval, Occurred


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class MandateGranted(Fact):
    """A body may look into something: by statute, order or appointment."""

    TOPIC: ClassVar[str] = "mandate.granted.v1"

    mandate: str
    body: str
    valid: Interval
    basis: str | None = None
    agencies: tuple[str, ...] = ()
    technologies: tuple[str, ...] = ()


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class MandateEnded(Fact):
    """It ended before its time, or by it."""

    TOPIC: ClassVar[str] = "mandate.ended.v1"

    mandate: str
    effective: Occurred | None = None
    code: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ProceedingOpened(Fact):
    """An inquiry, investigation, complaint or court case began."""

    TOPIC: ClassVar[str] = "proceeding.opened.v1"

    proceeding: str
    body: str
    kind: str | None = None
    opened: Occurred | None = None
    agencies: tuple[str, ...] = ()
    technologies: tuple[str, ...] = ()
    reference: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ProceedingClosed(Fact):
    """It ended; `outcome` is a code, `reference` where its findings stand."""

    TOPIC: ClassVar[str] = "proceeding.closed.v1"

    proceeding: str
    closed: Occurred | None = None
    outcome: str | None = None
    reference: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldSet(Fact):
    """Nothing within its scope may be erased. The scope: what stands here, all of it together."""

    TOPIC: ClassVar[str] = "legal_hold.set.v1"

    legal_hold: str
    body: str
    agencies: tuple[str, ...] = ()
    technologies: tuple[str, ...] = ()
    period: Interval | None = None
    proceeding: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldLifted(Fact):
    """The hold is over."""

    TOPIC: ClassVar[str] = "legal_hold.lifted.v1"

    legal_hold: str
    effective: Occurred | None = None
    code: str | None = None
