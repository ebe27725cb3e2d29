"""How are "very recently" and "at least one" written down without guessing?

Values inside facts: intervals with open ends, counts with a lower bound, data flows.
Unknown is an absent member; nothing here invents an end, a zone or a number.
"""

from __future__ import annotations

from dataclasses import dataclass

from ledger.errors import Malformed
from ledger.events.facts import Record
from ledger.times import DAY_US, MAX_US, MIN_US, us_of_date, us_of_text

# A civil date, its zone unknown, lies within these hours of the same date in UTC.
_EARLIEST_ZONE_US = 14 * 3_600_000_000  # UTC+14
_LATEST_ZONE_US = 12 * 3_600_000_000  # UTC-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurred(Record):
    """When a use took place: an interval, either end of which may be unknown.

    Members:
        earliest, latest: RFC 3339 UTC texts, inclusive; absent means unknown.
        latest_exclusive: True where `latest` itself is already outside.
        zone_assumed: IANA name of the zone that a column map supplied, where the source
            gave a time without one.
        date: A bare civil date without zone, all that the source gave. Such a use stays
            undated for proven counts; a window can hold it possibly, never definitely.
    """

    earliest: str | None = None
    latest: str | None = None
    latest_exclusive: bool | None = None
    zone_assumed: str | None = None
    date: str | None = None

    def bounds_us(self) -> tuple[int | None, int | None]:
        """Inclusive microseconds between which the use lies; None where open.

        Raises:
            Malformed: A time that is none, or nothing but moments before year 1.
        """
        if self.date is not None:
            midnight = us_of_date(self.date)
            first, last = midnight - _EARLIEST_ZONE_US, midnight + DAY_US + _LATEST_ZONE_US - 1
            # The first and the last day there are may lie beyond, in some zone: open, then.
            return first if first >= MIN_US else None, last if last <= MAX_US else None
        earliest = None if self.earliest is None else us_of_text(self.earliest)
        if self.latest == self.earliest:  # most uses are instants
            latest = earliest
        else:
            latest = None if self.latest is None else us_of_text(self.latest)
        if latest is not None and self.latest_exclusive:
            latest -= 1
            if latest < MIN_US:
                raise Malformed("occurred.latest", "the year must lie in 1..9999")
        return earliest, latest

    def day(self) -> int | None:
        """Days from 1970-01-01 if the use is dated: both ends known and in one UTC day."""
        return self.day_within(*self.bounds_us())

    def day_within(self, earliest: int | None, latest: int | None) -> int | None:
        """As `day`, for bounds that are worked out already."""
        if self.date is not None or earliest is None or latest is None:
            return None
        day = earliest // DAY_US
        return day if latest // DAY_US == day else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Record):
    """A number that is known exactly, or only from below. One of the two members stands."""

    exactly: int | None = None
    at_least: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Record):
    """A span of time that was asked for, granted or returned; absent ends are open."""

    earliest: str | None = None
    latest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFlow(Record):
    """Where data of a use went: what, to whom, through which countries, by which permission.

    Countries are ISO 3166-1 alpha-2 codes in capitals.
    """

    category: str | None = None
    recipient: str | None = None
    processing_country: str | None = None
    storage_country: str | None = None
    access_country: str | None = None
    permission: str | None = None
