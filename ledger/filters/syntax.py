"""What did the caller write? The grammar of AIP-160, less what we do not offer.

    expression  = factor { [ "AND" ] factor }           a sequence is an AND
    factor      = term { "OR" term }                    OR binds tighter than AND
    term        = [ "NOT" | "-" ] ( restriction | "(" expression ")" )
    restriction = FIELD comparator ( WORD | STRING )

Refused by name, though AIP-160 has them: functions, a value without a field, a value
in parentheses, wildcards. What is refused now may be given a meaning later; what is
accepted never changes its meaning, since old answers cite it.

Source: https://google.aip.dev/assets/misc/ebnf-filtering.txt
"""

from __future__ import annotations

import re
from typing import Final, cast

from ledger.filters.expression import (
    KEYWORDS,
    And,
    Comparator,
    Compare,
    Expr,
    FilterMalformed,
    Not,
    Or,
    format,  # noqa: A004 — the canonical text
    nesting,
)
from ledger.filters.scanner import Scanner
from ledger.limits import MAX_FILTER_CHARS, MAX_FILTER_DEPTH, MAX_FILTER_TERMS

_COMPARATOR: Final = re.compile(r"<=|>=|!=|[<>=:]")
_TOO_LONG: Final = f"a filter has {MAX_FILTER_CHARS} characters at most"
_TOO_DEEP: Final = f"parentheses nest {MAX_FILTER_DEPTH} deep at most"
_TOO_MANY: Final = f"a filter has {MAX_FILTER_TERMS} terms at most"


def parse(text: str) -> Expr:
    """Read a filter.

    The bounds hold for the canonical text too, so whatever is accepted can be
    written back and read again.

    Args:
        text: MAX_FILTER_CHARS at most; blank sets no condition, and gives `And(())`.
    Returns:
        MAX_FILTER_TERMS comparisons at most. Redundant parentheses are gone.
    Raises:
        FilterMalformed: At the first character that cannot be right.
    """
    if len(text) > MAX_FILTER_CHARS:
        raise FilterMalformed(_TOO_LONG, position=MAX_FILTER_CHARS)
    expr = _Parser(text).filter()
    if len(format(expr)) > MAX_FILTER_CHARS:
        raise FilterMalformed(f"{_TOO_LONG}, every AND and space written out", position=0)
    if nesting(expr) > MAX_FILTER_DEPTH:
        raise FilterMalformed(f"{_TOO_DEEP}, one around each OR counted", position=0)
    return expr


class _Parser(Scanner):
    """Recursive descent, a method for each rule; MAX_FILTER_DEPTH bounds the recursion."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = self.terms = 0

    def filter(self) -> Expr:
        self.space()
        if self.at == len(self.text):
            return And(())
        expr = self.expression()
        if self.at < len(self.text):
            raise self.malformed("this parenthesis closes nothing")
        return expr

    def expression(self) -> Expr:
        parts = [self.factor()]
        while not self.ends():
            self.keyword("AND")
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def factor(self) -> Expr:
        terms = [self.term()]
        while self.keyword("OR"):
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def term(self) -> Expr:
        negated = self.keyword("NOT") or self.symbol("-")
        self.space()
        expr = self.composite() if self.next() == "(" else self.restriction()
        if not self.space() and not self.ends():
            raise self.malformed("a space must stand here, or the value before it needs quotes")
        return Not(expr) if negated else expr

    def composite(self) -> Expr:
        opened = self.at
        self.depth += 1
        if self.depth > MAX_FILTER_DEPTH:
            raise self.malformed(_TOO_DEEP)
        self.symbol("(")
        self.space()
        expr = self.expression()
        if not self.symbol(")"):
            raise self.malformed("this parenthesis is never closed", at=opened)
        self.depth -= 1
        return expr

    def restriction(self) -> Compare:
        start = self.at
        name = self.field()
        self.space()
        comparator = _COMPARATOR.match(self.text, self.at)
        if comparator is None:
            if name.upper() in KEYWORDS:
                raise self.malformed("AND, OR and NOT are written in capitals", at=start)
            raise self.malformed(
                "each value needs a field and a comparator before it, and quotes around spaces",
                at=start,
            )
        self.terms += 1
        if self.terms > MAX_FILTER_TERMS:
            raise self.malformed(_TOO_MANY, at=start)
        self.at = comparator.end()
        self.space()
        return Compare(name, cast("Comparator", comparator[0]), self.value(), start)
