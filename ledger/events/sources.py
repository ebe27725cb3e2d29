"""Has this source told us all? What a source, or whoever answers for it, says of its silence.

Stream: the source's; a nil return of a unit that has no source stands in `nil_return/<id>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact
from ledger.events.values import Interval


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatExpected(Fact):
    """The source is to be heard from at least this often; longer silence is a finding."""

    TOPIC: ClassVar[str] = "source.heartbeat_expected.v1"

    source: str
    every_s: int


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatReceived(Fact):
    """The source was alive; `sequence` is the last number it has given out, 0 for none yet."""

    TOPIC: ClassVar[str] = "source.heartbeat_received.v1"

    source: str
    at: str
    sequence: int | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class NilReturnAttested(Fact):
    """Somebody answers for it that there was no use in this period. Stream `nil_return/<id>`.

    Who attests is protected (`attested_by`). What is absent is not bounded: no technology
    means none at all was used.
    """

    TOPIC: ClassVar[str] = "source.nil_return_attested.v1"

    nil_return: str
    agency: str
    period: Interval
    unit: str | None = None
    technology: str | None = None
    source: str | None = None
    attested_role: str | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageGapDeclared(Fact):
    """Uses in this period may be missing from what the source reports; `cause` is a code."""

    TOPIC: ClassVar[str] = "source.coverage_gap_declared.v1"

    source: str
    period: Interval
    cause: str | None = None
    first_sequence: int | None = None
    last_sequence: int | None = None
