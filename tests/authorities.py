"""One story in which each verdict on authority is passed, and gives way to another.

uses cite ► granted ► aliased ► linked ► varied ► aliased ► amended ► renewed ► revoked
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.commands import Performer, ReportToolUse
from ledger.events import (
    Amendment,
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
    Interval,
    Occurred,
    ToolUseReported,
)
from ledger.times import text_of_us
from tests import strategies
from tests.strategies import Operation

HOUR_US = 3_600_000_000


def story() -> Iterator[Operation]:
    """Every code, and every reason for which one gives way to another."""
    k, later = "authorizations/k", text_of_us(strategies.DAY + 2 * HOUR_US)
    start = text_of_us(strategies.DAY)
    at = Occurred(earliest=start, latest=start)
    for number, (technology, unit, authorizations) in enumerate(
        [
            ("technologies/t", "x", (k,)),
            ("technologies/u", "x", (k, "authorizations/l")),
            ("technologies/t", None, ()),
            ("technologies/t", "x", ("authorizations/m",)),
        ]
    ):
        yield strategies.Report((use(number, technology, unit, authorizations, at),))
    granted = AuthorizationGranted(
        authorization=k,
        agency="agencies/a",
        kind="warrant",
        valid=Interval(earliest=start, latest=later),
        granted_at=start,
        technologies=("technologies/t",),
    )
    yield strategies.RecordFact(granted, "ann")
    yield strategies.Alias("technologies/t", "technologies/u")
    yield strategies.Link(2, k)
    yield strategies.Link(3, k)
    yield strategies.RecordFact(
        AuthorizationGranted(
            authorization="authorizations/m",
            agency="agencies/a",
            kind="order",
            valid=Interval(),
            granted_at=later,
        ),
        None,
    )
    yield strategies.RecordFact(
        AuthorizationVaried(authorization=k, effective=at, technologies=("technologies/w",)), None
    )
    yield strategies.Alias("technologies/w", "technologies/v")
    yield strategies.Alias("technologies/w", "technologies/t")
    moved = text_of_us(strategies.DAY + 3 * HOUR_US)
    yield strategies.Amend(1, Amendment(occurred=Occurred(earliest=moved, latest=moved)))
    yield strategies.RecordFact(
        AuthorizationRenewed(authorization=k, valid=Interval(earliest=later), granted_at=moved),
        None,
    )
    early = text_of_us(strategies.DAY - HOUR_US)
    yield strategies.Amend(0, Amendment(occurred=Occurred(earliest=early, latest=early)))
    yield strategies.RecordFact(AuthorizationRevoked(authorization=k, effective=at), None)


def use(
    number: int,
    technology: str,
    unit: str | None,
    authorizations: tuple[str, ...],
    at: Occurred,
) -> ReportToolUse:
    return ReportToolUse(
        use=ToolUseReported(
            agency="agencies/a",
            technology=technology,
            unit=unit,
            authorizations=authorizations,
            occurred=at,
        ),
        source="sources/s",
        source_event_id=f"story {number}",
        capture="live",
        performer=Performer(user_id="ann" if number == 0 else "bo"),
    )
