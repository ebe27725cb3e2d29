"""Which use is which sighting? Every record of both sides ends in exactly one class.

here, there ──by id──► ──by time──► pairs ──verdicts.py──► agrees, differing, masked, flattened
                                └── who has none: missing, repeated, unclear, unplaced
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from ledger.errors import Malformed
from ledger.limits import MAX_MATCH_WINDOW_S
from ledger.observers.by_id import REPEATED, Partners, match_by_id
from ledger.observers.by_time import match_by_time
from ledger.observers.sides import Side


class Standing(IntEnum):
    """What became of one record."""

    PAIRED = 0
    MISSING = 1  # the other side does not have it
    REPEATED = 2  # another record of its side goes by the same id
    UNCLEAR = 3  # so many of the other side are near in time that none could be named
    UNPLACED = 4  # the other side does not have it, and it may lie outside what is compared


@dataclass(frozen=True, slots=True)
class Matching:
    """Two sides, matched.

    Members:
        here_of, there_of: Partner's number of each record, where it is PAIRED.
        here, there: A Standing of each record.
        doubted_here, doubted_there: Missing records in whose place an equal one was paired.
    """

    here_of: array[int]
    there_of: array[int]
    here: bytearray
    there: bytearray
    doubted_here: frozenset[int]
    doubted_there: frozenset[int]

    def pairs(self) -> Iterator[tuple[int, int]]:
        """(here, there) of each pair, by the number here."""
        for number, standing in enumerate(self.here):
            if standing == Standing.PAIRED:
                yield number, self.there_of[number]

    def numbers(self, side: bytearray, standing: Standing) -> Iterator[int]:
        """The records of a side (`here` or `there`) that ended so."""
        return (number for number, found in enumerate(side) if found == standing)


def match(here: Side, there: Side, *, window_us: int) -> Matching:
    """Match two sides one to one.

    Args:
        here, there: With the same fields, encoded under one key.
        window_us: How far apart two times of one search may lie, 0..MAX_MATCH_WINDOW_S.
    Raises:
        Malformed: The window.
    """
    if not 0 <= window_us <= MAX_MATCH_WINDOW_S * 1_000_000:
        raise Malformed("window", f"must lie in 0..{MAX_MATCH_WINDOW_S} s")
    partners = Partners(here, there)
    match_by_id(here, there, partners)
    doubts = match_by_time(here, there, partners, window_us)
    ours = _standings(here, partners.here, doubts.crowded_here)
    others = _standings(there, partners.there, doubts.crowded_there)
    return Matching(
        here_of=partners.there,
        there_of=partners.here,
        here=ours,
        there=others,
        doubted_here=frozenset(n for n in doubts.here if ours[n] == Standing.MISSING),
        doubted_there=frozenset(n for n in doubts.there if others[n] == Standing.MISSING),
    )


def _standings(side: Side, partners: array[int], crowded: set[int]) -> bytearray:
    found = bytearray(len(side))
    for number, partner in enumerate(partners):
        if partner >= 0:
            continue
        if partner == REPEATED:
            found[number] = Standing.REPEATED
        elif side.optional[number]:
            found[number] = Standing.UNPLACED
        else:
            found[number] = Standing.UNCLEAR if number in crowded else Standing.MISSING
    return found
