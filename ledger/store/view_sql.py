"""How does a filter become a condition? Twice: where it holds for certain, and where it may.

The pure judge (projections.questions.judge) has three verdicts, SQL here has two conditions:
`certain` is its True, `possible` is its True or None. Negation is pushed down to the leaves,
each of which is written so that it is never NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeGuard

from sqlalchemy import (
    ColumnElement,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.sql.elements import AsBoolean, False_, Grouping

from ledger.filters import And, IntegerTest, Not, Or, Query, TextTest, TimeTest
from ledger.projections.questions import OPEN_FIELDS, TEXT_FIELDS, UNKNOWABLE, UNNAMED
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST, ReasonState, digest_of_reason
from ledger.store import view_tables as t

Condition: TypeAlias = ColumnElement[bool]
_Part: TypeAlias = tuple[Query, bool]  # and whether it is negated
_CHAIN: Final = 8  # conditions side by side
_FEW: Final = 100  # ids of one test that are variables
_DECIDING: Final = ("technology", "agency", "performer")  # fields that rules go by
_MANY: Final = 8  # parts of a rule that are worth deciding between
_FEW_BRANCHES: Final = 4  # that are tried one after another
_LATE: Final = ("attached_late", "ratified_in_grace")
_COMPARE: Final[Mapping[str, Callable[[Any, int], Condition]]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


_FLOWS: Final = ("flow_country", "unpermitted_country")
FLOWS: Final = "flows:"  # before the text that flows are interned under
_URGENCY: Final = {"not_used": 0, "used": 1}
_CODED: Final = {
    "reason_state": {state.name.lower(): int(state) for state in ReasonState},
    "verified": {"no": 0, "yes": 1},
}
_HIDDEN: Final = (int(ReasonState.MASKED), int(ReasonState.WITHHELD))
_FLOW_FIELDS: Final = {"flow_country", "unpermitted_country"}
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
    grace_us: int = 0
    any_withdrawn_import: bool = True
    none_vague: bool = False  # only rows are asked for that are not vague

    def certain(self, query: Query, negated: bool = False) -> Condition:
        """Rows for which the filter (or its negation) is True."""
        return self._compile(query, negated, certain=True)

    def possible(self, query: Query, negated: bool = False) -> Condition:
        """Rows for which it is True or unknown."""
        return self._compile(query, negated, certain=False)

    def _compile(self, query: Query, negated: bool, *, certain: bool) -> Condition:
        while isinstance(query, Not):
            query, negated = query.part, not negated
        if not isinstance(query, And | Or):
            return self._leaf(query, negated, certain=certain)
        either = isinstance(query, And) is negated
        return self._all_or_one(list(_flattened(query, negated, either)), either, certain)

    def _all_or_one(self, parts: list[_Part], either: bool, certain: bool) -> Condition:
        """All of the parts, or with `either` one of them."""
        conditions: list[Condition] = []
        sets: dict[str, set[int]] = {}
        reasons: set[int] = set()
        decided, parts = _with_one_field(parts, either)
        if decided:
            conditions.append(self._decision(decided, either, certain))
        for part, no in parts:
            # `f = a OR f = b …` and `f != a AND f != b …` are one test: rules name hundreds.
            if _is_of_a_set(part) and ((part.op == "=") is not no) is either:
                sets.setdefault(part.field, set()).update(self._ids(part))
            elif _is_a_reason(part) and ((part.op == "=") is not no) is either:
                reasons.add(digest_of_reason(part.value or ""))
            else:
                conditions.append(self._compile(part, no, certain=certain))
        conditions += [
            self._one_of(field, tuple(sorted(ids)), either, certain=certain)
            for field, ids in sets.items()
        ]
        if reasons:
            conditions.append(_one_of_reasons(reasons, either, certain=certain))
        return _joined(conditions, either)

    def _decision(
        self, decided: list[tuple[TextTest, list[_Part]]], either: bool, certain: bool
    ) -> Condition:
        """`(f = a AND …) OR (f = b AND …) …`, or its dual, decided by what `f` is.

        A row then has only the rest of its own branch to look at, among hundreds.
        """
        field = decided[0][0].field
        column = t.uses.c[column_of(field)]
        branches: dict[int, list[Condition]] = {}
        rests = [self._all_or_one(rest, not either, certain) for _, rest in decided]
        for (test, _rest), condition in zip(decided, rests, strict=True):
            for number in self._ids(test):
                branches.setdefault(number, []).append(condition)
        joined = {number: _joined(found, either) for number, found in branches.items()}
        by_number = _tree(column, sorted(joined), joined, false() if either else true())
        may_be_any = field in UNKNOWABLE and not self.none_vague
        if may_be_any and either is not certain:
            return case((column.is_(None), _joined(rests, either)), else_=by_number) == true()
        if either:
            return and_(_in(column, tuple(sorted(joined))), by_number)
        return or_(column.is_(None), by_number)

    def _one_of(self, field: str, ids: tuple[int, ...], equal: bool, *, certain: bool) -> Condition:
        """Does the field say one of these, or (not equal) none of them?"""
        if field not in _FLOWS:
            return _member(field, ids, equal, certain=certain or self.none_vague)
        known, holds = self._flows_in(field, ids, equal)
        return _joined([known, holds] if certain else [not_(known), holds], not certain)

    def _ids(self, test: TextTest) -> tuple[int, ...]:
        return self.names.ids.get((test.field, test.value or ""), ())

    def _leaf(self, test: Any, negated: bool, *, certain: bool) -> Condition:
        if isinstance(test, TimeTest):
            return _time(test, negated, certain=certain or self.none_vague)
        if test.field in OPEN_FIELDS:
            return self._open(test, negated, certain=certain)
        if _is_of_a_set(test):
            equal = (test.op == "=") is not negated
            return self._one_of(test.field, self._ids(test), equal, certain=certain)
        if isinstance(test, TextTest) and test.field in UNKNOWABLE:
            certain = certain or self.none_vague
            column, equal = t.uses.c[test.field], (test.op == "=") is not negated
            has_none = false() if equal else column.is_not(None)
            # "has none" stays open where it is not known
            return has_none if certain else or_(column.is_(None), has_none)
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
        if test.field == "authority":
            return self._authority(test.value, equal)
        if test.field in _CODED:
            return _coded(test.field, test.value, equal)
        column = t.uses.c[column_of(test.field)]
        if test.value is None:
            return column.is_(None) if equal else column.is_not(None)
        assert test.field == "case_number", "others are names with an id"
        return column == test.value if equal else or_(column.is_(None), column != test.value)

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

    def _authority(self, code: str | None, equal: bool) -> Condition:
        """By the verdicts that hold at this tree size; a use that cites nothing stands under none."""
        if code in (None, "none"):
            return t.uses.c.cited == 0 if equal else t.uses.c.cited > 0
        graced = code in _LATE
        kept = "attached_late" if graced else code
        if kept not in t.VERDICTS:
            return false() if equal else true()
        found = t.use_authorizations.alias()
        holds = and_(
            found.c.verdict == t.VERDICTS.index(kept),
            found.c.since < self.tree_size,
            found.c.until >= self.tree_size,
        )
        if graced:
            within = and_(found.c.lag_us.is_not(None), found.c.lag_us <= self.grace_us)
            holds = and_(holds, within if code == "ratified_in_grace" else not_(within))
        if equal:
            return t.uses.c.first.in_(select(found.c.first).where(holds))
        none_holds = not_(exists().where(and_(found.c.first == t.uses.c.first, holds)))
        return or_(t.uses.c.cited == 0, none_holds)  # most cite nothing

    def _flows(self, test: TextTest, negated: bool) -> tuple[Condition, Condition]:
        """By the names that flows are interned under; a flow without a country may name any."""
        equal = (test.op == "=") is not negated
        ids = self._ids(test)
        column = t.uses.c.flows
        if test.value is None:
            has_none = or_(column.is_(None), column.in_(ids))
            return true(), has_none if equal else not_(has_none)
        return self._flows_in(test.field, ids, equal)

    def _flows_in(
        self, field: str, ids: tuple[int, ...], equal: bool
    ) -> tuple[Condition, Condition]:
        """As `_flows`, of several countries at once: `ids` are those of all of them."""
        column = t.uses.c.flows
        left_open = self.names.ids.get((field, UNNAMED), ())
        unsure = tuple(sorted(set(left_open) - set(ids)))
        known = or_(column.is_(None), not_(_in(column, unsure)))
        named = and_(column.is_not(None), _in(column, ids))
        return known, named if equal else not_(named)

    def _open(self, test: Any, negated: bool, *, certain: bool) -> Condition:
        """Tests of what some uses leave open: known and so, or (possibly) not known."""
        if test.field in _FLOWS:
            known, holds = self._flows(test, negated)
        else:
            known, holds = _known_and_holds(test, negated)
        return _joined([known, holds] if certain else [not_(known), holds], not certain)

    def standing(self) -> Condition:
        """Rows that say what the ledger knew at this tree size."""
        return and_(t.uses.c.since < self.tree_size, t.uses.c.until >= self.tree_size)

    def counted(self) -> Condition:
        """Rows of uses that count at this tree size."""
        condition = t.uses.c.state == 0
        if not self.any_withdrawn_import:
            return condition
        taken_back = select(t.withdrawn_imports.c["import"]).where(
            t.withdrawn_imports.c.since < self.tree_size
        )
        column = t.uses.c["import"]
        return and_(condition, or_(column.is_(None), column.not_in(taken_back)))


def _flattened(query: Query, negated: bool, either: bool) -> Iterator[_Part]:
    """The parts of one AND or OR, whatever nests and negations they are written in."""
    while isinstance(query, Not):
        query, negated = query.part, not negated
    if isinstance(query, And | Or) and (isinstance(query, And) is negated) is either:
        for part in query.parts:
            yield from _flattened(part, negated, either)
    else:
        yield query, negated


def _is_of_a_set(test: Query) -> TypeGuard[TextTest]:
    """Does it ask for a name with an id, as one of several may be asked for?"""
    if not isinstance(test, TextTest) or test.value is None:
        return False
    return test.field in _FLOW_FIELDS or (test.field in TEXT_FIELDS and test.field != "case_number")


def _is_a_reason(test: Query) -> TypeGuard[TextTest]:
    return isinstance(test, TextTest) and test.field == "reason" and test.value is not None


def _one_of_reasons(digests: set[int], equal: bool, *, certain: bool) -> Condition:
    """Is the reason one of these, where it can be read?"""
    known = t.uses.c.reason_state.not_in(_HIDDEN)
    one_of = func.coalesce(t.uses.c.reason_digest, -1).in_(sorted(digests))
    holds = one_of if equal else not_(one_of)
    return and_(known, holds) if certain else or_(not_(known), holds)


def _member(field: str, ids: tuple[int, ...], equal: bool, *, certain: bool) -> Condition:
    """Is the name one of these? Unknown is neither yes nor no; where it is never unknown, no."""
    column = t.uses.c[column_of(field)]
    if field not in UNKNOWABLE:
        return _in(column, ids) if equal else or_(column.is_(None), not_(_in(column, ids)))
    holds = _in(column, ids) if equal else and_(column.is_not(None), not_(_in(column, ids)))
    return holds if certain else or_(column.is_(None), holds)


def _with_one_field(
    parts: list[_Part], either: bool
) -> tuple[list[tuple[TextTest, list[_Part]]], list[_Part]]:
    """Those of the parts that begin with a test of one field, if they are many; and the others."""
    opened: list[tuple[_Part, list[_Part]]] = [
        (part, list(_flattened(*part, either=not either))) for part in parts
    ]
    for field in _DECIDING:
        decided, others = [], []
        for part, inner in opened:
            for place, (test, no) in enumerate(inner):
                if len(inner) == 1 or not _is_of_a_set(test) or test.field != field:
                    continue
                if ((test.op == "=") is not no) is either:
                    decided.append((test, inner[:place] + inner[place + 1 :]))
                    break
            else:
                others.append(part)
        if len(decided) >= _MANY:
            return decided, others
    return [], parts


def _tree(
    column: Any, numbers: list[int], branches: Mapping[int, Condition], default: Condition
) -> Condition:
    """The branch of a column's number, found by halves; the default for any other."""
    if len(numbers) <= _FEW_BRANCHES:
        if not numbers:
            return default
        found = case(*((column == number, branches[number]) for number in numbers), else_=default)
    else:
        middle = len(numbers) // 2
        below = _tree(column, numbers[:middle], branches, default)
        found = case(
            (column < numbers[middle], below),
            else_=_tree(column, numbers[middle:], branches, default),
        )
    return Grouping(found)


