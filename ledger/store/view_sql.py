"""How does a filter become a condition? Twice: where it holds for certain, and where it may.

The pure judge (projections.questions.judge) has three verdicts, SQL here has two conditions:
`certain` is its True, `possible` is its True or None. Negation is pushed down to the leaves,
each of which is written so that it is never NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, false, not_, or_, select, true

from ledger.filters import And, IntegerTest, Not, Or, Query, TextTest, TimeTest
from ledger.projections.questions import TEXT_FIELDS, UNKNOWABLE
from ledger.store import view_tables as t

Condition = ColumnElement[bool]
_COMPARE: Final[Mapping[str, Callable[[Any, int], Condition]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


@dataclass(frozen=True, slots=True)
class Names:
    """What the texts of a filter stand for in the views.

    Members:
        ids: Text to the ids of all names it covers (a technology's aliases); a text
            that stands nowhere has none.
        firsts: Use name to the leaf index of its report.
    """

    ids: Mapping[tuple[str, str], tuple[int, ...]]
    firsts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Conditions on `view_uses` for one question at one tree size."""

    names: Names
    tree_size: int

    def certain(self, query: Query, negated: bool = False) -> Condition:
        """Rows for which the filter (or its negation) is True."""
        return self._compile(query, negated, self._leaf_certain)

    def possible(self, query: Query, negated: bool = False) -> Condition:
        """Rows for which it is True or unknown."""
        return self._compile(query, negated, self._leaf_possible)

    def _compile(
        self, query: Query, negated: bool, leaf: Callable[[Any, bool], Condition]
    ) -> Condition:
        match query:
            case Not(part):
                return self._compile(part, not negated, leaf)
            case And(parts) | Or(parts):
                conditions = [self._compile(part, negated, leaf) for part in parts]
                if isinstance(query, And) is negated:
                    return or_(false(), *conditions)
                return and_(true(), *conditions)
            case _:
                return leaf(query, negated)

    def _leaf_certain(self, test: Any, negated: bool) -> Condition:
        if isinstance(test, TimeTest):
            return _time(_negate(test.op) if negated else test.op, test.value, certain=True)
        if isinstance(test, TextTest) and test.field in UNKNOWABLE:
            column, equal = t.uses.c[test.field], (test.op == "=") is not negated
            if test.value is None:  # "has none" stays open where it is not known
                return false() if equal else column.is_not(None)
            ids = self.names.ids.get((test.field, test.value), ())
            return column.in_(ids) if equal else and_(column.is_not(None), column.not_in(ids))
        return self._exact(test, negated)

    def _leaf_possible(self, test: Any, negated: bool) -> Condition:
        if isinstance(test, TimeTest):
            return _time(_negate(test.op) if negated else test.op, test.value, certain=False)
        if isinstance(test, TextTest) and test.field in UNKNOWABLE:
            return or_(t.uses.c[test.field].is_(None), self._leaf_certain(test, negated))
        return self._exact(test, negated)

    def _exact(self, test: Any, negated: bool) -> Condition:
        """Tests of what is never unknown: absent is `none`."""
        if isinstance(test, IntegerTest):
            op = _negate(test.op) if negated else test.op
            return _COMPARE[op](t.uses.c.first, test.value)
        assert isinstance(test, TextTest)
        equal = (test.op == "=") is not negated
        if test.field == "name":
            first = -1 if test.value is None else self.names.firsts.get(test.value, -1)
            return t.uses.c.first == first if equal else t.uses.c.first != first
        if test.field == "authorization":
            return self._cites(test.value, equal)
        column = t.uses.c[TEXT_FIELDS[test.field].rstrip("_")]
        if test.value is None:
            return column.is_(None) if equal else column.is_not(None)
        if test.field == "case_number":
            return column == test.value if equal else or_(column.is_(None), column != test.value)
        ids = self.names.ids.get((test.field, test.value), ())
        return column.in_(ids) if equal else or_(column.is_(None), column.not_in(ids))

    def _cites(self, authorization: str | None, equal: bool) -> Condition:
        if authorization is None:
            return t.uses.c.cited == 0 if equal else t.uses.c.cited > 0
        # By another name: a summary by authorization joins the same table.
        cited = t.use_authorizations.alias()
        ids = self.names.ids.get(("authorization", authorization), ())
        matching = and_(cited.c.authorization.in_(ids), cited.c.since < self.tree_size)
        if equal:
            return t.uses.c.first.in_(select(cited.c.first).where(matching))
        return not_(exists().where(and_(cited.c.first == t.uses.c.first, matching)))

    def standing(self) -> Condition:
        """Rows that say what the ledger knew at this tree size."""
        return and_(t.uses.c.since < self.tree_size, t.uses.c.until >= self.tree_size)

    def counted(self, any_withdrawn_import: bool) -> Condition:
        """Rows of uses that count at this tree size."""
        condition = t.uses.c.state == 0
        if not any_withdrawn_import:
            return condition
        taken_back = select(t.withdrawn_imports.c["import"]).where(
            t.withdrawn_imports.c.since < self.tree_size
        )
        column = t.uses.c["import"]
        return and_(condition, or_(column.is_(None), column.not_in(taken_back)))


def _negate(op: str) -> str:
    return {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[op]


def _time(op: str, us: int, *, certain: bool) -> Condition:
    earliest, latest = t.uses.c.earliest_us, t.uses.c.latest_us
    if op in (">=", ">"):
        return _COMPARE[op](earliest if certain else latest, us)
    if op in ("<", "<="):
        return _COMPARE[op](latest if certain else earliest, us)
    if op == "=":
        if certain:
            return and_(earliest == us, latest == us)
        return and_(earliest <= us, latest >= us)
    if certain:
        return or_(earliest > us, latest < us)
    return or_(earliest != us, latest != us)
