"""Which records does a caller ask for? Filters in the language of AIP-160.

Pure and without dependencies, because the offline verifier runs a filter again.

    text ──parse──► Expr ──check(schema)──► Query ──matches(lookup)──► True | False | None
                     └──format──► canonical text

`None` is "possibly": the record does not say enough. Callers keep it apart from a yes.

Source: https://google.aip.dev/160, and its grammar, ebnf-filtering.
"""

from ledger.filters.expression import (
    And,
    Compare,
    Expr,
    FilterMalformed,
    Not,
    Or,
    Tree,
    Value,
    format,  # noqa: A004 — read as `filters.format`
)
from ledger.filters.match import Fact, Interval, OpenTexts, Texts, matches
from ledger.filters.schema import (
    FieldType,
    IntegerTest,
    Query,
    Schema,
    Test,
    TextTest,
    TimeTest,
    check,
)
from ledger.filters.syntax import parse

__all__ = [
    "And",
    "Compare",
    "Expr",
    "Fact",
    "FieldType",
    "FilterMalformed",
    "IntegerTest",
    "Interval",
    "Not",
    "OpenTexts",
    "Or",
    "Query",
    "Schema",
    "Test",
    "TextTest",
    "Texts",
    "TimeTest",
    "Tree",
    "Value",
    "check",
    "format",
    "matches",
    "parse",
]
