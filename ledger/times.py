"""When, exactly? RFC 3339 UTC texts, and the microseconds that databases sort by.

An entry keeps a time as its text, with the precision the source gave; views keep
microseconds from 1970 as a 64-bit integer. Years 1..9999. No clock is read here.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ledger.errors import Malformed

_EPOCH: Final = datetime(1970, 1, 1)  # UTC is meant throughout; without a zone it is faster
MIN_US: Final = -62_135_596_800_000_000  # 0001-01-01T00:00:00Z
MAX_US: Final = 253_402_300_799_999_999  # 9999-12-31T23:59:59.999999Z
DAY_US: Final = 86_400_000_000

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
)
_UTC_TEXT: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(?:\d{3}|\d{6}|\d{9}))?Z", re.ASCII
)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def text_of_us(us: int) -> str:
    """RFC 3339 UTC with 0, 3 or 6 fraction digits, the fewest that lose nothing."""
    seconds, fraction_us = divmod(us, 1_000_000)
    return _whole(seconds) + _fraction(fraction_us) + "Z"


def _whole(seconds: int) -> str:
    return (_EPOCH + timedelta(0, seconds)).isoformat()


def _fraction(fraction_us: int) -> str:
    if not fraction_us:
        return ""
    if fraction_us % 1000:
        return f".{fraction_us:06d}"
    return f".{fraction_us // 1000:03d}"


def text_of_timestamp(seconds: int, nanos: int, *, field: str) -> str:
    """A protobuf Timestamp as text; nanoseconds are kept where there are any.

    Raises:
        Malformed: Nanoseconds outside 0..999,999,999, or a year outside 1..9999.
    """
    if not 0 <= nanos <= 999_999_999:
        raise Malformed(field, "nanos must lie in 0..999999999")
    if not MIN_US <= seconds * 1_000_000 <= MAX_US:
        raise Malformed(field, "the year must lie in 1..9999")
    fraction = f".{nanos:09d}" if nanos % 1000 else _fraction(nanos // 1000)
    return f"{_whole(seconds)}{fraction}Z"


@lru_cache(maxsize=16)  # what one request reports is recorded at one moment
def full_text_of_us(us: int) -> str:
    """RFC 3339 UTC with all six digits: the form of `recorded_at`."""
    seconds, fraction_us = divmod(us, 1_000_000)
    return f"{_whole(seconds)}.{fraction_us:06d}Z"


def us_of_text(text: str, *, field: str = "time") -> int:
    """Microseconds from 1970 of any RFC 3339 time; digits below them are cut.

    Raises:
        Malformed: Not RFC 3339, not a real moment, or its UTC year lies outside 1..9999.
    """
    match = _RFC3339.fullmatch(text) if text.isascii() else None
    if match is None:
        raise Malformed(field, "must be an RFC 3339 time with a zone")
    fraction, zone = match.groups()
    try:
        if text[11:13] == "24":  # which Python reads as the next day from 3.13 on
            raise ValueError
        since = datetime.fromisoformat(text[:19]) - _EPOCH
        us = (since.days * 86_400 + since.seconds) * 1_000_000
        if fraction:
            us += int(fraction.ljust(9, "0")[:6])
        if zone not in "Zz":
            hours, minutes = int(zone[1:3]), int(zone[4:6])
            if hours > 23 or minutes > 59:
                raise ValueError
            us -= (1 if zone[0] == "+" else -1) * (hours * 3600 + minutes * 60) * 1_000_000
    except ValueError:
        raise Malformed(field, "is not a moment of the calendar") from None
    if not MIN_US <= us <= MAX_US:
        raise Malformed(field, "the year must lie in 1..9999")
    return us


def is_utc_text(text: str) -> bool:
    """True where `text` has the one form that entries use."""
    return _UTC_TEXT.fullmatch(text) is not None


def us_of_date(text: str, *, field: str = "date") -> int:
    """Midnight UTC at the start of an ISO date.

    Raises:
        Malformed: Not `YYYY-MM-DD`, or no such day.
    """
    if not (text.isascii() and _DATE.fullmatch(text)):
        raise Malformed(field, "must be a date, YYYY-MM-DD")
    return us_of_text(f"{text}T00:00:00Z", field=field)
