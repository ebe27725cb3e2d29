"""How does a filter become a condition? Twice: where it holds for certain, and where it may.

The pure judge (projections.questions.judge) has three verdicts, SQL here has two conditions:
`certain` is its True, `possible` is its True or None. Negation is pushed down to the leaves,
each of which is written so that it is never NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true

from ledger.filters import And, IntegerTest, Not, Or, Query, TextTest, TimeTest
from ledger.projections.questions import OPEN_FIELDS, TEXT_FIELDS, UNKNOWABLE
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST, ReasonState, digest_of_reason
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


FLOWS: Final = "flows:"  # before the text that flows are interned under
_URGENCY: Final = {"not_used": 0, "used": 1}
_CODED: Final = {
    "reason_state": {state.name.lower(): int(state) for state in ReasonState},
    "verified": {"no": 0, "yes": 1},
}
_OWN_COLUMNS: Final = {"credential", "role", "category", "database", "version"}


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
            return _time(test, negated, certain=True)
        if test.field in OPEN_FIELDS:
            return self._open(test, negated, certain=True)
        if isinstance(test, TextTest) and test.field in UNKNOWABLE:
            column, equal = t.uses.c[test.field], (test.op == "=") is not negated
            if test.value is None:  # "has none" stays open where it is not known
                return false() if equal else column.is_not(None)
            ids = self.names.ids.get((test.field, test.value), ())
            return column.in_(ids) if equal else and_(column.is_not(None), column.not_in(ids))
        return self._exact(test, negated)

    def _leaf_possible(self, test: Any, negated: bool) -> Condition:
        if isinstance(test, TimeTest):
            return _time(test, negated, certain=False)
        if test.field in OPEN_FIELDS:
            return self._open(test, negated, certain=False)
        if isinstance(test, TextTest) and test.field in UNKNOWABLE:
            return or_(t.uses.c[test.field].is_(None), self._leaf_certain(test, negated))
        return self._exact(test, negated)

    def _exact(self, test: Any, negated: bool) -> Condition:
        """Tests of what is never unknown: absent is `none`."""
        if isinstance(test, IntegerTest):
            op = _negate(test.op) if negated else test.op
            column = t.uses.c.first if test.field == "leaf_index" else t.uses.c[test.field]
            return _COMPARE[op](column, test.value)
        assert isinstance(test, TextTest)
        equal = (test.op == "=") is not negated
        if test.field == "name":
            first = -1 if test.value is None else self.names.firsts.get(test.value, -1)
            return t.uses.c.first == first if equal else t.uses.c.first != first
        if test.field == "authorization":
            return self._cites(test.value, equal)
        if test.field in _CODED:
            return _coded(test.field, test.value, equal)
        if test.field in ("flow_country", "unpermitted_country"):
            return self._flows(test, equal)
        column = t.uses.c[column_of(test.field)]
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

    def _flows(self, test: TextTest, equal: bool) -> Condition:
        """By the names that flows are interned under; a test of `none` has those with none."""
        ids = self.names.ids.get((test.field, test.value or ""), ())
        column = t.uses.c.flows
        if test.value is None:
            has_none = or_(column.is_(None), column.in_(ids))
            return has_none if equal else not_(has_none)
        return column.in_(ids) if equal else or_(column.is_(None), column.not_in(ids))

    def _open(self, test: Any, negated: bool, *, certain: bool) -> Condition:
        """Tests of what some uses leave open: known and so, or (possibly) not known."""
        known, holds = _known_and_holds(test, negated)
        return and_(known, holds) if certain else or_(not_(known), holds)

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


def column_of(field: str) -> str:
    """The column of a text field that holds the id of a name."""
    return field if field in _OWN_COLUMNS else TEXT_FIELDS[field].rstrip("_")


def _coded(field: str, value: str | None, equal: bool) -> Condition:
    """A text of a closed list, kept as its number."""
    column, numbers = t.uses.c[field], _CODED[field]
    if value is None:
        return column.is_(None) if equal else column.is_not(None)
    number = numbers.get(value)
    if number is None:
        return false() if equal else true()
    return column == number if equal else or_(column.is_(None), column != number)


def _known_and_holds(test: Any, negated: bool) -> tuple[Condition, Condition]:
    """Whether a row says anything of an open field, and the test on what it says.

    Neither is ever NULL: what is not known reads as 0.
    """
    uses = t.uses.c
    if isinstance(test, IntegerTest):
        op = _negate(test.op) if negated else test.op
        if test.field == "sequence":
            return uses.sequence.is_not(None), _COMPARE[op](
                func.coalesce(uses.sequence, 0), test.value
            )
        # Whole seconds, rounded down: compared as microseconds, which no database rounds.
        low_us, high_us = test.value * 1_000_000, (test.value + 1) * 1_000_000
        if test.field == "delay":
            known, span = uses.latest_us != OPEN_LATEST, uses.recorded_us - uses.latest_us
        elif test.field == "ahead":
            known, span = uses.earliest_us != OPEN_EARLIEST, uses.earliest_us - uses.recorded_us
        else:
            known = and_(uses.earliest_us != OPEN_EARLIEST, uses.window_from_us.is_not(None))
            span = uses.earliest_us - func.coalesce(uses.window_from_us, 0)
        holds = {
            "=": and_(span >= low_us, span < high_us),
            "!=": or_(span < low_us, span >= high_us),
            "<": span < low_us,
            "<=": span < high_us,
            ">": span >= high_us,
            ">=": span >= low_us,
        }[op]
        return known, holds
    equal = (test.op == "=") is not negated
    if test.field == "urgency":
        return uses.urgency.is_not(None), _choice(uses.urgency, _URGENCY, test.value, equal)
    hidden = (int(ReasonState.MASKED), int(ReasonState.WITHHELD))
    known = uses.reason_state.not_in(hidden)
    if test.value is None:
        has_none = uses.reason_digest.is_(None)
        return known, has_none if equal else not_(has_none)
    digest = func.coalesce(uses.reason_digest, -1)
    wanted = digest_of_reason(test.value)
    return known, digest == wanted if equal else digest != wanted


def _choice(column: Any, numbers: Mapping[str, int], value: str | None, equal: bool) -> Condition:
    """A known choice; it is never `none`."""
    number = -1 if value is None else numbers.get(value, -1)
    found = func.coalesce(column, -2)
    return found == number if equal else found != number


def _negate(op: str) -> str:
    return {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}[op]


def _time(test: TimeTest, negated: bool, *, certain: bool) -> Condition:
    op, us = _negate(test.op) if negated else test.op, test.value
    if test.field == "recorded":
        return _COMPARE[op](t.uses.c.recorded_us, us)
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
