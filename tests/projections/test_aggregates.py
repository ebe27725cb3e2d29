"""Do aggregates in SQL say what their pure twins say, whatever happened, as of any tree size?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Performer, ReportToolUse
from ledger.events import DataFlow, Occurred, ToolUseReported
from ledger.filters import And, Query, TimeTest, check, parse
from ledger.limits import MAX_RULE_TESTS
from ledger.projections.aggregates import GROUP_KEYS, extent, grouped, matched
from ledger.projections.questions import SCHEMA
from ledger.projections.registers import Registers
from ledger.projections.sought import Sought
from ledger.projections.uses import UseRow, month_text
from ledger.rules.fold import JudgedFold
from ledger.rules.judgement import Judgement, all_of, any_of, not_, says, since
from ledger.rules.patterns import copied_reason, impossible_use, sequence_gap
from ledger.store import view_sql
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.times import text_of_us
from tests import ledgers, strategies
from tests.ledgers import Ledger, fold_of
from tests.strategies import Operation, effort, filters, operations, single_tests

EVERY_PAIR = [(key,) for key in GROUP_KEYS] + list(combinations(GROUP_KEYS, 2))


def query(text: str) -> Query:
    return check(parse(text), SCHEMA)


def rule(text: str) -> Judgement:
    """A judgement with something open: a filter, and a moment known to lie between two."""
    given_filter = Judgement(query(text), query(text))
    span = (strategies.INSTANTS[1], strategies.INSTANTS[3])
    return any_of((all_of((given_filter, since(span))), not_(any_of((given_filter, since(span))))))


def counted(fold: JudgedFold) -> list[UseRow]:
    return [row for row in fold.uses.values() if fold.counted(row)]


def told(place: ledgers.Place, steps: list[Operation]) -> tuple[Ledger, ViewReader]:
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.tell(steps)
    ViewWriter(engine, store).catch_up(batch=4)
    return ledger, ViewReader(engine, store)


def compare(
    reader: ViewReader, fold: JudgedFold, sought: Sought, by: Sequence[tuple[str, ...]]
) -> list[tuple[UseRow, bool]]:
    """Page, count and groups of one condition, by SQL and by the fold; returns what is found."""
    found = matched(counted(fold), sought, fold.aliases, fold.authority(grace_us=sought.grace_us))
    page, _unread = reader.page(sought, None, 1_000)
    assert sorted((row.first, definite) for row, definite in found) == sorted(
        (item.first, item.definite) for item in page
    )
    definite = sum(definite for _, definite in found)
    assert (definite, len(found) - definite) == reader.count(sought)
    for keys in by:
        assert grouped(found, keys, fold.aliases) == reader.aggregates.groups(sought, keys), keys
    return found


def compare_all(
    reader: ViewReader, fold: JudgedFold, sought: Sought, by: Sequence[tuple[str, ...]]
) -> None:
    """And extent and patterns too."""
    found = compare(reader, fold, sought, by)
    assert extent(found) == reader.aggregates.extent(sought)
    compare_patterns(reader, [row for row, definite in found if definite], sought)


def compare_patterns(reader: ViewReader, uses: list[UseRow], sought: Sought) -> None:
    none = Registers()
    for least in (2, 3):
        expected = sorted(
            (hit.agency, hit.detail["month"], hit.detail["uses"], hit.leaves)
            for hit in copied_reason(uses, none, {"uses": least})
        )
        copied = reader.patterns.copied_reasons(sought, least)
        assert expected == sorted(
            (item.agency, item.month, item.uses, item.leaves) for item in copied
        )
        for seconds in (0, 50_000):
            hits = impossible_use(uses, none, {"uses": least, "seconds": seconds})
            busy = reader.patterns.busy_accounts(sought, least, seconds)
            assert sorted(hit.leaves for hit in hits) == sorted(item.leaves for item in busy)
            assert sorted(hit.detail["uses"] for hit in hits) == sorted(b.uses for b in busy)
    gaps = sorted(
        (hit.subject, hit.detail["first"], hit.detail["last"])
        for hit in sequence_gap(uses, none, {})
    )
    numbers = reader.patterns.sequences(sought)
    assert gaps == sorted((one.source, *gap) for one in numbers for gap in one.gaps)
    assert all(one.missing == sum(b - a + 1 for a, b in one.gaps) for one in numbers)
    borne = Counter((use.source, use.source_sequence) for use in uses)
    twice = sorted(pair for pair, count in borne.items() if count > 1 and None not in pair)
    assert twice == sorted((one.source, number) for one in numbers for number in one.twice)


def test_aggregates_are_those_of_the_pure_fold(place: ledgers.Place) -> None:
    """For any filter and any pair of filters of a rule, by any key or two, at any tree size."""

    @effort(0.3 if isinstance(place, ledgers.SqlitePlace) else 0.06)
    @given(operations, st.data(), st.randoms(use_true_random=False))
    def law(steps: list[Operation], data: st.DataObject, random: Random) -> None:
        ledger, reader = told(place, steps)
        entries, asked = ledger.entries(), filters(single_tests())
        for size in sorted({len(entries), data.draw(st.integers(0, len(entries)))}):
            fold, _unread = fold_of(entries[:size])
            text = data.draw(asked)
            compiled = rule(data.draw(asked))
            for sought in (
                Sought(query(""), query(""), size),
                Sought(query(text), query(text), size),
                Sought(compiled.certain, compiled.possible, size, random.choice((0, 10**18))),
            ):
                compare_all(reader, fold, sought, random.choices(EVERY_PAIR, k=4))

    law()


_named = st.sampled_from(
    [
        *(says("technology", name) for name in (*strategies.TECHNOLOGIES, "technologies/x")),
        *(says("agency", name) for name in (*strategies.AGENCIES, "agencies/x")),
        not_(says("technology", strategies.TECHNOLOGIES[0])),
        not_(says("agency", strategies.AGENCIES[0])),
    ]
)
_tests = st.sampled_from(single_tests()).map(lambda text: Judgement(query(text), query(text)))
_parts = st.lists(st.lists(_named | _tests, min_size=1, max_size=4), min_size=2, max_size=9)


def test_rules_of_many_like_parts_are_decided_by_one_field(
    place: ledgers.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a rule goes by technology or agency, its branches find what the whole rule finds."""
    monkeypatch.setattr(view_sql, "_MANY", 2)
    monkeypatch.setattr(view_sql, "_FEW_BRANCHES", 1)

    @effort(0.2 if isinstance(place, ledgers.SqlitePlace) else 0.03)
    @given(
        operations,
        st.lists(st.tuples(_parts, st.booleans(), st.booleans()), min_size=4, max_size=4),
    )
    def law(steps: list[Operation], rules: list[tuple[list[list[Judgement]], bool, bool]]) -> None:
        ledger, reader = told(place, steps)
        size = len(ledger.entries())
        fold, _unread = fold_of(ledger.entries())
        for parts, every, negated in rules:
            made = all_of(map(any_of, parts)) if every else any_of(map(all_of, parts))
            made = not_(made) if negated else made
            sought = Sought(made.certain, made.possible, size)
            compare(reader, fold, sought, [])

    law()


