"""Which records that share no id are one search? Those that fit, the closest in time first.

    free records ──the same in all──► pairs ──ring after ring of time──► candidates ──► pairs

1  Records that say the same, time included, are paired as far as they go on both sides.
2  Of all others within the window, the closest in time are paired first; of those equally close,
   those of which fewest fields differ, then those of which most are equal. An identifying field
   that differs, or more fields that differ than agree, rules a pair out (Comparer.fit).

Time comes first, so rings of growing distance one after another give what one long list of all
candidates would, in the memory of one ring. Every rule reads the same from either side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from ledger.limits import MAX_MATCH_CANDIDATES, MAX_MATCH_NEIGHBOURS
from ledger.observers.by_id import FREE, Partners
from ledger.observers.neighbours import Counts, Frees, free_by_time, near_crowded
from ledger.observers.sides import Comparer, Side

_SECOND_US: Final = 1_000_000
_FINEST_US: Final = 1_000  # a ring is not divided further
_BITS: Final = 32  # of a record's number, and of each part of a rank


class Doubts:
    """Free records of which more cannot be said.

    Members:
        here, there: Another, just as good, was paired in its place: which of them is not known.
        crowded_here, crowded_there: So many are near in time that none could be named.
    """

    __slots__ = ("crowded_here", "crowded_there", "here", "there")

    def __init__(self) -> None:
        self.here: set[int] = set()
        self.there: set[int] = set()
        self.crowded_here: set[int] = set()
        self.crowded_there: set[int] = set()


def match_by_time(here: Side, there: Side, partners: Partners, window_us: int) -> Doubts:
    """Pair what is free on both sides and fits.

    Args:
        window_us: How far apart two times may lie, 0 or more.
    Returns:
        What cannot be said of some of the records that it met; those still free matter.
    """
    doubts = Doubts()
    _pair_identical(here, there, partners, doubts)
    for low_us, high_us in _rings(window_us):
        _Ring(here, there, partners, doubts).pair(low_us, high_us)
    return doubts


def _rings(window_us: int) -> Iterator[tuple[int, int]]:
    """Distances beyond the first and up to the second: none, a second, two, four …"""
    yield -1, 0
    low, high = 0, _SECOND_US
    while low < window_us:
        yield low, min(high, window_us)
        low, high = high, high * 2


def _pair_identical(here: Side, there: Side, partners: Partners, doubts: Doubts) -> None:
    mine = _by_start(here, free_by_time(here, partners.here))
    theirs = _by_start(there, free_by_time(there, partners.there))
    one, other = next(mine, None), next(theirs, None)
    while one is not None and other is not None:
        if one[0] == other[0]:
            _pair_group(here, there, one[1], other[1], partners, doubts)
        behind = one[0] <= other[0], other[0] <= one[0]
        if behind[0]:
            one = next(mine, None)
        if behind[1]:
            other = next(theirs, None)


def _by_start(side: Side, order: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Records in groups that begin at one moment."""
    start = 0
    while start < len(order):
        moment, stop = side.earliest_us[order[start]], start + 1
        while stop < len(order) and side.earliest_us[order[stop]] == moment:
            stop += 1
        yield moment, order[start:stop]
        start = stop


def _pair_group(
    here: Side, there: Side, mine: list[int], theirs: list[int], partners: Partners, doubts: Doubts
) -> None:
    same: defaultdict[tuple[object, ...], tuple[list[int], list[int]]]
    same = defaultdict(lambda: ([], []))
    for number in mine:
        same[here.order_key(number)][0].append(number)
    for number in theirs:
        same[there.order_key(number)][1].append(number)
    for ours, others in same.values():
        ours.sort(key=lambda number: (here.optional[number], number))
        others.sort(key=lambda number: (there.optional[number], number))
        for pair in zip(ours, others, strict=False):
            partners.join(*pair)
        if ours and others:
            doubts.here.update(ours[len(others) :])
            doubts.there.update(others[len(ours) :])


