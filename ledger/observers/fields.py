"""What of a use can two logs be compared by? Each field as one number, and what two numbers say.

    event, protected values, performer ──Encoder──► codes ──compare──► Agreement

A field is named as a column map names it (ledger/ingest/targets.py), and so is known on both
sides. Absent, blank, masked and not shown are four things and none of them is a value: what is
not known differs from nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.ingest.targets import CHOICES, CODES, COUNTS, OBJECT, PERFORMER, TEXTS, is_target
from ledger.limits import MAX_OBSERVED_FIELDS
from ledger.observers.keys import FIRST_VALUE, Digests
from ledger.times import us_of_text

ABSENT: Final = 0  # nothing is said of it
BLANK: Final = 1  # there is a place for it, and it is empty
MASKED: Final = 2  # the source hides it
WITHHELD: Final = 3  # committed to and not shown here, or in a form that cannot be compared

TECHNOLOGY: Final = "technology"
OCCURRED: Final = "occurred"
_WINDOW: Final = "window_requested"
# Two records that differ in one of these are not one search, unless an id says that they are.
IDENTIFYING: Final = frozenset((TECHNOLOGY, *PERFORMER))
_CLEAR: Final = frozenset((TECHNOLOGY, *CODES, *CHOICES))
_COMPARED: Final = _CLEAR | {*PERFORMER, *COUNTS, *TEXTS, _WINDOW}


class Agreement(IntEnum):
    """What two codes of one field say of each other."""

    NOTHING = 0  # one of them is not known
    EQUAL = 1
    DIFFERING = 2
    MORE_THERE = 3  # the other has a value where this one has a blank, nothing or a bound
    MORE_HERE = 4
    MASKED_HERE = 5  # the other has a value where this one has a mask
    MASKED_THERE = 6


def comparable(field: str) -> bool:
    """True for a field that two logs can be compared by."""
    return field in _COMPARED or (field.startswith(OBJECT) and is_target(field))


def check_fields(fields: Sequence[str]) -> tuple[str, ...]:
    """The fields themselves. Raises Malformed where one cannot be compared, or stands twice."""
    if len(fields) > MAX_OBSERVED_FIELDS:
        raise Malformed("fields", f"more than {MAX_OBSERVED_FIELDS}")
    if not all(map(comparable, fields)) or len(set(fields)) != len(fields):
        raise Malformed("fields", "must be fields of a column map that can be compared, each once")
    return tuple(fields)


def compare(here: int, there: int, *, count: bool = False) -> Agreement:
    """What two codes of one field say; exchanging them exchanges HERE and THERE.

    Args:
        count: The field is one of COUNTS.
    """
    if here >= FIRST_VALUE and there >= FIRST_VALUE:
        if count:
            return _compare_counts(here, there)
        return Agreement.EQUAL if here == there else Agreement.DIFFERING
    if there >= FIRST_VALUE:
        return _LESS_HERE.get(here, Agreement.NOTHING)
    if here >= FIRST_VALUE:
        return _LESS_THERE.get(there, Agreement.NOTHING)
    return Agreement.NOTHING


_LESS_HERE: Final = {
    ABSENT: Agreement.MORE_THERE,
    BLANK: Agreement.MORE_THERE,
    MASKED: Agreement.MASKED_HERE,
}
_LESS_THERE: Final = {
    ABSENT: Agreement.MORE_HERE,
    BLANK: Agreement.MORE_HERE,
    MASKED: Agreement.MASKED_THERE,
}


def _compare_counts(here: int, there: int) -> Agreement:
    """Exact numbers are even codes, lower bounds odd ones: "at least 3" agrees with 5."""
    if here == there:
        return Agreement.EQUAL
    bound_here, bound_there = here & 1, there & 1
    if bound_here and bound_there:
        return Agreement.NOTHING
    if bound_here:
        return Agreement.MORE_THERE if there >> 1 >= here >> 1 else Agreement.DIFFERING
    if bound_there:
        return Agreement.MORE_HERE if here >> 1 >= there >> 1 else Agreement.DIFFERING
    return Agreement.DIFFERING


Said = tuple[
    Mapping[str, JsonValue],  # members in the clear, as an entry's event has them
    Mapping[str, JsonValue],  # protected values that are shown
    Collection[str],  # protected fields that are committed to
    Mapping[str, str] | None,  # user_id, name, badge; {"masked": …}; None: nobody is named
]
_Read = Callable[[Said], int]


class Encoder:
    """Makes the codes of records, field by field in the order given.

    Raises:
        Malformed: As check_fields.
    """

    def __init__(self, fields: Sequence[str], digests: Digests) -> None:
        self.fields, self._digests = check_fields(fields), digests
        self._readers = [self._reader(field) for field in self.fields]

    def encode(self, said: Said) -> list[int]:
        """One code a field."""
        return [read(said) for read in self._readers]

    def _reader(self, field: str) -> _Read:
        if field in COUNTS:
            return lambda said: _count(said[0].get(field))
        if field in _CLEAR:
            return lambda said: self._text(field, said[0].get(field))
        if field == _WINDOW:
            return lambda said: self._window(said[0].get(field))
        if field in PERFORMER:
            part = field.partition(".")[2]
            return lambda said: self._performer(field, part, said)
        if field.startswith(OBJECT):
            member = field.removeprefix(OBJECT)
            return lambda said: self._object(field, member, said)
        return lambda said: self._protected(field, said)

    def _text(self, field: str, value: JsonValue) -> int:
        if not isinstance(value, str):
            return ABSENT
        return self._digests.of_text(field, value) if value.strip() else BLANK

    def _value(self, field: str, value: JsonValue) -> int:
        """Of a protected value: a text, or the mark that hides it."""
        if isinstance(value, Mapping):
            return MASKED if "masked" in value else WITHHELD
        return self._text(field, value)

    def _protected(self, field: str, said: Said) -> int:
        _event, shown, committed, _who = said
        if field in shown:
            return self._value(field, shown[field])
        return WITHHELD if field in committed else ABSENT

    def _object(self, field: str, member: str, said: Said) -> int:
        _event, shown, committed, _who = said
        found = shown.get("object")
        if isinstance(found, Mapping):
            if "masked" in found:
                return MASKED
            return self._value(field, found[member]) if member in found else ABSENT
        # A text says what was searched for in words of its own.
        return WITHHELD if found or "object" in committed else ABSENT

    def _performer(self, field: str, part: str, said: Said) -> int:
        _event, _shown, committed, who = said
        if who is None:
            return WITHHELD if "performer" in committed else ABSENT
        return MASKED if "masked" in who else self._text(field, who.get(part))

    def _window(self, value: JsonValue) -> int:
        if not isinstance(value, Mapping):
            return ABSENT
        ends = [
            "" if value.get(end) is None else str(us_of_text(value[end]))
            for end in ("earliest", "latest")
        ]
        return self._digests.of_text(_WINDOW, "/".join(ends)) if any(ends) else ABSENT


def _count(value: JsonValue) -> int:
    if not isinstance(value, Mapping):
        return ABSENT
    exactly: Any = value.get("exactly")
    if exactly is not None:
        return FIRST_VALUE + 2 * int(exactly)
    at_least: Any = value.get("at_least")
    return ABSENT if at_least is None else FIRST_VALUE + 2 * int(at_least) + 1
