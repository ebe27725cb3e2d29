"""What filters and records might there be? Small worlds, so that tests meet in them.

`exprs` are filters as written, over any field and value; `queries` are checked ones
over three fields, and `records` what a ledger may know of these.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ledger.filters import (
    And,
    Compare,
    Expr,
    Fact,
    FieldType,
    IntegerTest,
    Interval,
    Not,
    Or,
    Query,
    Schema,
    TextTest,
    TimeTest,
    Value,
)
from ledger.filters.expression import FIELD, KEYWORDS, WORD, is_word

SCHEMA = Schema(
    {
        "agency": FieldType.TEXT,
        "authorization": FieldType.TEXT,
        "occurred": FieldType.TIME,
        "window.days": FieldType.INTEGER,
    }
)

_ORDERS = ("=", "!=", "<", "<=", ">", ">=")
_TOKENS = (
    *(
        "(",
        ")",
        "-",
        "AND",
        "OR",
        "NOT",
        "and",
        ":",
        ":*",
        "*",
        "f(",
        ".",
        "!",
        ",",
        "\x00",
        "\ud800",
    ),
    *("none", '"none"', '""', '"two words"', "'it\\'s'", '"', "\\", "x", "é", "-30", "42"),
    *("2020-02-21", "2020-02-21T07:30:00-04:00"),
    *(*_ORDERS, *SCHEMA.fields),
)


def trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Every way to join leaves with AND, OR and NOT, a few levels deep."""

    def joined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(parts, min_size=2, max_size=3).map(tuple)
        return several.map(And) | several.map(Or) | parts.map(Not)

    return st.recursive(leaves, joined, max_leaves=8)


_names = st.sampled_from(sorted(SCHEMA.fields)) | st.from_regex(FIELD, fullmatch=True).filter(
    lambda name: name not in KEYWORDS
)
_words = st.sampled_from(("none", "*", "2020-02-21", "-30")) | st.from_regex(
    WORD, fullmatch=True
).filter(is_word)
_printable = st.characters(exclude_categories=("Cs", "Cc"))
_texts = st.text(_printable | st.sampled_from("*\\\"'\n\r\t"), max_size=10)
_values = _words.map(lambda word: Value(word, quoted=False)) | _texts.map(Value)

exprs: st.SearchStrategy[Expr] = st.just(And(())) | trees(
    st.builds(Compare, _names, st.sampled_from((*_ORDERS, ":")), _values)
)
written = st.text() | st.lists(st.sampled_from(_TOKENS), max_size=15).flatmap(
    lambda tokens: st.sampled_from(("", " ")).map(lambda gap: gap.join(tokens))
)

_small = st.integers(-3, 3)
_closed: st.SearchStrategy[Interval] = st.tuples(_small, _small).map(
    lambda pair: (min(pair), max(pair))
)
_intervals = _closed | st.tuples(st.none(), st.none() | _small) | st.tuples(_small, st.none())
queries: st.SearchStrategy[Query] = trees(
    st.builds(
        TextTest, st.just("agency"), st.sampled_from(("=", "!=")), st.sampled_from((None, "a", "b"))
    )
    | st.builds(TimeTest, st.just("occurred"), st.sampled_from(_ORDERS), _small)
    | st.builds(IntegerTest, st.just("window.days"), st.sampled_from(_ORDERS), _small)
)
records: st.SearchStrategy[dict[str, Fact]] = st.fixed_dictionaries(
    {
        "agency": st.none() | st.lists(st.sampled_from("abc"), max_size=2).map(tuple),
        "occurred": _intervals,
        "window.days": st.none() | _small,
    }
)
