"""Which committed roots stay servable? (docs/usage-index.md, section 7)

    all of the last USAGE_KEEP_ALL_DAYS days ┐
    of older ones the first of each UTC day  ├──► stay; all others may be let go
    what a bundle or a statement cites       │
    the newest                               ┘

The first of a day is the one that midnight commits: all that was on record when the day before
ended. Which one that is never changes later, so the rule gives the same roots whenever, and
however often, it is applied.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from ledger.limits import USAGE_KEEP_ALL_DAYS
from ledger.times import DAY_US


class CommittedRoot(NamedTuple):
    """A root that the log commits to: over how many entries, and when that was said."""

    tree_size: int
    committed_us: int


def horizon_us(now_us: int) -> int:
    """Roots that were committed since then all stay."""
    return now_us - USAGE_KEEP_ALL_DAYS * DAY_US


def roots_to_let_go(
    roots: Sequence[CommittedRoot], *, now_us: int, cited: Container[int] = ()
) -> list[int]:
    """The tree sizes of the roots that need not stay.

    Args:
        roots: By tree size; all of them, or the oldest and one that stays.
        now_us: Microseconds from 1970.
        cited: Tree sizes that somebody holds an answer about.
    """
    days: set[int] = set()
    let_go = []
    for root in roots[:-1]:  # the newest stays
        day = root.committed_us // DAY_US
        first_of_day = day not in days
        days.add(day)
        old = root.committed_us < horizon_us(now_us)
        if old and not first_of_day and root.tree_size not in cited:
            let_go.append(root.tree_size)
    return let_go
