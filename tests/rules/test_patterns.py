"""Do patterns over many uses, and silences of sources, find what a slow reader would?"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    CoverageGapDeclared,
    HeartbeatExpected,
    HeartbeatReceived,
    NilReturnAttested,
    SourceRegistered,
)
from ledger.projections.registers import Registers
from ledger.projections.uses import UseRow
from ledger.rules.kinds import Context
from ledger.rules.patterns import copied_reason, impossible_use, sequence_gap
from ledger.rules.silence import source_silent
from ledger.times import text_of_us
from tests.rules.worlds import AGENCIES, HOUR, START, Line, at, told, use, valid

SOURCE = "sources/s"
SECOND = 1_000_000


def source(*facts: HeartbeatExpected | HeartbeatReceived | CoverageGapDeclared) -> list[Line]:
    registered = SourceRegistered(source=SOURCE, name="S", agency=AGENCIES[0])
    return [Line(SOURCE, fact, {}, START) for fact in (registered, *facts)]


def uses_at(seconds: list[int]) -> list[UseRow]:
    lines = [
        use(f"u{n}", occurred=at(START + second * SECOND), shown={"performer": "p-1"})
        for n, second in enumerate(seconds)
    ]
    return told(lines).uses()


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(2, 4), st.integers(0, 9))
def test_impossible_uses_are_those_in_a_crowd(seconds: list[int], n: int, within: int) -> None:
    """A use is found exactly where some n uses, itself among them, lie within the time."""
    rows = uses_at(seconds)
    crowded = {
        row.first
        for group in combinations(rows, n)
        if max(r.earliest_us for r in group) - min(r.earliest_us for r in group) <= within * SECOND
        for row in group
    }
    found = impossible_use(rows, Registers(), {"uses": n, "seconds": within})

    assert crowded == {leaf for hit in found for leaf in hit.leaves}
    assert len(crowded) == sum(len(hit.leaves) for hit in found), "no use in two crowds"


def test_times_that_are_spans_make_no_crowd() -> None:
    """Several uses on one date may have been hours apart."""
    lines = [use(f"u{n}", shown={"performer": "p-1"}) for n in range(5)]
    rows = told(lines).uses()

    assert [] == impossible_use(rows, Registers(), {"uses": 2, "seconds": 10})


@given(
    st.sets(st.integers(1, 30), max_size=12),
    st.none() | st.integers(0, 30),
    st.none() | st.tuples(st.integers(1, 30), st.integers(1, 30)),
)
def test_missing_numbers_are_those_nobody_gave_or_declared(
    numbers: set[int], last: int | None, declared: tuple[int, int] | None
) -> None:
    """From the first number seen to the last, as sets of numbers would tell it."""
    facts: list[HeartbeatExpected | HeartbeatReceived | CoverageGapDeclared] = []
    known = set(numbers)
    if last is not None:
        facts.append(HeartbeatReceived(source=SOURCE, at=text_of_us(START), sequence=last))
    if declared is not None:
        first, final = min(declared), max(declared)
        known |= set(range(first, final + 1))
        facts.append(
            CoverageGapDeclared(
                source=SOURCE, period=valid(START, None), first_sequence=first, last_sequence=final
            )
        )
    world = told(source(*facts))
    rows = [
        replace(told([use("u", source_sequence=n)]).use(), source=SOURCE) for n in sorted(numbers)
    ]
    lowest, highest = min(known, default=1), max([*known, last or 0])
    missing = set(range(lowest, highest + 1)) - known

    hits = sequence_gap(rows, world.fold.registers, {})
    found = {
        n
        for hit in hits
        for n in range(int(str(hit.detail["first"])), int(str(hit.detail["last"])) + 1)
    }
    assert missing == found


def test_copied_reason_counts_by_agency_and_month() -> None:
    """Case and white space do not make another reason; another month or agency does."""
    said = ["Traffic stop", "traffic  STOP ", "traffic stop."]
    lines = [
        use(f"u{n}", occurred=at(START), shown={"reason": reason}) for n, reason in enumerate(said)
    ]
    lines.append(use("v", agency=AGENCIES[1], occurred=at(START), shown={"reason": said[0]}))
    lines.append(use("w", occurred=at(START + 30 * 24 * HOUR), shown={"reason": said[0]}))
    (hit,) = copied_reason(told(lines).uses(), Registers(), {"uses": 2})

    assert (AGENCIES[0], (0, 1), "2020-02") == (hit.subject, hit.leaves, hit.detail["month"])


EVERY_HOUR = HeartbeatExpected(source=SOURCE, every_s=3600)


def beat(hour: int) -> HeartbeatReceived:
    return HeartbeatReceived(source=SOURCE, at=text_of_us(START + hour * HOUR))


def silences(lines: list[Line], until_hour: int, heard: tuple[int, ...] = ()) -> list[str]:
    """`from` and `to` of each silence, in hours."""
    context = Context(
        as_of_us=START + until_hour * HOUR,
        heard={SOURCE: [START + hour * HOUR for hour in heard]},
    )
    found = source_silent(told(lines).fold.registers, {}, context)
    return [f"{_hour(hit.detail['from'])}-{_hour(hit.detail['to'])}" for hit in found]


def _hour(text: object) -> int:
    return int(str(text)[11:13])


def test_silence_is_what_heartbeats_and_reports_leave() -> None:
    """As long as was said is no silence; longer is one, up to the newest entry."""
    assert ["2-5", "6-9"] == silences(source(EVERY_HOUR, beat(1), beat(2), beat(5), beat(6)), 9)
    assert ["6-9"] == silences(source(EVERY_HOUR, beat(1), beat(2), beat(5), beat(6)), 9, (3, 4))
    assert [] == silences(source(beat(1)), 9)


def test_silence_that_somebody_accounts_for_is_none() -> None:
    """A declared gap of the source, or a nil return for it, covers its period and no more."""
    gap = CoverageGapDeclared(source=SOURCE, period=valid(START + HOUR, START + 4 * HOUR))
    nil = NilReturnAttested(
        nil_return="nilReturns/n",
        agency=AGENCIES[0],
        source=SOURCE,
        period=valid(START + 4 * HOUR, START + 9 * HOUR),
    )
    lines = source(EVERY_HOUR, beat(1), gap)

    assert ["4-9"] == silences(lines, 9)
    assert [] == silences([*lines, Line("nilReturns/n", nil, {}, START)], 9)
