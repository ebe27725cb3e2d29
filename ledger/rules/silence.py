"""Was a source silent for longer than it said it would be, and did anybody account for it?

HeartbeatExpected ─► signs: heartbeats, reports ─► stretches between them, less nil returns and
declared gaps ─► longer than `every_s`? ─► Hit
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from ledger.events import (
    CoverageGapDeclared,
    HeartbeatExpected,
    HeartbeatReceived,
    NilReturnAttested,
    SourceRegistered,
)
from ledger.projections.registers import Registers, Told
from ledger.rules.kinds import Context, Hit, Parameters
from ledger.rules.moments import Span, ends
from ledger.times import text_of_us, us_of_text

_SECOND_US: Final = 1_000_000


def source_silent(registers: Registers, _given: Parameters, context: Context) -> list[Hit]:
    """Sources that were silent for longer than they said they would be, and nobody said why.

    A heartbeat or a report is heard; a nil return or a declared gap accounts for its period.
    Silence lasts until the newest entry.
    """
    found = []
    for source in registers.names("source"):
        history = registers.history(source)
        expected = [told for told in history if isinstance(told.fact, HeartbeatExpected)]
        agency = _agency_of(history)
        if expected and context.concerns(agency):
            accounted = [*_declared(history), *_nil_returns(registers, source)]
            for place, told in enumerate(expected):
                ends_us = expected[place + 1].recorded_us if place + 1 < len(expected) else None
                silences = _silences(told, ends_us, history, accounted, source, context)
                found += [_silent(source, agency, told, silence) for silence in silences]
    return found


def _silences(
    told: Told,
    ends_us: int | None,
    history: Sequence[Told],
    accounted: Sequence[Span],
    source: str,
    context: Context,
) -> Iterator[Span]:
    """Stretches without a sign, longer than allowed, from one expectation to the next."""
    assert isinstance(told.fact, HeartbeatExpected)
    last = context.as_of_us if ends_us is None else ends_us
    beats = [us_of_text(t.fact.at) for t in history if isinstance(t.fact, HeartbeatReceived)]
    signs = {us for us in (*beats, *context.heard.get(source, ())) if us >= told.recorded_us}
    if last is not None:
        signs = {us for us in signs if us < last} | {last}
    allowed_us = told.fact.every_s * _SECOND_US
    for before, after in pairwise(sorted(signs | {told.recorded_us})):
        for start, end in _not_accounted((before, after), accounted):
            if end - start > allowed_us:
                yield start, end


def _not_accounted(stretch: Span, accounted: Sequence[Span]) -> Iterator[Span]:
    """What is left of a stretch without the periods that somebody accounts for."""
    start, end = stretch
    for first, last in sorted(accounted):
        if last < start or first > end:
            continue
        if first > start:
            yield start, first
        start = max(start, last)
    if start < end:
        yield start, end


def _silent(source: str, agency: str | None, told: Told, silence: Span) -> Hit:
    detail = {"from": text_of_us(silence[0]), "to": text_of_us(silence[1])}
    return Hit(subject=source, agency=agency, leaves=(told.leaf_index,), detail=detail)


def _agency_of(history: Sequence[Told]) -> str | None:
    first = history[0].fact
    return first.agency if isinstance(first, SourceRegistered) else None


def _declared(history: Sequence[Told]) -> list[Span]:
    return [
        ends(told.fact.period) for told in history if isinstance(told.fact, CoverageGapDeclared)
    ]


def _nil_returns(registers: Registers, source: str) -> list[Span]:
    returned = registers.told("nil_return", NilReturnAttested)
    return [ends(fact.period) for _name, _told, fact in returned if fact.source == source]
