"""What does a filter say, once read? Its tree, and the one text that stands for it.

    Tree[Leaf] = And | Or | Not | Leaf        Expr  = Tree[Compare], as written
                                              Query = Tree[Test], as checked (schema.py)

Trees are compared by what they say; the places they were read from do not count.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from ledger.errors import Malformed

Comparator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">=", ":"]
KEYWORDS: Final = frozenset({"AND", "OR", "NOT"})

FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)*")
WORD: Final = re.compile(r"(?:\w|[-.:/@+*])+")  # as the right side; `:` serves times and URNs
ESCAPES: Final = {"\\": "\\", '"': '"', "'": "'", "*": "*", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPED: Final = str.maketrans({c: f"\\{name}" for name, c in ESCAPES.items() if c != "'"})


class FilterMalformed(Malformed):
    """A filter breaks the grammar, a bound, or the schema it is read against.

    Args:
        reason: The rule that was broken; quotes no value, since one may be protected.
        position: Zero-based character of the filter where it broke.
        allowed: The fields there are, where one was named that is not.
    """

    def __init__(self, reason: str, *, position: int, allowed: tuple[str, ...] = ()) -> None:
        super().__init__("filter", f"character {position}: {reason}")
        self.position, self.allowed = position, allowed


@dataclass(frozen=True, slots=True)
class Value:
    """The right side of a comparison.

    Args:
        text: Escapes resolved. Unquoted, it is a WORD and no keyword.
        quoted: False for a bare word: only then do `none` and `*` mean more than themselves.
        at: Zero-based character where it was read.
    """

    text: str
    quoted: bool = True
    at: int = dataclasses.field(default=0, compare=False, repr=False)

    def __post_init__(self) -> None:
        assert self.quoted or is_word(self.text), "a value that is no word must be quoted"


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison: `field op value`. `at` is the zero-based character of its field."""

    field: str
    op: Comparator
    value: Value
    at: int = dataclasses.field(default=0, compare=False, repr=False)


Leaf_co = TypeVar("Leaf_co", covariant=True)


@dataclass(frozen=True, slots=True)
class And(Generic[Leaf_co]):
    """All parts hold. Two or more parts; none only for the empty filter, which holds always."""

    parts: tuple[Tree[Leaf_co], ...]


@dataclass(frozen=True, slots=True)
class Or(Generic[Leaf_co]):
    """Some part holds. Two or more parts."""

    parts: tuple[Tree[Leaf_co], ...]


@dataclass(frozen=True, slots=True)
class Not(Generic[Leaf_co]):
    """The part does not hold."""

    part: Tree[Leaf_co]


Tree: TypeAlias = And[Leaf_co] | Or[Leaf_co] | Not[Leaf_co] | Leaf_co
Expr: TypeAlias = Tree[Compare]


def is_word(text: str) -> bool:
    """True where `text` may stand unquoted as a value."""
    wild = "*" in text and text != "*"
    return WORD.fullmatch(text) is not None and text not in KEYWORDS and not wild


def format(expr: Expr) -> str:  # noqa: A001 — read as `filters.format`
    """The canonical text of an expression: equal texts, equal expressions.

    An OR inside an AND stands in parentheses, though the grammar needs none: a
    reader who expects AND to bind tighter is not misled.

    Returns:
        Text with `parse(format(e)) == e`, for every `e` that `parse` returns.
    """
    match expr:
        case Compare(name, op, value):
            written = f'"{value.text.translate(_ESCAPED)}"' if value.quoted else value.text
            return f"{name}:{written}" if op == ":" else f"{name} {op} {written}"
        case Not(part):
            return f"NOT {_enclosed(part) if isinstance(part, Not) else _part(part)}"
        case And(parts):
            return " AND ".join(map(_part, parts))
        case Or(parts):
            return " OR ".join(map(_part, parts))


def _part(expr: Expr) -> str:
    return _enclosed(expr) if isinstance(expr, And | Or) else format(expr)


def _enclosed(expr: Expr) -> str:
    return f"({format(expr)})"


def nesting(expr: Expr) -> int:
    """How deep the parentheses of `format(expr)` go; 0 where it has none."""
    match expr:
        case Compare():
            return 0
        case Not(part):
            return nesting(part) + isinstance(part, And | Or | Not)
        case And(parts) | Or(parts):
            inner = (nesting(part) + isinstance(part, And | Or) for part in parts)
            return max(inner, default=0)
