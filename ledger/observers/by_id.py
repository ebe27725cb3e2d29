"""Which records go by one id? Each id stands for one search, whoever tells of it.

    ids of both sides, in order ──► one record a side ──► a pair; the others repeat it

Where several records of a side share an id (files overlap, two sources told of one search), the
one that says most stands for it, and the rest are repetitions: they are not missed anywhere.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from ledger.observers.sides import Side

FREE = -1
REPEATED = -2


class Partners:
    """Who has whom: for each record of each side a number of the other, FREE or REPEATED."""

    __slots__ = ("here", "there")

    def __init__(self, here: Side, there: Side) -> None:
        self.here = array("l", [FREE]) * len(here)
        self.there = array("l", [FREE]) * len(there)

    def join(self, here: int, there: int) -> None:
        self.here[here], self.there[there] = there, here


def match_by_id(here: Side, there: Side, partners: Partners) -> None:
    """Pair what goes by the same id, one to one."""
    mine, theirs = _groups(here), _groups(there)
    one, other = next(mine, None), next(theirs, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            _stand_for(here, one[1], partners.here)
            one = next(mine, None)
        elif one is None or other[0] < one[0]:
            _stand_for(there, other[1], partners.there)
            other = next(theirs, None)
        else:
            first = _stand_for(here, one[1], partners.here)
            second = _stand_for(there, other[1], partners.there)
            _join(partners, first, second)
            one, other = next(mine, None), next(theirs, None)


def _groups(side: Side) -> Iterator[tuple[int, list[int]]]:
    """Each id, in rising order, and whose it is."""
    ids, owners = side.ids, side.owners
    order = array("L", sorted(range(len(ids)), key=ids.__getitem__))
    start, end = 0, len(order)
    while start < end:
        digest, stop = ids[order[start]], start + 1
        while stop < end and ids[order[stop]] == digest:
            stop += 1
        yield digest, [owners[order[at]] for at in range(start, stop)]
        start = stop


def _stand_for(side: Side, owners: list[int], partners: array[int]) -> int:
    """The record that stands for an id; the others that are free become repetitions."""
    if len(owners) == 1:
        return owners[0]
    owners = sorted(set(owners))
    paired = [number for number in owners if partners[number] >= 0]
    free = [number for number in owners if partners[number] == FREE]
    best = (paired or free or owners)[0]
    if not paired and len(free) > 1:
        # A record in scope stands before one that need not be matched.
        best = min(
            free,
            key=lambda number: (
                side.optional[number],
                -side.known(number),
                side.order_key(number),
                number,
            ),
        )
    for number in free:
        if number != best:
            partners[number] = REPEATED
    return best


def _join(partners: Partners, here: int, there: int) -> None:
    mine, theirs = partners.here[here], partners.there[there]
    if mine == FREE and theirs == FREE:
        partners.join(here, there)
    elif mine >= 0 and theirs == FREE:  # known by another id already
        partners.there[there] = REPEATED
    elif theirs >= 0 and mine == FREE:
        partners.here[here] = REPEATED
