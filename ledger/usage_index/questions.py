"""What can be asked of the index? (sections 4 and 6)

    CountQuestion   agency A, technology T, from day to day  ──► spans ──► count, undated, …
    WholeQuestion   all of agency A in a family              ──► spans ──► total, or by group

The verifier makes the spans from its own question; the prover never chooses them. Undated,
withdrawn and unattributed uses are part of every question, so that no zero hides them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple, TypeAlias

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.limits import MAX_USAGE_RANGES
from ledger.usage_index.answers import CountAnswer, Total, total_of
from ledger.usage_index.keys import (
    FIRST_DAY,
    KEY_BYTES,
    LAST_DAY,
    NONE,
    WITHDRAWN_BIT,
    Family,
    day_of_text,
    part,
    second_part,
    slot,
    text_of_day,
)
from ledger.usage_index.spans import Span

_SIDES: Final = (0, WITHDRAWN_BIT)


class Days(NamedTuple):
    """Days from 1970-01-01, both inclusive."""

    first: int
    last: int

    def to_object(self) -> dict[str, JsonValue]:
        return {"from": text_of_day(self.first), "to": text_of_day(self.last)}

    @classmethod
    def from_object(cls, found: Mapping[str, JsonValue]) -> Days:
        """Raises Malformed: not two dates, or they are turned round."""
        first = day_of_text(found.get("from"), field="from")
        last = day_of_text(found.get("to"), field="to")
        if first > last:
            raise Malformed("to", "must not lie before from")
        return cls(first, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountQuestion:
    """How often, in these days?

    Args:
        family: What `first` and `second` are.
        first, second: Ids; None asks for what names none. `second` is None too where the
            family has no second.
        ranges: Rising and disjoint, 1 or more; twelve months fit one proof.
    Raises:
        Malformed: Another shape, or days outside the years 1..9999.
    """

    family: Family
    first: str | None
    second: str | None = None
    ranges: tuple[Days, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.ranges) <= MAX_USAGE_RANGES:
            raise Malformed("ranges", f"must be 1..{MAX_USAGE_RANGES}")
        before = FIRST_DAY - 1
        for days in self.ranges:
            if not before < days.first <= days.last <= LAST_DAY:
                raise Malformed("ranges", "must rise, be disjoint and lie in the years 1..9999")
            before = days.last
        part(self.first)
        second_part(self.family, self.second)

    def spans(self) -> list[Span]:
        """8 for one range, or 4 where there is no other second; sorted and disjoint."""
        slots = [Span(slot(None), slot(None))]
        slots += [Span(slot(days.first), slot(days.last)) for days in self.ranges]
        heads = [
            bytes((self.family | side,)) + part(self.first) + second
            for side, second in product(_SIDES, self._seconds())
        ]
        return [Span(head + first, head + last) for head, (first, last) in product(heads, slots)]

    def _seconds(self) -> list[bytes]:
        """The second parts that are asked about, in the order of their spans."""
        second = second_part(self.family, self.second)
        return sorted({second, NONE} if self.family.has_second else {second})

    def answers(self, sums: Sequence[int]) -> tuple[CountAnswer, ...]:
        """What proven sums, one a span, say about each range.

        Raises:
            WithdrawnAbovePlaced: In some span, more left than entered.
        """
        half = len(sums) // 2  # the withdrawn side follows, in the same order
        totals = [total_of(*pair) for pair in zip(sums[:half], sums[half:], strict=True)]
        width = 1 + len(self.ranges)  # the undated slot, then the ranges
        rows = [totals[start : start + width] for start in range(0, half, width)]
        by_second = dict(zip(self._seconds(), rows, strict=True))
        own = by_second.pop(second_part(self.family, self.second))
        others = list(by_second.values())
        return tuple(
            CountAnswer.of(own[i], own[0], [row[j] for row in others for j in (i, 0)])
            for i in range(1, width)
        )

    def to_object(self) -> dict[str, JsonValue]:
        """`from` and `to` for one range of days; `ranges` for more."""
        found: dict[str, JsonValue] = {
            "family": self.family.text,
            "first": self.first,
            "second": self.second,
        }
        if len(self.ranges) == 1:
            return {**found, **self.ranges[0].to_object()}
        return {**found, "ranges": [days.to_object() for days in self.ranges]}


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeQuestion:
    """All of one first id in a family, whatever the second and the day: total, or groups."""

    family: Family
    first: str | None

    def __post_init__(self) -> None:
        part(self.first)

    def spans(self) -> list[Span]:
        """The placed side, then the withdrawn side."""
        heads = [bytes((self.family | side,)) + part(self.first) for side in _SIDES]
        rest = KEY_BYTES - len(heads[0])
        return [Span(head + bytes(rest), head + b"\xff" * rest) for head in heads]

    def total(self, sums: Sequence[int]) -> Total:
        """Raises WithdrawnAbovePlaced."""
        placed, withdrawn = sums
        return total_of(placed, withdrawn)

    def to_object(self) -> dict[str, JsonValue]:
        return {"family": self.family.text, "first": self.first}


Question: TypeAlias = CountQuestion | WholeQuestion


def question_of_object(found: JsonValue) -> Question:
    """Read a question as `to_object` writes it, strictly.

    Raises:
        Malformed: Another shape, a family that is not kept, or days that are none.
    """
    if not isinstance(found, Mapping):
        raise Malformed("question", "must be an object")
    family, names = Family.of_text(found.get("family")), set(found)
    for member in names & {"first", "second"}:
        if not isinstance(found[member], str | None):
            raise Malformed(member, "must be a text or null")
    if names == {"family", "first"}:
        return WholeQuestion(family=family, first=found["first"])
    if names == {"family", "first", "second", "from", "to"}:
        ranges = [Days.from_object(found)]
    elif names == {"family", "first", "second", "ranges"}:
        ranges = _ranges(found["ranges"])
    else:
        raise Malformed("question", "must hold family, first, second, from and to")
    return CountQuestion(
        family=family, first=found["first"], second=found["second"], ranges=tuple(ranges)
    )


def _ranges(found: JsonValue) -> list[Days]:
    if not isinstance(found, list) or not 2 <= len(found) <= MAX_USAGE_RANGES:
        raise Malformed("ranges", f"must be a list of 2..{MAX_USAGE_RANGES}")
    for item in found:
        if not isinstance(item, Mapping) or set(item) != {"from", "to"}:
            raise Malformed("ranges", "must hold objects of from and to")
    return [Days.from_object(item) for item in found]
