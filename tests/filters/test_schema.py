"""Are fields and values read by their type, and is the rest refused?"""

from __future__ import annotations

import pytest
from hypothesis import given

from ledger.filters import (
    And,
    Expr,
    FilterMalformed,
    IntegerTest,
    Not,
    Or,
    Query,
    TextTest,
    TimeTest,
    check,
    format,  # noqa: A004
    parse,
)
from ledger.limits import MAX_COUNT
from tests.filters.strategies import SCHEMA, exprs

MIDNIGHT_US = 1_582_243_200_000_000  # 2020-02-21T00:00:00Z


READINGS: list[tuple[Query, str]] = [
    (TextTest("agency", "=", "x"), "agency = x"),
    (TextTest("agency", "!=", "x"), "agency != x"),
    (TextTest("agency", "=", "x"), "agency:x"),
    (TextTest("agency", "!=", None), "agency:*"),
    (TextTest("agency", "=", "*"), r"agency:'\*'"),
    (TextTest("authorization", "=", None), "authorization = none"),
    (TextTest("authorization", "!=", None), "authorization != none"),
    (TextTest("authorization", "=", None), "authorization:none"),
    (TextTest("authorization", "=", "none"), "authorization = 'none'"),
    (TimeTest("occurred", ">=", MIDNIGHT_US), "occurred >= 2020-02-21"),
    (TimeTest("occurred", "<", MIDNIGHT_US), "occurred < '2020-02-20T20:00:00-04:00'"),
    (TimeTest("occurred", "=", MIDNIGHT_US + 5), "occurred=2020-02-21T00:00:00.000005Z"),
    (IntegerTest("window.days", "<=", -30), "window.days <= -30"),
    (IntegerTest("window.days", "=", MAX_COUNT), f"window.days = '{MAX_COUNT}'"),
    (And(()), ""),
    (
        And((Not(TextTest("agency", "=", "x")), Or((TextTest("agency", "=", "y"),) * 2))),
        "-agency=x agency=y OR agency=y",
    ),
]


@pytest.mark.parametrize(("expected", "text"), READINGS)
def test_value_is_read_by_the_type_of_its_field(expected: Query, text: str) -> None:
    """Times become microseconds, integers integers, and a bare `none` an empty field."""
    assert expected == check(parse(text), SCHEMA)


@pytest.mark.parametrize(
    ("position", "reason", "text"),
    [
        (0, "use = != :", "agency < x"),
        (9, "write agency:", "agency = *"),
        (0, "of type time", "occurred:*"),
        (12, "RFC 3339", "occurred >= none"),
        (12, "RFC 3339", "occurred >= 2020-02-21T00:00:00"),
        (12, "moment of the calendar", "occurred >= 2020-02-30"),
        (12, "must be a date", "occurred >= 2020-02-xx"),
        (0, "of type integer", "window.days:30"),
        (14, "must be an integer", "window.days = 3.5"),
        (14, "must be an integer", "window.days = '٣'"),
        (14, "must be an integer", f"window.days = {MAX_COUNT + 1}"),
        (14, "must be an integer", f"window.days = {'9' * 3_000}"),
    ],
)
def test_refusal_names_rule_and_place(position: int, reason: str, text: str) -> None:
    """What does not fit its type is refused where it stands, and no value is quoted."""
    with pytest.raises(FilterMalformed, match=reason) as refused:
        check(parse(text), SCHEMA)
    assert position == refused.value.position
    assert "٣" not in str(refused.value)
    assert "9999" not in str(refused.value)


def test_unknown_field_is_named_with_those_allowed() -> None:
    """A misspelt field is an error that shows the right names, never an empty answer."""
    with pytest.raises(FilterMalformed, match="no field agencies; there are agency, ") as refused:
        check(parse("agency = x AND NOT agencies = x"), SCHEMA)
    assert (19, tuple(sorted(SCHEMA.fields))) == (refused.value.position, refused.value.allowed)


@given(exprs)
def test_any_expression_is_checked_or_refused(expr: Expr) -> None:
    """Whatever parses is either typed or refused by our own error, inside the filter."""
    text = format(expr)
    try:
        check(parse(text), SCHEMA)
        position = 0
    except FilterMalformed as error:
        position = error.position
    assert 0 <= position <= len(text)
