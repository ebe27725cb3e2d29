"""What does this JSON say, and where could two readers disagree? One bad item loses no other.

    bytes ──read_loosely──► value, with an Unclear wherever what stands there cannot be trusted

`canonical_json.decode` refuses a text whole. A batch of strangers' events is read by this
instead, and whoever reads an item refuses the Unclear where it finds one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ledger.canonical_json import MAX_INTEGER, JsonValue, check_shape
from ledger.errors import Malformed


@dataclass(frozen=True, slots=True)
class Unclear:
    """Stands in place of a value, and says what is wrong with it; never what it was."""

    reason: str


FRACTION: Final = Unclear("fractions and exponents are not used")
TOO_LARGE: Final = Unclear("an integer lies beyond 2**53-1")
DOUBLED: Final = Unclear("a name stands twice in one object")
HALVES: Final = Unclear("holds half of a surrogate pair")


def read_loosely(data: bytes, *, what: str) -> JsonValue:
    """The value that JSON in UTF-8 stands for.

    Raises:
        Malformed: Not JSON, nested deeper than MAX_JSON_DEPTH, or of more than MAX_JSON_VALUES.
    """
    check_shape(data, what=what)
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            parse_int=_integer,
            parse_float=lambda _text: FRACTION,
            parse_constant=lambda _text: FRACTION,
            object_pairs_hook=_members,
        )
    except (UnicodeError, json.JSONDecodeError):
        raise Malformed(what, "is not JSON in UTF-8") from None
    # Only an escape can spell half of a pair, and hardly any text has one.
    return _whole_pairs(value) if "\\u" in text and _has_halves(value) else value


def clear(value: JsonValue, field: str, *, max_depth: int) -> JsonValue:
    """The value, if nothing in it is unclear.

    Raises:
        Malformed: Something is, or it is nested deeper than `max_depth`.
    """
    if isinstance(value, Unclear):
        raise Malformed(field, value.reason)
    if isinstance(value, dict | list):
        if not max_depth:
            raise Malformed(field, "is nested too deep")
        for inner in value.values() if isinstance(value, dict) else value:
            clear(inner, field, max_depth=max_depth - 1)
    return value


def _integer(text: str) -> int | Unclear:
    if len(text) > 17 or abs(int(text)) > MAX_INTEGER or text == "-0":
        return TOO_LARGE
    return int(text)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Unclear:
    found = dict(pairs)
    return found if len(found) == len(pairs) else DOUBLED


def _has_halves(value: JsonValue) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, default=lambda _unclear: None).encode()
    except UnicodeEncodeError:
        return True
    return False


def _whole_pairs(value: JsonValue) -> JsonValue:
    """The value, with an Unclear for each text that no UTF-8 can hold. As deep as was read."""
    if isinstance(value, str):
        return HALVES if _has_halves(value) else value
    if isinstance(value, list):
        return [_whole_pairs(item) for item in value]
    if isinstance(value, dict):
        if any(_has_halves(name) for name in value):
            return HALVES
        return {name: _whole_pairs(item) for name, item in value.items()}
    return value
