"""What would somebody type to ask this? The text of a checked filter, where there is one.

Query ──text_of──► `agency = "agencies/x" AND occurred >= "…"` ──parse, check──► the same Query
"""

from __future__ import annotations

from ledger.errors import Malformed
from ledger.filters import And, Compare, Expr, IntegerTest, Not, Or, Query, TextTest, Value, parse
from ledger.filters import format as format_filter
from ledger.limits import MAX_FILTER_CHARS
from ledger.times import text_of_us


def text_of(query: Query) -> str | None:
    """The filter as text; "" asks for every use. None where no text within the bounds says it."""
    expression = _expression(query)
    if expression is None:
        return None
    text = format_filter(expression)
    if len(text) > MAX_FILTER_CHARS:
        return None
    try:
        parse(text)
    except Malformed:  # too deep, or too many conditions
        return None
    return text


def _expression(query: Query) -> Expr | None:
    match query:
        case Or(()):
            return None
        case And(parts) | Or(parts):
            read = [_expression(part) for part in parts]
            known = tuple(part for part in read if part is not None)
            if len(known) != len(parts) or And(()) in known:
                return None
            if len(known) == 1:
                return known[0]
            return And(known) if isinstance(query, And) else Or(known)
        case Not(part):
            inside = _expression(part)
            return None if inside is None or inside == And(()) else Not(inside)
        case TextTest(field, op, value):
            written = Value("none", quoted=False) if value is None else Value(value)
            return Compare(field, op, written)
        case IntegerTest(field, op, value):
            return Compare(field, op, Value(str(value), quoted=False))
        case moment:
            return Compare(moment.field, moment.op, Value(text_of_us(moment.value)))
