"""Which uses may be judged otherwise after one more entry of their authority? Rarely all that cite it.

    renewed           those that no interval held for certain
    varied, revoked   those that may have taken place since it took effect
    revoked, and they certainly took place since: SQL settles them, a statement for all

So a revocation that a million uses cite costs what it changes, and that by the statement. Each
line follows from the order in which rules.verdicts judges; tests/store/test_view_reach.py holds
it against judging every use.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, exists, insert, literal, or_, select, update

from ledger.events import AuthorizationRenewed, AuthorizationRevoked, AuthorizationVaried
from ledger.limits import MAX_SETTLED_APART
from ledger.projections.registers import Told
from ledger.rules.authority import authority_of
from ledger.rules.moments import Span
from ledger.store import view_tables as t

_UNKNOWN: Final = t.VERDICTS.index("unknown")
_REVOKED: Final = t.VERDICTS.index("revoked")
# A new interval counts only where no earlier one holds the moment; with any other verdict one does.
_OUTSIDE: Final = tuple(map(t.VERDICTS.index, ("expired", "not_yet_valid", "revoked", "unknown")))

# Those that SQL has settled are revoked, and need no second look.
_UNSETTLED: Final = tuple(number for number in range(len(t.VERDICTS)) if number != _REVOKED)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which of the uses that cite an authorization its newest entry may bear on.

    Members:
        verdicts: Only those with one of these; None: with any.
        since_us: Only those that may have taken place then or later; None: whenever.
        revoked: When it was revoked, where the entry says so.
    """

    verdicts: tuple[int, ...] | None = None
    since_us: int | None = None
    revoked: Span | None = None


def reach_of(history: Sequence[Told]) -> Reach | None:
    """What the last entry of a history may change; None where that is nothing."""
    authority = authority_of(history)
    if authority is None:
        return None  # nothing was granted: every citation is unknown, before and after
    if len(history) == 1:
        return Reach()
    fact = history[-1].fact
    if isinstance(fact, AuthorizationRenewed):
        return Reach(verdicts=_OUTSIDE)
    if isinstance(fact, AuthorizationVaried):
        return Reach(since_us=authority.scopes[-1].since[0])
    if isinstance(fact, AuthorizationRevoked):
        if any(isinstance(told.fact, AuthorizationRevoked) for told in history[:-1]):
            return None  # the first revocation counts
        assert authority.revoked is not None
        return Reach(_UNSETTLED, authority.revoked[0], authority.revoked)
    return Reach()


def reached(reach: Reach, apart: Collection[int]) -> list[Any]:
    """The reach as conditions on rows of `view_use_authorizations` that hold.

    Args:
        apart: Uses, by first leaf index, of which `view_uses` may not tell yet: always reached.
    """
    columns = t.use_authorizations.c
    conditions: list[Any] = []
    if reach.verdicts is not None:
        conditions.append(columns.verdict.in_(reach.verdicts))
    if reach.since_us is not None and len(apart) <= MAX_SETTLED_APART:
        # An open end is stored beyond every moment, so none is passed by that may be later.
        later = _use(t.uses.c.latest_us >= reach.since_us)
        conditions.append(or_(later, columns.first.in_(sorted(apart))))
    return conditions


def settle_revoked(
    connection: Connection, number: int, leaf_index: int, revoked: Span, apart: Collection[int]
) -> None:
    """New rows for uses that took place after a revocation, whatever else is said of them.

    The lag stays: it does not depend on the revocation. Where nothing could be told there is none
    yet, and such uses are judged one by one, like those `apart`.
    """
    if len(apart) > MAX_SETTLED_APART:
        return
    table, columns = t.use_authorizations, t.use_authorizations.c
    settled = and_(
        columns.authorization == number,
        columns.until == t.STILL,
        columns.verdict.not_in((_UNKNOWN, _REVOKED)),
        columns.first.not_in(sorted(apart)),
        _use(t.uses.c.earliest_us >= revoked[1]),
    )
    copied = select(
        columns.authorization,
        columns.first,
        literal(leaf_index),
        literal(t.STILL),
        columns.rank,
        literal(_REVOKED),
        columns.lag_us,
    ).where(settled)
    names = ("authorization", "first", "since", "until", "rank", "verdict", "lag_us")
    # The new rows are revoked, so the second statement passes them by.
    connection.execute(insert(table).from_select(names, copied))
    connection.execute(update(table).where(settled).values(until=leaf_index))


def _use(condition: Any) -> Any:
    """What the use says now, of a row that cites."""
    uses = t.uses.c
    return exists().where(
        uses.first == t.use_authorizations.c.first, uses.until == t.STILL, condition
    )
