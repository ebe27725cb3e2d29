"""How many uses in each group, and how late did they come? The pure twins of store/view_aggregates.

    uses, Sought ──matched──► (row, for certain) … ──grouped──► GroupCount by one key or two

A verifier counts with these what a server counted in SQL. Patterns over several uses (copied
reasons, busy accounts, missing numbers) have their pure form in ledger/rules/patterns.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.projections.answers import keys_of
from ledger.projections.registers import Aliases
from ledger.projections.sought import Sought
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST, UseRow

GROUP_KEYS: Final = (
    *("performer", "technology", "agency", "authorization", "month", "unit", "offence_class"),
    *("outcome", "purpose", "trigger", "acquisition", "source", "reason_state", "capture", "delay"),
)
MAX_GROUP_KEYS: Final = 2
# Whole hours from a use's latest moment to its record, and what more than the last is called.
DELAYS: Final = ((1, "1h"), (24, "1d"), (7 * 24, "7d"), (30 * 24, "30d"), (365 * 24, "365d"))
LONGER: Final = "longer"
_HOUR_US: Final = 3_600_000_000

Matched = tuple[UseRow, bool]


@dataclass(frozen=True, slots=True, order=True)
class GroupCount:
    """One group: a text for each key, "" where the record says none; how many, and how many more."""

    key: tuple[str, ...]
    count: int
    possible: int


@dataclass(frozen=True, slots=True)
class Extent:
    """The first and the last use for certain whose time is known, by leaf index and microseconds."""

    first: int
    earliest_us: int
    last: int
    latest_us: int


def matched(
    uses: Iterable[UseRow],
    sought: Sought,
    aliases: Aliases,
    authority: Callable[[UseRow], tuple[str, ...]] | None = None,
) -> list[Matched]:
    """Those of some uses (which all count) that are found, and whether for certain."""
    groups = aliases.groups()
    verdicts = ((row, sought.verdict(row, groups, authority)) for row in uses)
    return [(row, verdict is True) for row, verdict in verdicts if verdict is not False]


def grouped(found: Iterable[Matched], by: Sequence[str], aliases: Aliases) -> list[GroupCount]:
    """How many in each group; a use that cites several authorizations stands in several."""
    counts: dict[tuple[str, ...], list[int]] = {}
    for row, definite in found:
        keys: list[tuple[str, ...]] = [()]
        for name in by:
            keys = [(*key, part) for key in keys for part in group_of(name, row, aliases)]
        for key in keys:
            counts.setdefault(key, [0, 0])[0 if definite else 1] += 1
    return sorted(GroupCount(key, *numbers) for key, numbers in counts.items())


def group_of(by: str, row: UseRow, aliases: Aliases) -> tuple[str, ...]:
    """The groups of one key that a use counts in."""
    if by == "reason_state":
        return (row.reason_state.name.lower(),)
    return (delay_of(row),) if by == "delay" else keys_of(by, row, aliases)


def delay_of(row: UseRow) -> str:
    """How late a use was recorded: up to which of DELAYS; "" where its latest moment is open."""
    if row.latest_us == OPEN_LATEST:
        return ""
    late_us = row.recorded_us - row.latest_us
    return next((name for hours, name in DELAYS if late_us <= hours * _HOUR_US), LONGER)


def extent(found: Iterable[Matched]) -> Extent | None:
    """First and last; None where no use has a time that is known at that end."""
    certain = [row for row, definite in found if definite]
    starts = [(row.earliest_us, row.first) for row in certain if row.earliest_us != OPEN_EARLIEST]
    ends = [(row.latest_us, row.first) for row in certain if row.latest_us != OPEN_LATEST]
    if not starts or not ends:
        return None
    (earliest_us, first), (latest_us, last) = min(starts), max(ends)
    return Extent(first, earliest_us, last, latest_us)
