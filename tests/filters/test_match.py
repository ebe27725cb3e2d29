"""Is a yes certain, a no certain, and everything else "possibly"?"""

from __future__ import annotations

import operator
from datetime import date
from itertools import product
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.filters import (
    And,
    Fact,
    FilterMalformed,
    Interval,
    Not,
    Or,
    Query,
    TextTest,
    TimeTest,
    check,
    matches,
    parse,
)
from ledger.times import DAY_US, us_of_date
from tests.filters.strategies import SCHEMA, queries, records

HOLDS = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
Record = dict[str, Fact]


def judge(query: Query, record: Record) -> bool | None:
    return matches(query, record.__getitem__)


def moments_of(record: Record) -> range:
    """Every moment that the record leaves open, an open end cut at ±9."""
    earliest, latest = cast("Interval", record["occurred"])
    return range(-9 if earliest is None else earliest, (9 if latest is None else latest) + 1)


@given(st.lists(queries, min_size=2, max_size=3).map(tuple), records)
def test_de_morgan(parts: tuple[Query, ...], record: Record) -> None:
    """NOT turns AND into OR of the opposites, and back, with unknowns too."""
    opposites: tuple[Query, ...] = tuple(Not(part) for part in parts)

    assert judge(Or(opposites), record) is judge(Not(And(parts)), record)
    assert judge(And(opposites), record) is judge(Not(Or(parts)), record)


@given(queries, records)
def test_certain_verdict_holds_however_the_unknown_turns_out(query: Query, record: Record) -> None:
    """A True or False stays one in each complete record that this one may stand for."""
    agencies = [(), ("a",), ("b",), ("c",)] if record["agency"] is None else [record["agency"]]
    days = range(-9, 10) if record["window.days"] is None else [record["window.days"]]
    verdict = judge(query, record)

    for agency, moment, count in product(agencies, moments_of(record), days):
        complete: Record = {"agency": agency, "occurred": (moment, moment), "window.days": count}
        found = judge(query, complete)
        assert found is not None
        assert verdict in (None, found)


@given(st.sampled_from(sorted(HOLDS)), st.integers(-3, 3), records)
def test_time_test_decides_whenever_all_moments_agree(op: str, us: int, record: Record) -> None:
    """An interval matches if each of its moments does, not if none does, else possibly."""
    verdicts = {HOLDS[op](moment, us) for moment in moments_of(record)}
    expected = verdicts.pop() if len(verdicts) == 1 else None

    assert expected is judge(TimeTest("occurred", op, us), record)  # type: ignore[arg-type]


@pytest.mark.parametrize("op", sorted(HOLDS))
def test_unknown_fact_is_never_decided(op: str) -> None:
    """A record that says nothing of a field neither matches a test of it nor fails it."""
    record: Record = dict.fromkeys(SCHEMA.fields)
    for text in (f"occurred {op} 2020-02-21T00:00:00Z", f"window.days {op} 3"):
        assert judge(check(parse(text), SCHEMA), record) is None


@given(st.dates(), st.integers(0, DAY_US - 1), st.dates())
def test_date_is_compared_by_whole_days(day: date, within_us: int, other: date) -> None:
    """`<=` a date takes in all of it, `>` none of it: as whoever writes a date means it."""
    moment = us_of_date(str(day)) + within_us
    record: Record = {"occurred": (moment, moment)}
    for op in ("<", "<=", ">", ">="):
        query = check(parse(f"occurred {op} {other}"), SCHEMA)
        assert HOLDS[op](day, other) is judge(query, record)


@pytest.mark.parametrize("op", ["=", "!="])
def test_date_equals_no_moment(op: str) -> None:
    """A day is not a moment: `=` would hold for its midnight alone, so it is refused."""
    with pytest.raises(FilterMalformed, match="a day is not a moment"):
        check(parse(f"occurred {op} 2020-02-21"), SCHEMA)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ((True, False, False, None), "agency = a"),
        ((False, True, True, None), "agency != a"),
        ((True, False, False, None), "agency:b"),
        ((False, False, True, None), "agency = none"),
        ((True, True, False, None), "agency != none"),
        ((True, True, False, None), "agency:*"),
        ((False, True, False, None), "agency = 'none'"),
    ],
)
def test_text_matches_any_alternative(expected: tuple[bool | None, ...], text: str) -> None:
    """Two alternatives, the text "none", a record that says none, one that says nothing."""
    facts: tuple[Fact, ...] = (("a", "b"), ["none"], (), None)
    query = check(parse(text), SCHEMA)

    assert expected == tuple(judge(query, {"agency": fact}) for fact in facts)


def test_empty_filter_matches_everything() -> None:
    """No condition is met by every record, whatever it leaves unknown."""
    assert judge(check(parse(""), SCHEMA), {}) is True


@pytest.mark.parametrize(
    ("verdict", "joined", "text"),
    [(False, And, "a"), (True, Or, "b")],
    ids=["and", "or"],
)
def test_decided_part_spares_the_rest(
    verdict: bool, joined: type[And[TextTest]] | type[Or[TextTest]], text: str
) -> None:
    """Once a part decides, no further field is looked up."""
    parts = (TextTest("agency", "=", text), TextTest("never looked up", "=", text))

    assert verdict is judge(joined(parts), {"agency": ("b",)})