class _Ring:
    """Candidates at distances beyond one bound and up to another, and the pairs made of them."""

    def __init__(self, here: Side, there: Side, partners: Partners, doubts: Doubts) -> None:
        self.here, self.there, self.partners, self.doubts = here, there, partners, doubts
        self.mine, self.theirs = Frees(here, partners.here), Frees(there, partners.there)
        self.comparer = Comparer(here, there)

    def pair(self, low_us: int, high_us: int) -> None:
        if not self.mine.buckets or not self.theirs.buckets:
            return
        ours = self.mine.neighbours(self.theirs, high_us)
        others = self.theirs.neighbours(self.mine, high_us)
        bound = MAX_MATCH_NEIGHBOURS
        while self._weighed(low_us, ours, others, bound) > MAX_MATCH_CANDIDATES:
            if high_us - low_us > _FINEST_US:
                middle_us = (low_us + high_us) // 2
                self.pair(low_us, middle_us)
                _Ring(self.here, self.there, self.partners, self.doubts).pair(middle_us, high_us)
                return
            bound //= 2  # all at one distance: the most crowded are left out
        self._note_crowded(high_us, ours, others, bound)
        self._settle(self._candidates(low_us, high_us, ours, others, bound))

    def _weighed(self, low_us: int, ours: Counts, others: Counts, bound: int) -> int:
        """How many candidates there may be at most; the same from either side."""
        most = max(_work(ours, bound), _work(others, bound))
        if most <= MAX_MATCH_CANDIDATES or low_us < 0:
            return most
        nearer = (
            self.mine.neighbours(self.theirs, low_us),
            self.theirs.neighbours(self.mine, low_us),
        )
        return max(
            sum(n - m for n, m in zip(counts, near, strict=True) if n <= bound)
            for counts, near in zip((ours, others), nearer, strict=True)
        )

    def _note_crowded(self, high_us: int, ours: Counts, others: Counts, bound: int) -> None:
        """Who is too crowded to be paired here, and whose only partners may be among those."""
        crowded = [
            {number for number, count in enumerate(counts) if count > bound}
            for counts in (ours, others)
        ]
        self.doubts.crowded_here |= crowded[0]
        self.doubts.crowded_there |= crowded[1]
        if crowded[1]:
            self.doubts.here |= near_crowded(
                self.mine, ours, self.theirs, crowded[1], high_us, bound
            )
        if crowded[0]:
            self.doubts.there |= near_crowded(
                self.theirs, others, self.mine, crowded[0], high_us, bound
            )

    def _candidates(
        self, low_us: int, high_us: int, ours: Counts, others: Counts, bound: int
    ) -> list[int]:
        """Rank, record here and record there of each candidate, as one number that sorts."""
        found: list[int] = []
        earliest, latest = self.here.earliest_us, self.here.latest_us
        gap_of, fit = self.comparer.gap_us, self.comparer.fit
        for number in self.mine.numbers():
            if not 0 < ours[number] <= bound:
                continue
            for bucket in self.theirs.buckets:
                first, stop = bucket.near(earliest[number], latest[number], high_us)
                for other in bucket.numbers[first:stop]:
                    if others[other] > bound:
                        continue
                    gap_us = gap_of(number, other)
                    if not low_us < gap_us <= high_us:
                        continue
                    fitting = fit(number, other)
                    if fitting is not None:
                        differing, equal = fitting
                        # Records in scope go before those that need not be matched.
                        spare = self.here.optional[number] + self.there.optional[other]
                        rank = ((gap_us * 4 + spare) << 16 | differing << 8) | 255 - equal
                        found.append((rank << _BITS | number) << _BITS | other)
        found.sort()
        return found

    def _settle(self, candidates: list[int]) -> None:
        """Take the best first; of those of one rank in an order that both sides share."""
        mine, theirs = self.partners.here, self.partners.there
        for group in _ranks(candidates):
            if len(group) > 1:
                group.sort(key=self._order)
            for number, other in group:
                if mine[number] == FREE and theirs[other] == FREE:
                    self.partners.join(number, other)
            for number, other in group:
                if mine[number] == FREE:
                    self.doubts.here.add(number)
                if theirs[other] == FREE:
                    self.doubts.there.add(other)

    def _order(self, pair: tuple[int, int]) -> tuple[object, ...]:
        one, other = self.here.order_key(pair[0]), self.there.order_key(pair[1])
        return (min(one, other), max(one, other))


def _work(counts: Counts, bound: int) -> int:
    return sum(count for count in counts if count <= bound)


def _ranks(candidates: list[int]) -> Iterator[list[tuple[int, int]]]:
    """Candidates in groups of one rank, the best first."""
    mask = (1 << _BITS) - 1
    start = 0
    while start < len(candidates):
        rank, stop = candidates[start] >> 2 * _BITS, start
        group = []
        while stop < len(candidates) and candidates[stop] >> 2 * _BITS == rank:
            group.append((candidates[stop] >> _BITS & mask, candidates[stop] & mask))
            stop += 1
        yield group
        start = stop
