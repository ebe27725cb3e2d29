"""What was said in public, and what was alleged? Words to be held against the record.

Streams `statement/<id>`, `allegation/<id>`. Quotes are public and stand in the clear; who
spoke is a role, never a name. The particulars of an allegation are protected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.events.facts import Fact, Record, fact
from ledger.events.values import Interval, Occurred

POLARITIES: Final = ("denies", "confirms", "partial", "declines")
ALLEGATION_RESOLUTIONS: Final = ("upheld", "partly_upheld", "not_upheld", "withdrawn", "undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope(Record):
    """What words are about; what is absent is not bounded."""

    agency: str | None = None
    technology: str | None = None
    period: Interval | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage(Record):
    """What stood behind a statement when it was made.

    Members:
        asked, of: "7 of 12 units asked".
        tree_size, count, possible: What the ledger itself answered, where it was asked.
        heard, silent: Sources that had reported in the period, and those that had not.
        unconnected: Holdings in scope with no source behind them.
    """

    asked: int | None = None
    of: int | None = None
    tree_size: int | None = None
    count: int | None = None
    possible: int | None = None
    heard: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    unconnected: int | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class StatementMade(Fact):
    """Somebody spoke for an agency. Stream `statement/<id>`.

    `made` may be a moment, an interval or a bare date. `source_sha256` fixes what was read at
    `source_url`.
    """

    TOPIC: ClassVar[str] = "statement.made.v1"

    statement: str
    polarity: str
    scope: Scope
    made: Occurred | None = None
    speaker_role: str | None = None
    audience: str | None = None
    quote: str | None = None
    source_url: str | None = None
    source_sha256: str | None = None
    coverage: Coverage | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class StatementCorrected(Fact):
    """It was taken back or put right, by another statement where there is one."""

    TOPIC: ClassVar[str] = "statement.corrected.v1"

    statement: str
    corrected: Occurred | None = None
    by_statement: str | None = None
    quote: str | None = None
    source_url: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AllegationMade(Fact):
    """A body or person says that something was done. What exactly is protected (`particulars`)."""

    TOPIC: ClassVar[str] = "allegation.made.v1"

    allegation: str
    made_by: str  # "person", or the name of a body
    scope: Scope
    made: Occurred | None = None
    claim: str | None = None  # a code
    source_url: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AllegationEvidenceAttached(Fact):
    """A document that bears on it, fixed by its digest; the ledger does not hold it."""

    TOPIC: ClassVar[str] = "allegation.evidence_attached.v1"

    allegation: str
    document_sha256: str
    media_type: str | None = None
    url: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AllegationAnswered(Fact):
    """The agency's answer; its words are protected (`answer`), `polarity` says which way."""

    TOPIC: ClassVar[str] = "allegation.answered.v1"

    allegation: str
    polarity: str
    answered: Occurred | None = None
    statement: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AllegationResolved(Fact):
    """Somebody with the right to decide has done so."""

    TOPIC: ClassVar[str] = "allegation.resolved.v1"

    allegation: str
    resolution: str
    resolved: Occurred | None = None
    resolved_by: str | None = None
    reference: str | None = None
