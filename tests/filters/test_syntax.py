"""Does the parser read what AIP-160 means, and refuse the rest by our own error alone?"""

from __future__ import annotations

import pytest
from hypothesis import example, given

from ledger.filters import And, Compare, Expr, FilterMalformed, Not, Or, Value, format, parse  # noqa: A004
from ledger.limits import MAX_FILTER_CHARS, MAX_FILTER_DEPTH, MAX_FILTER_TERMS
from tests.filters.strategies import exprs, written

A, B, C, D = (Compare(name, "=", Value("1", quoted=False)) for name in "abcd")


PRECEDENCE: list[tuple[Expr, str]] = [
    (And(()), " \t\r\n"),
    (A, "((a=1))"),
    (And((A, Or((B, C)))), "a=1 AND b=1 OR c=1"),
    (And((Or((A, B)), C)), "a=1 OR b=1 AND c=1"),
    (Or((A, And((B, C)))), "a=1 OR (b=1 AND c=1)"),
    (Or((A, B, C)), "a=1 OR b=1 OR c=1"),
    (And((A, Or((B, C)))), "a=1 b=1 OR c=1"),  # `New York Giants OR Yankees`
    (And((A, B, C, D)), "a=1 b=1 AND c=1 AND d=1"),
    (And((And((A, B)), C)), "(a=1 b=1) AND c=1"),
    (And((Not(A), B)), "NOT a=1 b=1"),
    (Or((Not(A), Not(B))), "-a=1 OR - b=1"),
    (Not(Or((A, B))), "NOT ( a=1 OR b=1 )"),
    (Not(Not(A)), "-(NOT a=1)"),
]


@given(exprs)
def test_canonical_text_reads_back(expr: Expr) -> None:
    """Writing an expression and reading it gives the same expression."""
    assert expr == parse(format(expr))


@given(written)
@example("'" + '"' * 2_000 + "'")
@example("(" * MAX_FILTER_CHARS)
@example("a = \ud800")
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever is typed is refused by our own error, inside the text, or keeps its meaning."""
    try:
        expr = parse(text)
    except FilterMalformed as error:
        position = error.position
    else:
        position = 0
        assert expr == parse(format(expr))
    assert 0 <= position <= len(text)


@pytest.mark.parametrize(("expected", "text"), PRECEDENCE)
def test_precedence_is_that_of_aip_160(expected: Expr, text: str) -> None:
    """OR binds tighter than AND, NOT tighter than both, and a sequence is an AND."""
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("name", "op", "value", "text"),
    [
        ("package", "=", Value("com.google", quoted=False), "package=com.google"),
        ("msg", "!=", Value("hello"), "msg != 'hello'"),
        ("expr.type_map.1.type", ":", Value("*", quoted=False), "expr.type_map.1.type:*"),
        ("a", "<=", Value("-30", quoted=False), "a <= -30"),
        (
            "t",
            ">=",
            Value("2012-04-21T11:30:00-04:00", quoted=False),
            "t>=2012-04-21T11:30:00-04:00",
        ),
        ("t", "<", Value("technologies/x", quoted=False), "t\n<\ttechnologies/x"),
        ("a", "=", Value("none"), 'a="none"'),
        ("a", "=", Value(""), "a=''"),
        ("a", "=", Value("\\ \" ' * \n\r\t"), r"""a = "\\ \" ' \* \n\r\t" """),
        ("a", "=", Value("AND (b = c)"), "a = 'AND (b = c)'"),
    ],
)
def test_comparison_keeps_its_value(name: str, op: str, value: Value, text: str) -> None:
    """A value arrives with its escapes resolved, and tells whether it was quoted."""
    assert Compare(name, op, value) == parse(text)  # type: ignore[arg-type]


def test_positions_are_remembered_and_not_compared() -> None:
    """Two filters that say the same are equal, wherever their words stand."""
    near, far = parse("a = 1"), parse("   a =  1")

    assert near == far
    assert isinstance(far, Compare)
    assert (far.at, far.value.at) == (3, 8)


@pytest.mark.parametrize(
    ("position", "reason", "text"),
    [
        (0, "needs a field and a comparator", "Hugo"),
        (6, "quotes around spaces", "a=New York"),
        (4, "capitals", "a=1 or b=1"),
        (5, "functions", "regex(a, 'x')"),
        (10, "functions", "a = cohort(b)"),
        (4, "a = x OR a = y", "a = (b OR c)"),
        (0, "field must stand", "'a' = 1"),
        (0, "field must stand", "1 > 0"),
        (2, "field and a comparator", "  a OR b=1"),
        (7, "a term is missing", "a=1 AND"),
        (8, "a term is missing", "a=1 AND OR b=1"),
        (1, "a term is missing", "()"),
        (4, "second negation", "NOT NOT a=1"),
        (1, "second negation", "--a=1"),
        (3, "needs a space", "NOT(a=1)"),
        (5, "a space must stand", "(a=1)(b=1)"),
        (5, "a space must stand", "a='x'b=1"),
        (3, "a space must stand", "a=x,y"),
        (3, "begins so", "a =! 1"),
        (2, "begins so", "a==1"),
        (3, "value is missing", "a= "),
        (2, "AND needs quotes", "a=AND b=1"),
        (3, "closes nothing", "a=1)"),
        (4, "never closed", "a=1 (b=1"),
        (2, "never closed", "a='x"),
        (3, "escapes are", r"a='\x'"),
        (3, "escapes are", "a='\\"),
        (2, "wildcards", "a=x*"),
        (3, "wildcards", "a='*.foo'"),
        (3, "control characters", "a='\x00'"),
        (3, "control characters", "a='\ud800'"),
    ],
)
def test_refusal_names_rule_and_place(position: int, reason: str, text: str) -> None:
    """What cannot be read is refused where it breaks, with the rule that it breaks."""
    with pytest.raises(FilterMalformed, match=reason) as refused:
        parse(text)
    assert position == refused.value.position


@pytest.mark.parametrize(
    ("longest", "beyond"),
    [
        (f"a = '{'x' * (MAX_FILTER_CHARS - 6)}'", f"a = '{'x' * (MAX_FILTER_CHARS - 5)}'"),
        (" ".join(["a=1"] * MAX_FILTER_TERMS), " ".join(["a=1"] * (MAX_FILTER_TERMS + 1))),
        (
            "(" * MAX_FILTER_DEPTH + "a=1" + ")" * MAX_FILTER_DEPTH,
            "(" * (MAX_FILTER_DEPTH + 1) + "a=1" + ")" * (MAX_FILTER_DEPTH + 1),
        ),
    ],
    ids=["chars", "terms", "depth"],
)
def test_bounds_hold_to_the_item(longest: str, beyond: str) -> None:
    """The bound itself is accepted; one more is refused."""
    assert parse(longest) == parse(format(parse(longest)))
    with pytest.raises(FilterMalformed, match="at most"):
        parse(beyond)


@pytest.mark.parametrize(
    "text",
    [
        "a='" + '"' * (MAX_FILTER_CHARS - 4) + "'",
        "a=1 AND b=1 OR (" * MAX_FILTER_DEPTH + "a=1 b=1" + ")" * MAX_FILTER_DEPTH,
    ],
    ids=["chars", "depth"],
)
def test_bounds_hold_for_the_canonical_text(text: str) -> None:
    """A filter that could not be read back is refused, though it is short enough itself."""
    with pytest.raises(FilterMalformed, match="at most"):
        parse(text)
