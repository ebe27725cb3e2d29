"""What does one member of a use's document say? One small reader a kind of value.

    (JSON value, field) ──read──► member of a command, or Malformed by that field

Each takes the protobuf JSON mapping of its message, and the short spelling that people write by
hand: `"live"` for `"CAPTURE_LIVE"`, `3` for `{"exactly": "3"}`, a text for an instant. A null is
a value that is not known; whoever calls leaves it out before it comes here.

Source: protobuf.dev/programming-guides/json.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn, TypeAlias

from ledger.errors import Malformed
from ledger.events import Count
from ledger.ingest.loose_json import Unclear
from ledger.limits import MAX_COUNT
from ledger.times import text_of_timestamp, us_of_text

Reader: TypeAlias = Callable[[Any, str], Any]
_NUMBER: Final = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_SHOWN: Final = re.compile(r"[A-Za-z_]{1,40}", re.ASCII)  # a name of ours with a typing error


def camel(name: str) -> str:
    """`source_event_id` as protobuf's JSON writes it: `sourceEventId`."""
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def both_spellings(names: Sequence[str]) -> dict[str, str]:
    """Either spelling of each name, to the name."""
    return {spelling: name for name in names for spelling in (name, camel(name))}


def members_of(value: Any, field: str, spellings: Mapping[str, str]) -> dict[str, Any]:
    """The members of an object by their names, without those that are null.

    Raises:
        Malformed: It is no object, has a member that is none of these, or one in two spellings.
    """
    if not isinstance(value, dict):
        refuse(value, field, "an object")
    found: dict[str, Any] = {}
    for spelling, item in value.items():
        name = spellings.get(spelling)
        if name is None:
            raise Malformed(field, f"has a member{shown(spelling)} that is not known here")
        if name in found:
            raise Malformed(field, f"has {name} in two spellings")
        found[name] = item
    return {name: item for name, item in found.items() if item is not None}


def shown(name: str) -> str:
    """A blank and the name, if it looks like a field's and not like somebody's data."""
    return f" {name}" if _SHOWN.fullmatch(name) else ""


def refuse(value: Any, field: str, wanted: str) -> NoReturn:
    """Raises Malformed: what stands there is not what is wanted."""
    reason = value.reason if isinstance(value, Unclear) else f"must be {wanted}"
    raise Malformed(field, reason)


def text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        refuse(value, field, "a text")
    return value


def known_text(value: Any, field: str) -> str | None:
    """A text in the clear; blank is protobuf's way of not saying anything."""
    return text(value, field) or None


def texts(value: Any, field: str) -> list[str]:
    if not isinstance(value, list):
        refuse(value, field, "a list of texts")
    return [text(item, field) for item in value]


def flag(value: Any, field: str) -> bool:
    if not isinstance(value, bool):
        refuse(value, field, "true or false")
    return value


def number(value: Any, field: str) -> int:
    """A whole number, or its digits as a text: protobuf's JSON writes 64 bits so."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(value, field, "a whole number")
    if abs(value) > MAX_COUNT:
        raise Malformed(field, f"must lie within {MAX_COUNT} of 0")
    return value


def choice(words: Sequence[str], prefix: str) -> Reader:
    """A reader of `live`, `CAPTURE_LIVE` or its number; the zero of each is "not said"."""
    names: dict[str, str | None] = {f"{prefix}_UNSPECIFIED": None}
    for word in words:
        names[word] = names[f"{prefix}_{word.upper()}"] = word
    numbered: list[str | None] = [None, *words]

    def read(value: Any, field: str) -> str | None:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(numbered):
            return numbered[value]
        if not isinstance(value, str) or value not in names:
            refuse(value, field, f"one of {', '.join(words)}")
        return names[value]

    return read


def count(value: Any, field: str) -> Count:
    """`{"exactly": 3}`, `{"at_least": 1}`, or a number that is exact."""
    if not isinstance(value, dict):
        return Count(exactly=number(value, field))
    found = members_of(value, field, _COUNT)
    return Count(**{name: number(item, field) for name, item in found.items()})


def moment(value: Any, field: str) -> str:
    """An RFC 3339 time with its zone, as UTC to the nanosecond."""
    said = text(value, field)
    seconds, _ = divmod(us_of_text(said, field=field), 1_000_000)
    fraction = re.search(r"\.(\d+)", said)
    nanos = int(fraction[1].ljust(9, "0")) if fraction else 0
    return text_of_timestamp(seconds, nanos, field=field)


_COUNT: Final = both_spellings(("exactly", "at_least"))
