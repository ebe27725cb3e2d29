"""When, did this cell say? Vendors' spellings of time, read without guessing.

    cell ──format──► civil time ──its own zone, else the layout's──► UTC texts ──► Occurred
                         └── no zone at all ──► a bare date

A civil time that a zone has twice (clocks go back) spans both readings; one that it skips
(clocks go forward) is refused. Precision stays as written: a time without seconds spans its
minute, a date its day.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ledger.errors import Malformed
from ledger.events import Interval, Occurred
from ledger.ingest.time_formats import DAY, Unusable, civil_time, offset_of, pattern_of
from ledger.times import us_of_text

_MAX_CELL_CHARS: Final = 200  # two times and what parts them; patterns see no more
_UTC_NAMES: Final = ("UTC", "Etc/UTC", "GMT")  # need no zone database
_ISO: Final = "%Y-%m-%d %H:%M:%S"
_FAST: Final = re.compile(
    r"(\d{4}-\d\d-\d\d) ((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?)", re.ASCII
)
_BETWEEN: Final = re.compile(r"[\W_]*(?:to|until|through)?[\W_]*", re.IGNORECASE)


class TimeReader:
    """Reads time cells in declared formats; `zone` is that of times which name none.

    Formats use strptime's %Y %m %b %d %H %I %M %S %p, one or two digits a number, an optional
    fraction after %S, and an optional `UTC`, `GMT`, `Z` or offset at the end.

    Raises:
        Malformed: A directive or zone is not known, or two formats differ only in whether the
            day or the month comes first, so that one would be read as the other.
    """

    __slots__ = ("_fast", "_patterns", "_zone", "formats", "zone_name")

    def __init__(self, formats: tuple[str, ...], zone: str | None) -> None:
        self.formats = formats
        self._patterns = [pattern_of(item) for item in formats]
        if len({re.sub("%[md]", "%#", item) for item in formats}) < len(formats):
            raise Malformed("times", "a format stands twice, or with day and month exchanged")
        self.zone_name = zone
        self._zone = _zone_of(zone)
        self._fast = zone == "UTC" and _ISO in formats

    def occurred(self, text: str) -> Occurred:
        """The time that a whole cell says.

        Raises:
            Unusable: No time in a declared format, or no such moment.
        """
        if self._fast and (match := _FAST.fullmatch(text)):
            day, clock = match.groups()
            _check(day)
            moment = f"{day}T{clock}Z"
            return Occurred(earliest=moment, latest=moment, zone_assumed="UTC")
        text = " ".join(text.split()) if len(text) <= _MAX_CELL_CHARS else ""
        for pattern in self._patterns:
            if match := pattern.fullmatch(text):
                return self._occurred(match)
        raise Unusable("is not a time in a format of the layout")

    def window(self, text: str) -> Interval | None:
        """The span of a cell that holds a start and an end, as `start to end` or on two lines.

        None where the cell says anything else, or an end before its start.
        """
        if len(text) > _MAX_CELL_CHARS:
            return None
        text = " ".join(text.split())
        for pattern in self._patterns:
            found = list(pattern.finditer(text))
            if len(found) == 2 and _only_separators(text, *found):
                try:
                    start, end = map(self._occurred, found)
                except Unusable:
                    return None
                return span(start, end)
        return None

    def _occurred(self, match: re.Match[str]) -> Occurred:
        parts = match.groupdict()
        civil, length, fraction = civil_time(parts)
        try:
            if parts["zone"]:
                offset = offset_of(parts["zone"])
                readings = (civil - offset, civil - offset + length)
                assumed = None
            elif self.zone_name is None:
                return Occurred(date=civil.date().isoformat())
            else:
                readings = self._readings(civil, length)
                assumed = self.zone_name
        except OverflowError:
            raise Unusable("is a time outside the years 1..9999") from None
        earliest = f"{readings[0].isoformat()}{fraction}Z"
        return Occurred(
            earliest=earliest,
            latest=earliest
            if readings[0] == readings[1]
            else f"{readings[1].isoformat()}{fraction}Z",
            latest_exclusive=True if length else None,
            zone_assumed=assumed,
        )

    def _readings(self, civil: datetime, length: timedelta) -> tuple[datetime, datetime]:
        """The earliest and latest UTC moment of a civil time in the layout's zone (PEP 495)."""
        if self._zone is None:
            return civil, civil + length
        first, second = _offsets(civil, self._zone)
        if first < second and length < DAY:
            raise Unusable("is a local time that the zone skipped when clocks went forward")
        end = civil + length
        return civil - max(first, second), end - min(_offsets(end, self._zone))


def span(start: Occurred, end: Occurred) -> Interval | None:
    """The interval between two moments; None where one is a bare date or the end comes first."""
    if start.earliest is None or end.latest is None:
        return None
    first, last = start.earliest, end.latest
    # Texts of one length have the order of their times.
    same = len(first) == len(last)
    if first > last if same else us_of_text(first) > us_of_text(last):
        return None
    return Interval(earliest=first, latest=last)


def _zone_of(name: str | None) -> ZoneInfo | None:
    if name is None or name in _UTC_NAMES:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Malformed("zone", "is not a zone of the IANA database of this machine") from None


def _check(day: str) -> None:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise Unusable("is not a moment of the calendar") from None


def _offsets(civil: datetime, zone: ZoneInfo) -> tuple[timedelta, timedelta]:
    """UTC offsets of the earlier and the later reading of a civil time; equal where it has one."""
    first = civil.replace(tzinfo=zone).utcoffset()
    second = civil.replace(tzinfo=zone, fold=1).utcoffset()
    assert first is not None
    assert second is not None
    return first, second


def _only_separators(text: str, start: re.Match[str], end: re.Match[str]) -> bool:
    between = (text[: start.start()], text[start.end() : end.start()], text[end.end() :])
    return all(_BETWEEN.fullmatch(piece) for piece in between)
