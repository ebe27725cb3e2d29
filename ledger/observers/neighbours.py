"""Who lies near whom in time? The free records of a side, to be asked by distance.

free records ──by length of their time──► buckets, sorted ──bisect──► neighbours
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, TypeAlias

from ledger.limits import MAX_MATCH_SPAN_DAYS
from ledger.observers.by_id import FREE
from ledger.observers.sides import Side
from ledger.times import DAY_US

Counts: TypeAlias = "array[int]"  # by a record's number; 0 for those that are not free
_SHORT_US: Final = 60_000_000  # longer times are looked for by themselves


def free_by_time(side: Side, partners: array[int]) -> list[int]:
    """Numbers of the free records whose time is known, the earliest first."""
    free = [n for n, partner in enumerate(partners) if partner == FREE and side.dated(n)]
    free.sort(key=side.earliest_us.__getitem__)
    return free


class _Bucket:
    """Free records of one side whose times are about as long, the earliest first."""

    __slots__ = ("numbers", "span_us", "starts")

    def __init__(self, side: Side, numbers: list[int]) -> None:
        self.numbers = numbers
        self.starts = [side.earliest_us[number] for number in numbers]
        self.span_us = max((side.latest_us[n] - side.earliest_us[n] for n in numbers), default=0)

    def near(self, earliest_us: int, latest_us: int, high_us: int) -> tuple[int, int]:
        """Where those begin and end that may lie within a distance of a time."""
        first = bisect_left(self.starts, earliest_us - high_us - self.span_us)
        return first, bisect_right(self.starts, latest_us + high_us)


class Frees:
    """The free records of one side, short times and long ones apart; the longest left out."""

    __slots__ = ("buckets", "side")

    def __init__(self, side: Side, partners: array[int]) -> None:
        self.side = side
        short: list[int] = []
        long: list[int] = []
        for number in free_by_time(side, partners):
            span_us = side.latest_us[number] - side.earliest_us[number]
            if span_us <= _SHORT_US:
                short.append(number)
            elif span_us <= MAX_MATCH_SPAN_DAYS * DAY_US:
                long.append(number)
        self.buckets = [_Bucket(side, numbers) for numbers in (short, long) if numbers]

    def numbers(self) -> Iterator[int]:
        """All of them, short times first, each group by its start."""
        for bucket in self.buckets:
            yield from bucket.numbers

    def neighbours(self, others: Frees, high_us: int) -> Counts:
        """How many of the others may lie within a distance, of each record here."""
        counts = array("L", [0]) * len(self.side)
        earliest, latest = self.side.earliest_us, self.side.latest_us
        for number in self.numbers():
            for other in others.buckets:
                first, stop = other.near(earliest[number], latest[number], high_us)
                counts[number] += stop - first
        return counts


def near_crowded(
    frees: Frees,
    counts: Counts,
    others: Frees,
    crowded: set[int],
    high_us: int,
    bound: int,
) -> set[int]:
    """Those that are not crowded themselves, and have one of the crowded near."""
    found = set()
    earliest, latest = frees.side.earliest_us, frees.side.latest_us
    for number in frees.numbers():
        if 0 < counts[number] <= bound:
            for bucket in others.buckets:
                first, stop = bucket.near(earliest[number], latest[number], high_us)
                if not crowded.isdisjoint(bucket.numbers[first:stop]):
                    found.add(number)
    return found
