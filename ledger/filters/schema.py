"""Does the filter fit the records? Field names and types, and values read by their type.

    Compare("occurred", ">=", 2020-02-21) ──check──► TimeTest("occurred", ">=", 1582243200000000)

| type    | comparators       | values                                                  |
|---------|-------------------|---------------------------------------------------------|
| TEXT    | `=` `!=` `:`      | text; bare `none`: the record says none; `:*`: has some |
| TIME    | `=` `!=` `<` to `>=` | RFC 3339; a date is its whole UTC day, not for `=` `!=` |
| INTEGER | `=` `!=` `<` to `>=` | decimal digits, perhaps with a minus                 |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias

from ledger.errors import Malformed
from ledger.filters.expression import And, Compare, Expr, FilterMalformed, Not, Or, Tree, Value
from ledger.limits import MAX_CODE_CHARS, MAX_COUNT
from ledger.times import DAY_US, us_of_date, us_of_text

Order: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]

_INTEGER: Final = re.compile(r"-?[0-9]{1,16}")
_DATE_CHARS: Final = 10


class FieldType(Enum):
    """How the values of a field are read and compared."""

    TEXT = "text"
    TIME = "time"
    INTEGER = "integer"


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields that a filter may name, dotted where they nest."""

    fields: Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class TextTest:
    """Is one of the field's texts this one? `value` None asks whether it has none at all."""

    field: str
    op: Literal["=", "!="]
    value: str | None


@dataclass(frozen=True, slots=True)
class TimeTest:
    """Where does the field's moment lie? `value` is microseconds from 1970, UTC."""

    field: str
    op: Order
    value: int


@dataclass(frozen=True, slots=True)
class IntegerTest:
    """How large is the field's number? `value` lies within ±MAX_COUNT."""

    field: str
    op: Order
    value: int


Test: TypeAlias = TextTest | TimeTest | IntegerTest
Query: TypeAlias = Tree[Test]


def check(expr: Expr, schema: Schema) -> Query:
    """Read every comparison by the type of its field.

    `:` is gone afterwards: `f:x` became `f = x`, and `f:*` became `f != none`.

    Returns:
        The same tree with a Test for each Compare.
    Raises:
        FilterMalformed: An unknown field (with those allowed), a comparator that
            the type has not, or a value that is none of the type's.
    """
    match expr:
        case Compare():
            return _test(expr, schema)
        case Not(part):
            return Not(check(part, schema))
        case And(parts):
            return And(tuple(check(part, schema) for part in parts))
        case Or(parts):
            return Or(tuple(check(part, schema) for part in parts))


def _test(compare: Compare, schema: Schema) -> Test:
    kind = schema.fields.get(compare.field)
    if kind is None:
        allowed = tuple(sorted(schema.fields))
        raise FilterMalformed(
            f"no field {compare.field[:MAX_CODE_CHARS]}; there are {', '.join(allowed)}",
            position=compare.at,
            allowed=allowed,
        )
    if kind is FieldType.TEXT:
        return _text_test(compare)
    if compare.op == ":":
        raise FilterMalformed(
            f"{compare.field} is of type {kind.value}: use = != < <= > >=", position=compare.at
        )
    if kind is FieldType.TIME:
        return TimeTest(compare.field, compare.op, _time(compare.op, compare.value))
    return IntegerTest(compare.field, compare.op, _integer(compare.value))


def _text_test(compare: Compare) -> TextTest:
    name, value = compare.field, compare.value
    if compare.op not in ("=", "!=", ":"):
        raise FilterMalformed(f"{name} is of type text: use = != :", position=compare.at)
    if value == Value("*", quoted=False):
        if compare.op != ":":
            raise FilterMalformed(f"for any value write {name}:*", position=value.at)
        return TextTest(name, "!=", None)
    wanted = None if value == Value("none", quoted=False) else value.text
    return TextTest(name, "!=" if compare.op == "!=" else "=", wanted)


def _time(op: Order, value: Value) -> int:
    """Microseconds; a bare date stands for its whole day, or `<=` would lose most of it."""
    try:
        if len(value.text) != _DATE_CHARS:
            return us_of_text(value.text)
        midnight = us_of_date(value.text)
    except Malformed as error:
        raise FilterMalformed(f"the value {error.reason}", position=value.at) from None
    if op in ("=", "!="):
        raise FilterMalformed("a day is not a moment: use >= and <", position=value.at)
    return midnight + DAY_US - 1 if op in ("<=", ">") else midnight


def _integer(value: Value) -> int:
    if _INTEGER.fullmatch(value.text) and abs(number := int(value.text)) <= MAX_COUNT:
        return number
    raise FilterMalformed(f"the value must be an integer within ±{MAX_COUNT}", position=value.at)
