"""Does the record bear out what was said, and is the order told only where it can be?"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    AgencyRegistered,
    DiscrepancyFound,
    HeartbeatReceived,
    HoldingRecorded,
    Interval,
    NilReturnAttested,
    Occurred,
    SourceRegistered,
    StatementMade,
    ToolUseReported,
)
from ledger.events.statements import Coverage, Scope
from ledger.projections.questions import judge
from ledger.projections.registers import Told
from ledger.rules.coverage import Covered, coverage_of
from ledger.rules.statements import (
    CODES,
    Sighting,
    StatementVerdict,
    judge_statement,
    made_of,
    scope_query,
)
from ledger.times import text_of_us
from tests.rules.worlds import AGENCIES, HOUR, START, TECHNOLOGIES, Line, World, at, told

STATEMENT = "statements/s"
SCOPE = Scope(agency=AGENCIES[0], technology=TECHNOLOGIES[0])
NOON = START + 12 * HOUR


def denial(**members: object) -> StatementMade:
    said = StatementMade(statement=STATEMENT, polarity="denies", scope=SCOPE, made=at(NOON))
    return replace(said, **members)  # type: ignore[arg-type]


def used(own: str, when: Occurred | None, recorded_us: int) -> Line:
    fact = ToolUseReported(agency=AGENCIES[0], technology=TECHNOLOGIES[0], occurred=when)
    return Line(f"toolUses/{own}", fact, recorded_us=recorded_us)


def spoken(statement: StatementMade, recorded_us: int = NOON) -> Line:
    return Line(STATEMENT, statement, recorded_us=recorded_us)


def verdicts(world: World, sightings: tuple[Sighting, ...] = ()) -> list[StatementVerdict]:
    registers = world.fold.registers
    history = registers.history(STATEMENT)
    statement, _, made = made_of(history)
    query, groups = scope_query(statement.scope, made, registers), registers.aliases.groups()
    judged = [(use, judge(query, use, groups)) for use in world.uses()]
    matched = [(use, found is True) for use, found in judged if found is not False]
    covered = coverage_of(registers, statement.scope, world.uses())
    return judge_statement(history, matched, sightings, covered)


def codes(world: World, sightings: tuple[Sighting, ...] = ()) -> list[str]:
    return [verdict.code for verdict in verdicts(world, sightings)]


def test_use_recorded_before_the_denial_was_known() -> None:
    """They spoke, and the ledger held it already."""
    world = told([used("u", at(START), START + HOUR), spoken(denial())])
    assert ["contradicted_by_known"] == codes(world)


def test_use_recorded_after_has_its_lag_and_capture() -> None:
    """They spoke, and it came to the ledger three hours later."""
    world = told([spoken(denial()), used("u", at(START), NOON + 3 * HOUR)])
    (verdict,) = verdicts(world)
    assert ("contradicted_later", 3 * HOUR, "live", True) == (
        verdict.code,
        verdict.lag_us,
        verdict.capture,
        verdict.certain,
    )


def test_order_is_unknown_within_a_bare_date() -> None:
    """Said on a day, told from history; recorded on that day: nobody can tell which came first."""
    said = spoken(denial(made=Occurred(date="2020-02-21")), NOON + 50 * HOUR)
    world = told([used("u", at(START - HOUR), NOON), said])
    assert ["order_unknown"] == codes(world)


def test_each_verdict_stands_by_itself() -> None:
    """Known, later and another's log: all are listed."""
    world = told([used("u", at(START), START), spoken(denial()), used("v", at(START), NOON + HOUR)])
    found = DiscrepancyFound(
        discrepancy="discrepancies/d",
        observation="observations/o",
        observer="vendor",
        kind="missing_here",
        agency=AGENCIES[0],
        occurred=at(START),
    )
    sighting = Sighting("discrepancies/d", Told(9, NOON + HOUR, found), found)
    assert [
        "contradicted_by_known",
        "contradicted_later",
        "contradicted_by_other_observer",
    ] == codes(world, (sighting,))


def test_use_after_the_words_does_not_contradict_them() -> None:
    """What took place later says nothing of a denial."""
    world = told([spoken(denial()), used("u", at(NOON + HOUR), NOON + 2 * HOUR)])
    assert ["not_provable"] == codes(world)


def test_unknown_time_contradicts_only_possibly() -> None:
    """A use that may lie after the words is no certain contradiction."""
    when = Occurred(latest=text_of_us(NOON + 9 * HOUR))
    (verdict,) = verdicts(told([spoken(denial()), used("u", when, NOON + 10 * HOUR)]))
    assert ("contradicted_later", False) == (verdict.code, verdict.certain)