def _joined(conditions: list[Condition], either: bool) -> Condition:
    """All, or one of them. Many as a tree: of a chain SQLite takes 1,000 links at most."""
    if len(conditions) <= _CHAIN:
        if either:
            return or_(false(), *(one for one in conditions if not is_never(one)))
        return false() if any(map(is_never, conditions)) else and_(true(), *conditions)
    middle = len(conditions) // 2
    first, second = (
        Grouping(_joined(half, either)) for half in (conditions[:middle], conditions[middle:])
    )
    return Grouping(first.op("OR" if either else "AND", is_comparison=True)(second))


def is_never(condition: Condition) -> bool:
    """Is it settled that no row meets this? SQLAlchemy wraps what it has settled, and then forgets."""
    inner: Any = condition
    while isinstance(inner, Grouping | AsBoolean):
        inner = inner.element
    return isinstance(inner, False_)


def _in(column: Any, ids: tuple[int, ...]) -> Condition:
    """One of these ids; many stand in the statement itself, which takes only so many variables."""
    if not ids:
        return false()
    if len(ids) <= _FEW:
        found: Condition = column.in_(ids)
        return found
    return column.in_(  # type: ignore[no-any-return]
        bindparam(None, ids, type_=Integer, expanding=True, literal_execute=True)
    )


def column_of(field: str) -> str:
    """The column of a text field that holds the id of a name, or of a text that flows are kept as."""
    if field in _FLOW_FIELDS:
        return "flows"
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
        elif test.field == "ahead":  # the other end's delay, with its sign turned
            known, span = uses.earliest_us != OPEN_EARLIEST, uses.recorded_us - uses.earliest_us
            op = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(op, op)
            low_us, high_us = -test.value * 1_000_000, (1 - test.value) * 1_000_000
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
    known = uses.reason_state.not_in(_HIDDEN)
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
        before = _COMPARE[op](earliest, us)
        # The earlier end bounds what an index is read for.
        return and_(before, _COMPARE[op](latest, us)) if certain else before
    if op == "=":
        if certain:
            return and_(earliest == us, latest == us)
        return and_(earliest <= us, latest >= us)
    if certain:
        return or_(earliest > us, latest < us)
    return or_(earliest != us, latest != us)
