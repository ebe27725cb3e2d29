"""Does this record match? Yes, no, or possibly, by Kleene's strong logic.

    unknown AND False = False        unknown OR True = True        NOT unknown = unknown

True and False hold however the unknown parts of the record turn out. None promises
nothing: `a = x OR a != x` is None while `a` is unknown.

Source: S. C. Kleene, Introduction to Metamathematics (1952), section 64.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final, TypeAlias, cast

from ledger.filters.expression import And, Not, Or
from ledger.filters.schema import IntegerTest, Query, TextTest, TimeTest


class OpenTexts(tuple[str, ...]):
    """Texts that are there, beside at least one that is not known."""

    __slots__ = ()


Texts: TypeAlias = tuple[str, ...] | list[str]
Interval: TypeAlias = tuple[int | None, int | None]
Fact: TypeAlias = Texts | Interval | int | None

_INTEGERS: Final[dict[str, Callable[[int, int], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(query: Query, lookup: Callable[[str], Fact]) -> bool | None:
    """Judge one record.

    A test of a text with alternatives asks for any of them; `!=` is the opposite
    of `=`, so it holds only where none of them is the value.

    Args:
        lookup: What the record says of a field, by the type the schema gave it;
            None where it says nothing. TEXT: every text that stands for the field,
            empty where the record says "none". INTEGER: the number. TIME:
            (earliest_us, latest_us), both inclusive, earliest <= latest, either
            None where that end is open or unknown.
    Returns:
        True or False where it is certain; None where the record leaves it open.
    """
    match query:
        case TextTest(name, op, wanted):
            return _text(op, wanted, cast("Texts | None", lookup(name)))
        case TimeTest(name, op, us):
            return _time(op, us, cast("Interval | None", lookup(name)))
        case IntegerTest(name, op, number):
            found = cast("int | None", lookup(name))
            return None if found is None else _INTEGERS[op](found, number)
        case And(parts):
            return _until(False, parts, lookup)
        case Or(parts):
            return _until(True, parts, lookup)
        case Not(part):
            return _not(matches(part, lookup))


def _until(decisive: bool, parts: tuple[Query, ...], lookup: Callable[[str], Fact]) -> bool | None:
    """Kleene's AND (one False decides) and OR (one True decides)."""
    verdict: bool | None = not decisive
    for part in parts:
        found = matches(part, lookup)
        if found is decisive:
            return decisive
        if found is None:
            verdict = None
    return verdict


def _not(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _both(one: bool | None, other: bool | None) -> bool | None:
    if one is False or other is False:
        return False
    return None if one is None or other is None else True


def _text(op: str, wanted: str | None, found: Texts | None) -> bool | None:
    if found is None:
        return None
    if isinstance(found, OpenTexts):
        if wanted is None:
            return op != "="
        if wanted not in found:
            return None
    equal = not found if wanted is None else wanted in found
    return equal if op == "=" else not equal


def _time(op: str, us: int, found: Interval | None) -> bool | None:
    """Microseconds are whole, so `> t` is `>= t + 1`, and each test follows from `>=`."""
    if found is None:
        return None
    if op == ">=":
        return _reached(us, found)
    if op == ">":
        return _reached(us + 1, found)
    if op == "<":
        return _not(_reached(us, found))
    if op == "<=":
        return _not(_reached(us + 1, found))
    equal = _both(_reached(us, found), _not(_reached(us + 1, found)))
    return equal if op == "=" else _not(equal)


def _reached(us: int, interval: Interval) -> bool | None:
    """Is the moment `us` or later?"""
    earliest, latest = interval
    if earliest is not None and earliest >= us:
        return True
    if latest is not None and latest < us:
        return False
    return None
