"""When did a fact of the registers come about? A span that holds the moment, however little is known.

    Occurred | text | nothing, and when it was recorded ──► (earliest, latest), both inclusive

A fact is in the past tense: where nobody says when it came about, it had when it was recorded.
Open ends are OPEN_EARLIEST and OPEN_LATEST, beyond every real time, so spans compare as integers.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

from ledger.events import Interval, Occurred
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.times import us_of_text

Span: TypeAlias = tuple[int, int]


class Timed(Protocol):
    """What is known of the time of a use: a UseRow, or less."""

    @property
    def earliest_us(self) -> int: ...
    @property
    def latest_us(self) -> int: ...
    @property
    def recorded_us(self) -> int: ...


def effective(occurred: Occurred | None, recorded_us: int) -> Span:
    """When a fact took effect.

    Args:
        occurred: As it was told, if it was.
        recorded_us: When the ledger learnt it: the latest moment for one whose end is open,
            unless it was announced beforehand.
    """
    earliest, latest = (None, None) if occurred is None else occurred.bounds_us()
    first = OPEN_EARLIEST if earliest is None else earliest
    if latest is not None:
        return first, latest
    return first, recorded_us if first <= recorded_us else OPEN_LATEST


def exact(text: str) -> Span:
    """A moment that is known."""
    us = us_of_text(text)
    return us, us


def ends(interval: Interval) -> Span:
    """First and last moment of an interval that was granted: an absent end means without end."""
    first, last = interval.earliest, interval.latest
    return (
        OPEN_EARLIEST if first is None else us_of_text(first),
        OPEN_LATEST if last is None else us_of_text(last),
    )


def of_use(use: Timed) -> Span:
    """When a use took place; one with an open end took place before it was reported."""
    if use.latest_us == OPEN_LATEST and use.earliest_us <= use.recorded_us:
        return use.earliest_us, use.recorded_us
    return use.earliest_us, use.latest_us


def is_at_or_after(us: int, span: Span) -> bool | None:
    """Does a moment lie at or after one that is known to lie in a span? None: it may."""
    if us >= span[1]:
        return True
    return None if us >= span[0] else False
