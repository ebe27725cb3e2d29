"""Which uses may somebody else's log tell of? One agency's, by time, page after page.

The views say which, and when each took place as the ledger knows it now; what a use says is read
from its entries. Uses that another report holds come too: their ids lead to that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, literal, or_, select, tuple_

from ledger.projections.uses import UseState
from ledger.store import view_tables as t


@dataclass(frozen=True, slots=True)
class Matchable:
    """One use, as the views have it; `same_as` is the leaf index of the report that holds it."""

    first: int
    earliest_us: int
    latest_us: int
    amended: bool
    same_as: int | None


def matchable_uses(
    engine: Engine,
    *,
    agency: str,
    first_us: int,
    last_us: int,
    tree_size: int,
    limit: int,
) -> Iterator[list[Matchable]]:
    """Pages of an agency's uses whose time is not certainly outside first_us..last_us.

    Each page is a short read of its own; all speak of one tree size.
    """
    uses = t.uses.c
    place: tuple[int, int] | None = None
    with engine.connect() as connection:
        number = connection.execute(select(t.names.c.id).where(t.names.c.name == agency)).scalar()
        taken_back = _withdrawn(connection, tree_size)
    if number is None:
        return
    wanted = (
        select(uses.first, uses.earliest_us, uses.latest_us, uses.amendments, uses.same_as)
        .where(
            uses.agency == number,
            uses.earliest_us <= last_us,
            uses.latest_us >= first_us,
            uses.since < tree_size,
            uses.until >= tree_size,
            or_(
                uses.state == int(UseState.COUNTED),
                and_(uses.state == int(UseState.SAME_AS), uses.same_as.is_not(None)),
            ),
        )
        .order_by(uses.earliest_us, uses.first)
        .limit(limit)
    )
    if taken_back:
        column = uses["import"]
        withdrawn = select(t.withdrawn_imports.c["import"]).where(
            t.withdrawn_imports.c.since < tree_size
        )
        wanted = wanted.where(or_(column.is_(None), column.not_in(withdrawn)))
    while True:
        page = wanted
        if place is not None:
            last = tuple_(literal(place[0]), literal(place[1]))
            page = wanted.where(tuple_(uses.earliest_us, uses.first) > last)
        with engine.connect() as connection:
            found = [
                Matchable(first, earliest_us, latest_us, amendments > 0, same_as)
                for first, earliest_us, latest_us, amendments, same_as in connection.execute(page)
            ]
        if found:
            yield found
        if len(found) < limit:
            return
        place = found[-1].earliest_us, found[-1].first


def _withdrawn(connection: Connection, tree_size: int) -> bool:
    wanted = select(literal(1)).where(t.withdrawn_imports.c.since < tree_size).limit(1)
    return connection.execute(wanted).first() is not None
