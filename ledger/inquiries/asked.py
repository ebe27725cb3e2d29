"""What exactly is asked? A number of the table, parameters by their types, and a tree size.

    {"question": 5, "agency": "agencies/a", "from": "2020-01-01"} ──Asked.ask──► Asked

Days are UTC days, unless a zone is named: then they are days of people there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed, Unverifiable
from ledger.events.observers import DISCREPANCIES
from ledger.inquiries.asker import After
from ledger.limits import DEFAULT_PAGE_SIZE, MAX_ANSWER_USES, MAX_CODE_CHARS, MAX_NAME_CHARS
from ledger.projections.aggregates import GROUP_KEYS
from ledger.rules.pack_files import SEVERITIES
from ledger.streams import check_id
from ledger.times import DAY_US, MAX_US, MIN_US, us_of_date

# Name to how its value is read.
NAMED: Final = {
    "agency": "agencies",
    "technology": "technologies",
    "statement": "statements",
}
TEXTS: Final = (
    *("performer", "unit", "case_number", "observer", "zone", "by", "and_by", "after"),
    *("code", "pack", "severity", "form"),
)
DAYS: Final = ("from", "to")
NUMBERS: Final = {
    "year": (1, 9999),
    "hours": (0, 87_600),
    "limit": (1, MAX_ANSWER_USES),
}
CHOICES: Final = {
    "by": GROUP_KEYS,
    "and_by": GROUP_KEYS,
    "kind": DISCREPANCIES,
    "severity": SEVERITIES,
    "form": ("annual", "piidpa", "eu-26-10"),
}


class ZoneDataMissing(Unverifiable):
    """This machine knows no time zones, so local days cannot be told."""

    def __init__(self, zone: str) -> None:
        super().__init__(
            f"this machine has no time zone data, so days of {zone} cannot be told:"
            " install the operating system's tzdata, or ask in UTC days"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, ready to be answered.

    Members:
        question: Its number in the table, 1..27; FINDINGS (table.py) asks what the rules find.
        tree_size: Entries the answer speaks of.
        parameters: As checked; what is absent is not bounded.
    """

    question: int
    tree_size: int
    parameters: Mapping[str, JsonValue]

    @classmethod
    def ask(
        cls, question: int, tree_size: int, given: Mapping[str, Any], allowed: Mapping[str, bool]
    ) -> Asked:
        """Check a question.

        Args:
            given: Parameter to value.
            allowed: The parameters that this question has, and whether it needs them.
        Raises:
            Malformed: One is unknown, missing or of another type.
            ZoneDataMissing: This machine knows no zones.
        """
        for name in given:
            if name not in allowed:
                known = ", ".join(allowed) or "none"
                raise Malformed(name, f"is no parameter of question {question}, which has {known}")
        for name, needed in allowed.items():
            if needed and name not in given:
                raise Malformed(name, f"is needed for question {question}")
        read = {name: _read(name, value) for name, value in sorted(given.items())}
        asked = cls(question, tree_size, read)
        first, last = asked.period_us()
        if first is not None and last is not None and last < first:
            raise Malformed("to", "lies before from")
        return asked

    def text(self, name: str) -> str | None:
        """A parameter that is a text, if it is given."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        """A parameter that is a number, if it is given."""
        value = self.parameters.get(name)
        return value if type(value) is int else None

    @property
    def limit(self) -> int:
        """How many uses, findings or differences are listed."""
        return self.number("limit") or DEFAULT_PAGE_SIZE

    @property
    def after(self) -> After | None:
        """Where the page before ended; None for the first."""
        text = self.text("after")
        return None if text is None else _read_after(text)

    def without(self, *names: str) -> Asked:
        """The same question, less narrow."""
        kept = {name: value for name, value in self.parameters.items() if name not in names}
        return Asked(self.question, self.tree_size, kept)

    def period_us(self) -> tuple[int | None, int | None]:
        """First and last microsecond of the days asked about, inclusive; None where open."""
        first, last = self.text("from"), self.text("to")
        year = self.number("year")
        if year is not None:
            first, last = first or f"{year:04d}-01-01", last or f"{year:04d}-12-31"
        zone = _zone(self.text("zone"))
        return (
            None if first is None else _midnight_us(us_of_date(first), zone),
            None if last is None else _midnight_us(us_of_date(last) + DAY_US, zone) - 1,
        )

    def to_object(self) -> dict[str, JsonValue]:
        return {
            "inquiry": self.question,
            "parameters": dict(self.parameters),
            "tree_size": self.tree_size,
        }


def _read(name: str, value: Any) -> JsonValue:
    if name in NUMBERS:
        least, most = NUMBERS[name]
        if type(value) is not int or not least <= value <= most:
            raise Malformed(name, f"must be a whole number of {least}..{most}")
        return value
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARS:
        raise Malformed(name, f"must be a text of 1..{MAX_NAME_CHARS} characters")
    if name in NAMED:
        return check_id(value, NAMED[name], field=name)
    if name in DAYS:
        us_of_date(value, field=name)
    elif name == "zone":
        _zone(value)
    elif name == "after":
        _read_after(value)
    elif name in CHOICES:
        if value not in CHOICES[name]:
            raise Malformed(name, f"must be one of {', '.join(CHOICES[name])}")
    elif len(value) > MAX_CODE_CHARS and name == "unit":
        raise Malformed(name, f"must have 1 to {MAX_CODE_CHARS} characters")
    return value


def text_of_after(after: After) -> str:
    """A place in a list as a parameter holds it."""
    return "/".join(map(str, after))


def _read_after(text: str) -> After:
    parts = text.split("/")
    if len(parts) == len(After._fields):
        try:
            found = After(*map(int, parts))
        except ValueError:
            pass
        else:
            if text_of_after(found) == text:
                return found
    raise Malformed("after", "must be the `next` of an answer")


def _zone(name: str | None) -> ZoneInfo | timezone:
    if name is None:
        return timezone(timedelta(0))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not available_timezones():
            raise ZoneDataMissing(name) from None
        raise Malformed("zone", "must be an IANA name, such as America/Halifax") from None


def _midnight_us(utc_us: int, zone: ZoneInfo | timezone) -> int:
    """The moment in UTC at which a civil day begins in a zone, as far as years have four digits.

    Args:
        utc_us: Midnight of that day in UTC.
    """
    try:
        civil = datetime(1970, 1, 1) + timedelta(microseconds=utc_us)
        offset = civil.replace(tzinfo=zone).utcoffset() or timedelta(0)
    except OverflowError:
        offset = timedelta(0)
    return min(max(utc_us - int(offset / timedelta(microseconds=1)), MIN_US), MAX_US + 1)