def test_country_that_nobody_told_stays_open_beside_others(place: ledgers.Place) -> None:
    """Asked for one country among other conditions, a flow that names none may have gone there."""
    flows = ((DataFlow(),), (DataFlow(access_country="US"), DataFlow()), (), None)
    reports = [report(number, strategies.DAY, number) for number in range(len(flows))]
    told_of = tuple(
        replace(one, use=replace(one.use, data_flows=flow))
        for one, flow in zip(reports, flows, strict=True)
    )
    ledger, reader = told(place, [strategies.Report(told_of)])
    entries = ledger.entries()
    fold, _unread = fold_of(entries)
    for field, other, negated in product(
        ("flow_country", "unpermitted_country"), ("CA", "US", "elsewhere"), (False, True)
    ):
        named = [says(field, other), says(field, "FR"), says("unit", "none of them")]
        made = not_(any_of(named)) if negated else any_of(named)
        found = compare(reader, fold, Sought(made.certain, made.possible, len(entries)), [])
        assert 1 <= len(found), "where a country may be any, so may this one"


def test_busy_accounts_and_copied_reasons_of_a_story(place: ledgers.Place) -> None:
    """Seven uses in three stretches, reasons in two spellings, numbers with gaps: every pattern."""
    numbered = [(0, 1), (1, 2), (2, 2), (10, 5), (11, 9), (40, 10), (41, 11)]
    reports = tuple(
        report(number, strategies.DAY + seconds * 1_000_000, sequence)
        for number, (seconds, sequence) in enumerate(numbered)
    )
    ledger, reader = told(place, [strategies.Report(reports[:4]), strategies.Report(reports[4:])])
    entries = ledger.entries()
    fold, _unread = fold_of(entries)
    everything = Sought(query(""), query(""), len(entries))
    compare_all(reader, fold, everything, EVERY_PAIR)

    busy = reader.patterns.busy_accounts(everything, 2, 1)
    assert [3, 2, 2] == [stretch.uses for stretch in busy]
    (copied,) = reader.patterns.copied_reasons(everything, 2)
    assert (7, month_text(2020 * 12 + 1)) == (copied.uses, copied.month)
    (numbers,) = reader.patterns.sequences(everything)
    assert ((3, 4), (6, 8)) == numbers.gaps
    assert (5, 2, (2,)) == (numbers.missing, numbers.gap_count, numbers.twice)


def report(number: int, us: int, sequence: int) -> ReportToolUse:
    moment = text_of_us(us)
    return ReportToolUse(
        use=ToolUseReported(
            agency="agencies/a",
            occurred=Occurred(earliest=moment, latest=moment),
            source_sequence=sequence,
        ),
        source="sources/s",
        source_event_id=f"busy {number}",
        capture="live",
        performer=Performer(user_id="ann"),
        protected={"reason": ("Homicide", " homicide ")[number % 2]},
    )


def test_a_rule_of_as_many_tests_as_may_be_is_answered(place: ledgers.Place) -> None:
    """Chains and nests of MAX_RULE_TESTS conditions, beyond a database's own depth, give the fold's answer."""
    ledger, reader = told(place, [strategies.Report(tuple(ledgers.numbered(n) for n in range(8)))])
    entries = ledger.entries()
    fold, _unread = fold_of(entries)
    times = [
        any_of((since((strategies.DAY + n, strategies.DAY + n)), not_(says("unit", f"unit {n}"))))
        for n in range(MAX_RULE_TESTS // 2)
    ]
    names = [says("technology", f"technologies/{n}") for n in range(MAX_RULE_TESTS - 1)]
    deep = all_of(
        not_(any_of((says("unit", f"unit {n}"), all_of((says("purpose", f"{n}"), moment)))))
        for n, moment in enumerate(times[: MAX_RULE_TESTS // 4])
    )
    chain: Query = And(tuple(TimeTest("occurred", ">=", n) for n in range(MAX_RULE_TESTS)))
    for judgement in (
        all_of(times),
        any_of((*names, says("technology", "technologies/t"))),
        not_(any_of(names)),
        deep,
        Judgement(chain, chain),
        any_of((not_(all_of(times)), Judgement(chain, chain))),
    ):
        compare(
            reader,
            fold,
            Sought(judgement.certain, judgement.possible, len(entries)),
            [],
        )
