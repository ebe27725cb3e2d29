"""How do vendors spell a time? Formats as regular expressions, and their matches as numbers.

    "%m/%d/%Y, %I:%M:%S %p" ──pattern_of──► regex ──civil_time──► date, clock, what stays open

Our own reading of strptime's directives: faster, the same in every locale, and it keeps
fractions of any length. Every format takes a zone at its end.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ledger.errors import Malformed

MOMENT: Final = timedelta(0)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
_MONTHS: Final = (
    *("jan", "feb", "mar", "apr", "may", "jun"),
    *("jul", "aug", "sep", "oct", "nov", "dec"),
)
_DIRECTIVES: Final = {
    "%Y": r"(?P<Y>\d{4})",
    "%m": r"(?P<m>\d\d?)",
    "%b": rf"(?P<b>{'|'.join(_MONTHS)})",
    "%d": r"(?P<d>\d\d?)",
    "%H": r"(?P<H>\d\d?)",
    "%I": r"(?P<I>\d\d?)",
    "%M": r"(?P<M>\d\d)",
    "%S": r"(?P<S>\d\d)(?:[.,](?P<f>\d{1,9}))?",
    "%p": r"(?P<p>[ap])\.?m\.?",
}
_ZONE: Final = r"(?: ?(?P<zone>UTC|GMT|Z|[+-]\d\d(?::?\d\d)?)(?![\w:-]))?"


class Unusable(Exception):
    """A cell cannot be read: why, never what it says. Stays inside ledger.ingest."""


def pattern_of(text: str) -> re.Pattern[str]:
    """A format as a regular expression that takes an optional zone at its end.

    Raises:
        Malformed: An unknown directive, one that stands twice, or no whole date and clock.
    """
    pieces = re.split(r"(%.?)", " ".join(text.split()))
    for piece in pieces[1::2]:
        if piece not in _DIRECTIVES or pieces.count(piece) > 1:
            allowed = " ".join(_DIRECTIVES)
            raise Malformed("times", f"{piece} twice, or not one of the directives {allowed}")
    used = {piece[1] for piece in pieces[1::2]}
    hour = {"H"} if "H" in used else {"I", "p"}
    clock = used & set("HIMSp")
    if (used & set("Ymbd")) not in ({"Y", "m", "d"}, {"Y", "b", "d"}) or (
        clock and clock - {"S"} != hour | {"M"}
    ):
        raise Malformed("times", f"{text!r} must hold a whole date, and hour and minute or neither")
    body = "".join(_DIRECTIVES.get(piece) or re.escape(piece) for piece in pieces)
    return re.compile(rf"(?<!\d){body}(?!\d){_ZONE}", re.IGNORECASE | re.ASCII)


def civil_time(parts: dict[str, str | None]) -> tuple[datetime, timedelta, str]:
    """A match as civil time to the second, the length it leaves open, and its fraction's text.

    Raises:
        Unusable: The calendar or the clock does not have it.
    """
    get = parts.get
    name, half = get("b"), get("p")
    month = _MONTHS.index(name.lower()) + 1 if name else int(get("m") or 0)
    hour = int(get("H") or get("I") or 0)
    if half:
        if not 1 <= hour <= 12:
            raise Unusable("has an hour that a 12-hour clock does not")
        hour = hour % 12 + (12 if half in "pP" else 0)
    minute, second = get("M"), get("S")
    year, day = int(get("Y") or 0), int(get("d") or 0)
    try:
        civil = datetime(year, month, day, hour, int(minute or 0), int(second or 0))
    except ValueError:
        raise Unusable("is not a moment of the calendar") from None
    if second is None:
        return civil, DAY if minute is None else MINUTE, ""
    digits = get("f")
    # Digits in threes, as entries write them: what the source gave, and zeros.
    return civil, MOMENT, "." + digits.ljust(-(-len(digits) // 3) * 3, "0") if digits else ""


def offset_of(zone: str) -> timedelta:
    """How far a zone, as a cell wrote it, lies east of UTC. Raises Unusable beyond a day."""
    if zone[0] not in "+-":
        return MOMENT
    hours, minutes = int(zone[1:3]), int(zone[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        raise Unusable("has an offset that no zone has")
    return (1 if zone[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes)