def test_sighting_of_unknown_time_contradicts_only_possibly() -> None:
    """What another's log may have from after the words is no certain contradiction."""
    for latest, certain in ((NOON, True), (NOON + HOUR, False)):
        found = DiscrepancyFound(
            discrepancy="discrepancies/d",
            observation="observations/o",
            observer="vendor",
            kind="missing_here",
            agency=AGENCIES[0],
            occurred=Occurred(latest=text_of_us(latest)),
        )
        sighting = Sighting("discrepancies/d", Told(9, NOON + 9 * HOUR, found), found)
        (verdict,) = verdicts(told([spoken(denial())]), (sighting,))
        assert ("contradicted_by_other_observer", certain) == (verdict.code, verdict.certain)


def test_denial_is_supported_only_by_thick_coverage() -> None:
    """Silence supports nothing; a source that was heard does, unless something is unconnected."""
    source = Line("sources/s", SourceRegistered(source="sources/s", name="S", agency=AGENCIES[0]))
    beat = Line("sources/s", HeartbeatReceived(source="sources/s", at=text_of_us(START)))
    licence = Line(
        "holdings/h",
        HoldingRecorded(holding="holdings/h", agency=AGENCIES[0], kind="licence"),
    )
    agency = Line(AGENCIES[0], AgencyRegistered(agency=AGENCIES[0], name="A"))
    silent = told([agency, source, spoken(denial())])
    heard = told([agency, source, beat, spoken(denial())])
    holding = told([agency, source, beat, licence, spoken(denial())])
    some_asked = told([agency, source, beat, spoken(denial(coverage=Coverage(asked=7, of=12)))])

    assert ["not_provable"] == codes(silent)
    assert ["supported"] == codes(heard)
    assert ["not_provable"] == codes(holding)
    assert ["not_provable"] == codes(some_asked)


def test_nil_return_covers_its_period() -> None:
    """Where somebody answers for a period, a denial about it stands on that."""
    period = Interval(earliest=text_of_us(START), latest=text_of_us(NOON))
    nil = NilReturnAttested(nil_return="nilReturns/n", agency=AGENCIES[0], period=period)
    line = Line("nilReturns/n", nil)
    within = told([line, spoken(denial(scope=replace(SCOPE, period=period)))])
    beyond = told([line, spoken(denial())])

    assert ["supported"] == codes(within)
    assert ["not_provable"] == codes(beyond)


def test_confirmation_needs_a_use() -> None:
    """A confirmation is supported by a use in scope, and unprovable without one."""
    confirmed = denial(polarity="confirms")
    assert ["not_provable"] == codes(told([spoken(confirmed)]))
    assert ["supported"] == codes(told([used("u", at(START), START), spoken(confirmed)]))


def test_whoever_declines_is_not_judged() -> None:
    """Declining to say is no claim."""
    assert [] == codes(told([used("u", at(START), START), spoken(denial(polarity="declines"))]))


_moments = st.integers(0, 24).map(lambda hour: START + hour * HOUR)
_lines = st.lists(st.tuples(_moments, st.integers(0, 30)), max_size=6).map(
    lambda told_: [
        used(f"u{number}", at(when), when + delay * HOUR)
        for number, (when, delay) in enumerate(told_)
    ]
)


@given(_lines, _lines, st.booleans())
def test_later_entries_never_change_what_was_known(
    before: list[Line], after: list[Line], through_the_ledger: bool
) -> None:
    """Once contradicted by what was known, always; and nothing told later is ever `known`."""
    coverage = Coverage(tree_size=len(before)) if through_the_ledger else None
    known = [line for line in before if (line.recorded_us or 0) <= NOON]
    told_after = [
        replace(line, name=f"{line.name}x", recorded_us=max(line.recorded_us or 0, NOON + HOUR))
        for line in after
    ]
    if coverage is not None:
        coverage = Coverage(tree_size=len(known))
    world = told([*known, spoken(denial(coverage=coverage))])
    first = codes(world)
    world.tell(told_after)
    then = codes(world)

    assert ("contradicted_by_known" in first) == ("contradicted_by_known" in then)
    if "contradicted_later" in then:
        assert told_after
    assert set(then) <= set(CODES)


def test_thin_says_why() -> None:
    """Nothing heard at all is thin, and so is one silent source beside a heard one."""
    nothing = Covered((), (), (), (), (), ())
    assert nothing.thin
    assert not replace(nothing, heard=("sources/s",)).thin
    assert replace(nothing, heard=("sources/s",), silent=("sources/r",)).thin
