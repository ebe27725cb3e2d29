"""What do many uses show that one does not? Copied reasons, impossible uses, missing numbers.

    uses ──group──► groups that are too large, too fast, not whole ──► Hit

Each says how a database finds the same; only uses that are certain count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ledger.events import CoverageGapDeclared, HeartbeatReceived
from ledger.limits import MAX_FINDING_LEAVES, MAX_SEQUENCE_GAPS
from ledger.projections.registers import Registers
from ledger.projections.uses import UseRow, month_text
from ledger.rules.kinds import Hit, Parameter, Parameters, PatternPredicate

_SECOND_US: Final = 1_000_000


def copied_reason(uses: Sequence[UseRow], _registers: Registers, given: Parameters) -> list[Hit]:
    """One reason, but for case and white space, so many times by one agency in one month."""
    groups: dict[tuple[str, int, int], list[UseRow]] = defaultdict(list)
    for use in uses:
        if use.reason_digest is not None and use.month is not None:
            groups[use.agency, use.month, use.reason_digest].append(use)
    return [
        Hit(
            subject=agency,
            agency=agency,
            leaves=leaves_of(group),
            detail={"month": month_text(month), "uses": len(group)},
        )
        for (agency, month, _digest), group in groups.items()
        if len(group) >= given["uses"]
    ]


def impossible_use(uses: Sequence[UseRow], _registers: Registers, given: Parameters) -> list[Hit]:
    """So many uses by one performer within so few seconds; times that are spans are left out."""
    by_performer: dict[tuple[str, str], list[UseRow]] = defaultdict(list)
    for use in uses:
        if use.performer is not None and use.earliest_us == use.latest_us:
            by_performer[use.agency, use.performer].append(use)
    found = []
    for (agency, _performer), theirs in by_performer.items():
        theirs.sort(key=lambda use: (use.earliest_us, use.first))
        for run in _runs(theirs, given["uses"], given["seconds"] * _SECOND_US):
            took_us = run[-1].earliest_us - run[0].earliest_us
            detail = {"uses": len(run), "within_s": took_us // _SECOND_US}
            found.append(Hit(subject=agency, agency=agency, leaves=leaves_of(run), detail=detail))
    return found


def _runs(uses: Sequence[UseRow], at_least: int, within_us: int) -> Iterator[Sequence[UseRow]]:
    """Stretches in which any `at_least` neighbours lie within the time; those that meet are one."""
    start = end = 0
    for first in range(len(uses) - at_least + 1):
        last = first + at_least
        if uses[last - 1].earliest_us - uses[first].earliest_us <= within_us:
            if first >= end:
                if end:
                    yield uses[start:end]
                start = first
            end = last
    if end:
        yield uses[start:end]


def sequence_gap(uses: Sequence[UseRow], registers: Registers, _given: Parameters) -> list[Hit]:
    """Numbers that a source gave out and no use came with, less the gaps it declared itself.

    From the first number that was seen to the last, heartbeats' numbers included. Of one source
    the first MAX_SEQUENCE_GAPS are listed, and all are counted.
    """
    seen: dict[str, set[int]] = defaultdict(set)
    for use in uses:
        if use.source is not None and use.source_sequence is not None:
            seen[use.source].add(use.source_sequence)
    spans = {source: [(number, number) for number in numbers] for source, numbers in seen.items()}
    return gaps_between(spans, registers)


def gaps_between(seen: Mapping[str, Sequence[tuple[int, int]]], registers: Registers) -> list[Hit]:
    """As `sequence_gap`, from stretches of numbers that each source's uses bear."""
    beats = _given_out(registers)
    found = []
    for source in dict.fromkeys((*seen, *beats)):
        last, leaves = beats.get(source, (None, ()))
        spans = [*seen.get(source, ()), *_declared(registers, source)]
        gaps = _gaps(sorted(spans), last)
        for first, final in gaps[:MAX_SEQUENCE_GAPS]:
            detail = {"first": first, "last": final, "gaps": len(gaps)}
            found.append(Hit(subject=source, agency=None, leaves=leaves, detail=detail))
    return found


def _given_out(registers: Registers) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Source to the highest number a heartbeat of it told, and that heartbeat's leaf index."""
    found: dict[str, tuple[int, tuple[int, ...]]] = {}
    for name, told, fact in registers.told("source", HeartbeatReceived):
        if fact.sequence is not None and fact.sequence > found.get(name, (0, ()))[0]:
            found[name] = fact.sequence, (told.leaf_index,)
    return found


def _declared(registers: Registers, source: str) -> list[tuple[int, int]]:
    """Stretches of numbers that the source itself says are missing."""
    return [
        (told.fact.first_sequence, told.fact.last_sequence)
        for told in registers.history(source)
        if isinstance(told.fact, CoverageGapDeclared)
        and told.fact.first_sequence is not None
        and told.fact.last_sequence is not None
    ]


def _gaps(spans: Sequence[tuple[int, int]], last: int | None) -> list[tuple[int, int]]:
    """What lies between rising spans, and after them up to `last`."""
    if not spans:
        return [] if last is None else [(1, last)]
    found = []
    expected = spans[0][0]
    for first, final in spans:
        if first > expected:
            found.append((expected, first - 1))
        expected = max(expected, final + 1)
    if last is not None and last >= expected:
        found.append((expected, last))
    return found


def leaves_of(uses: Iterable[UseRow]) -> tuple[int, ...]:
    """Leaf indexes of some uses' reports, rising; of very many the first."""
    return tuple(sorted(use.first for use in uses)[:MAX_FINDING_LEAVES])


PREDICATES: Final = (
    PatternPredicate(
        "copied_reason",
        "one reason, many times by one agency in one month",
        {"uses": Parameter("number", 20, least=2)},
        copied_reason,
        "GROUP BY agency, month, reason_digest HAVING count(*) >= :uses",
    ),
    PatternPredicate(
        "impossible_use",
        "more uses by one performer in a short time than one person can make",
        {"uses": Parameter("number", 5, least=2), "seconds": Parameter("number", 10)},
        impossible_use,
        "earliest_us - lag(earliest_us, :uses - 1) OVER "
        "(PARTITION BY agency, performer ORDER BY earliest_us, first) <= :seconds * 1000000",
    ),
    PatternPredicate(
        "sequence_gap",
        "numbers that a source gave out and no use came with",
        {},
        sequence_gap,
        "source_sequence - lag(source_sequence) OVER "
        "(PARTITION BY source ORDER BY source_sequence) > 1",
    ),
)
