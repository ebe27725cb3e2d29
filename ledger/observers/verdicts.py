"""What does a pair say? Where the two agree, differ, and which of them says more.

pair ──Comparer──► Verdict(differing, masked here, flattened here, and the reverse) ──► kind
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ledger.observers.fields import OCCURRED, Agreement
from ledger.observers.keys import FIRST_VALUE
from ledger.observers.matching import Matching
from ledger.observers.sides import Comparer, Side
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.times import DAY_US

AGREES: Final = "matched"
DIFFERING: Final = "differing"
MASKED: Final = "masked"
FLATTENED: Final = "flattened"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Names of fields, by what the two records say of them.

    Members:
        differing: Both say something, and not the same.
        masked_here, flattened_here: Theirs says more: ours is masked; blank, absent or coarser.
        masked_there, flattened_there: Ours says more, likewise.
    """

    differing: tuple[str, ...] = ()
    masked_here: tuple[str, ...] = ()
    flattened_here: tuple[str, ...] = ()
    masked_there: tuple[str, ...] = ()
    flattened_there: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The one kind of a pair: what matters most of what is to be told of it here."""
        if self.differing:
            return DIFFERING
        if self.masked_here:
            return MASKED
        return FLATTENED if self.flattened_here else AGREES

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the kind is about."""
        return self.differing or self.masked_here or self.flattened_here

    def members(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each member that has fields, by its name."""
        for member in _MEMBERS.values():
            fields: tuple[str, ...] = getattr(self, member)
            if fields:
                yield member, fields


_AGREES: Final = Verdict()
_MEMBERS: Final = {
    Agreement.DIFFERING: "differing",
    Agreement.MASKED_HERE: "masked_here",
    Agreement.MORE_THERE: "flattened_here",
    Agreement.MASKED_THERE: "masked_there",
    Agreement.MORE_HERE: "flattened_there",
}


class Judge:
    """Judges the pairs of two sides.

    Args:
        window_us: Times that lie no further apart do not differ.

    Members:
        not_kept_here, not_kept_there: Fields that one side never says anything of: told once of
            the whole log, not again of each record.
    """

    def __init__(self, here: Side, there: Side, *, window_us: int) -> None:
        self._here, self._there, self._window_us = here, there, window_us
        self._comparer = Comparer(here, there)
        self.not_kept_here = here.never_says() if len(here) else frozenset()
        self.not_kept_there = there.never_says() if len(there) else frozenset()
        self._columns = [
            (field, mine, theirs)
            for field, mine, theirs in zip(here.fields, here.columns, there.columns, strict=True)
        ]

    def judge(self, here: int, there: int) -> Verdict:
        """What a pair says."""
        if self._plainly_agrees(here, there):
            return _AGREES
        found: dict[str, list[str]] = {}
        time = self._time(here, there)
        if time is not None:
            found[time] = [OCCURRED]
        agreements = self._comparer.agreements(here, there)
        for field, said in zip(self._here.fields, agreements, strict=True):
            member = _MEMBERS.get(said)
            if member is None or self._told_of_all(field, said):
                continue
            found.setdefault(member, []).append(field)
        return Verdict(**{member: tuple(fields) for member, fields in found.items()})

    def _plainly_agrees(self, here: int, there: int) -> bool:
        """Most pairs say the same, value by value."""
        mine, theirs = self._here, self._there
        start = mine.earliest_us[here]
        if start != theirs.earliest_us[there] or start == OPEN_EARLIEST:
            return False
        if mine.latest_us[here] != theirs.latest_us[there]:
            return False
        return all(one[here] == other[there] for _field, one, other in self._columns)

    def _told_of_all(self, field: str, said: Agreement) -> bool:
        if said is Agreement.MORE_THERE:
            return field in self.not_kept_here
        return said is Agreement.MORE_HERE and field in self.not_kept_there

    def _time(self, here: int, there: int) -> str | None:
        if self._comparer.gap_us(here, there) > self._window_us:
            return "differing"
        vague = [_vague(self._here, here), _vague(self._there, there)]
        if vague[0] == vague[1]:
            return None
        return "flattened_here" if vague[0] else "flattened_there"

    def only_one_keeps(self) -> tuple[dict[str, int], dict[str, int]]:
        """Fields that one side never says anything of, and how many records of the other do.

        Returns:
            Those not kept here, and those not kept there.
        """
        sides = (self._here, self._there)
        found = []
        for missing, other in ((self.not_kept_here, sides[1]), (self.not_kept_there, sides[0])):
            counts = {
                field: sum(code >= FIRST_VALUE for code in column)
                for field, column in zip(other.fields, other.columns, strict=True)
                if field in missing
            }
            found.append({field: n for field, n in counts.items() if n})
        return found[0], found[1]


def _vague(side: Side, number: int) -> bool:
    """True where a time has an open end, or is longer than a day."""
    earliest, latest = side.earliest_us[number], side.latest_us[number]
    return earliest == OPEN_EARLIEST or latest == OPEN_LATEST or latest - earliest > DAY_US


def judge_pairs(matching: Matching, judge: Judge) -> Iterator[tuple[int, int, Verdict]]:
    """Every pair with its verdict, by the number here."""
    for here, there in matching.pairs():
        yield here, there, judge.judge(here, there)
