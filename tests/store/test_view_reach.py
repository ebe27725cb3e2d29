"""Is every use judged anew that an entry of its authority bears on, and are the others let be?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import event

from ledger.commands import ReportToolUse
from ledger.events import (
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
    Interval,
    Occurred,
    ToolUseReported,
)
from ledger.store import view_verdicts
from ledger.store.view_reach import Reach
from ledger.store.view_writer import ViewWriter
from tests.ledgers import Ledger, Place, view_rows
from tests.strategies import effort, operations

NAME = "authorizations/k"
DAYS = [f"2020-02-{day:02d}T12:00:00Z" for day in range(1, 21)]


def citing(number: int, when: Occurred | None = None) -> ReportToolUse:
    at = DAYS[number]
    return ReportToolUse(
        use=ToolUseReported(
            agency="agencies/a",
            authorizations=(NAME,),
            occurred=when or Occurred(earliest=at, latest=at),
        ),
        source="sources/s",
        source_event_id=f"{number} {when}",
        capture="live",
    )


def granted(ledger: Ledger) -> None:
    ledger.register_agencies()
    fact = AuthorizationGranted(
        authorization=NAME,
        agency="agencies/a",
        kind="warrant",
        granted_at=DAYS[0],
        valid=Interval(earliest=DAYS[2], latest=DAYS[15]),
    )
    ledger.append(ledger.registrar.record(fact, ledger.provenance(), {}))


def tell(ledger: Ledger, fact: Any) -> None:
    ledger.append(ledger.registrar.record(fact, ledger.provenance(), {}))


@effort(0.5)
@given(operations)
def test_reach_leaves_out_no_use_that_changes(place: Place, told: list[Any]) -> None:
    """Rows are the same, to the byte, as where every citing use is judged one by one."""
    store, engine = place.begin()
    Ledger(store).tell(told)
    writer = ViewWriter(engine, store)
    writer.catch_up(batch=3)
    reached = view_rows(engine)
    writer.drop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(view_verdicts, "reach_of", lambda _history: Reach())
        writer.catch_up(batch=3)
    assert view_rows(engine) == reached


TOLD = {
    "revoked": (
        AuthorizationRevoked(
            authorization=NAME, effective=Occurred(earliest=DAYS[10], latest=DAYS[10])
        ),
        0,
    ),
    "revoked on some day": (
        AuthorizationRevoked(
            authorization=NAME, effective=Occurred(earliest=DAYS[8], latest=DAYS[12])
        ),
        4,
    ),
    "varied": (
        AuthorizationVaried(
            authorization=NAME,
            effective=Occurred(earliest=DAYS[16], latest=DAYS[16]),
            units=("none of theirs",),
        ),
        4,
    ),
    "renewed": (
        AuthorizationRenewed(
            authorization=NAME, valid=Interval(earliest=DAYS[15], latest=DAYS[19])
        ),
        6,
    ),
}


@pytest.mark.parametrize("what", TOLD)
def test_only_uses_that_may_change_are_read_again(
    place: Place, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Of twenty uses, one a day: those after a variation, those outside the grant, none that SQL settles."""
    store, engine = place.begin()
    ledger = Ledger(store)
    granted(ledger)
    ledger.report(*(citing(number) for number in range(20)))
    writer = ViewWriter(engine, store)
    writer.catch_up(batch=100)
    fact, expected = TOLD[what]
    tell(ledger, fact)
    read: list[int] = []
    states_of = view_verdicts.VerdictRows._states_of

    def counting(rows: view_verdicts.VerdictRows, firsts: list[int]) -> Any:
        read.extend(firsts)
        return states_of(rows, firsts)

    monkeypatch.setattr(view_verdicts.VerdictRows, "_states_of", counting)
    writer.catch_up(batch=100)

    assert expected == len(read)
    after = view_rows(engine)
    writer.drop()
    writer.catch_up(batch=1)
    assert after == view_rows(engine)


def test_revocation_is_a_few_statements_however_many_cite_it(place: Place) -> None:
    """As many for two hundred uses as for twenty."""
    counted = []
    for times in (1, 10):
        store, engine = place.begin()
        ledger = Ledger(store)
        granted(ledger)
        for number in range(times):
            when = [f"2020-02-{11 + n % 5:02d}T12:00:{number:02d}Z" for n in range(20)]
            ledger.report(
                *(citing(n, Occurred(earliest=at, latest=at)) for n, at in enumerate(when))
            )
        writer = ViewWriter(engine, store)
        writer.catch_up(batch=1_000)
        tell(ledger, TOLD["revoked"][0])
        statements: list[str] = []

        def noted(*arguments: Any, told: list[str] = statements) -> None:
            told.append(arguments[2])

        event.listen(engine, "before_cursor_execute", noted)
        writer.catch_up(batch=1_000)
        event.remove(engine, "before_cursor_execute", noted)
        counted.append(len(statements))
    assert counted[0] == counted[1]


def test_uses_of_the_same_batch_are_judged_by_what_it_says(place: Place) -> None:
    """A use that its batch reports, amends or cites late is judged one by one: rows tell later."""
    rows = []
    for batch in (1, 1_000):
        store, engine = place.begin()
        ledger = Ledger(store)
        granted(ledger)
        ledger.report(*(citing(number) for number in range(0, 20, 2)))
        writer = ViewWriter(engine, store)
        writer.catch_up(batch=batch)
        ledger.report(*(citing(number) for number in range(1, 20, 2)))
        tell(ledger, TOLD["renewed"][0])
        tell(ledger, TOLD["varied"][0])
        ledger.report(citing(11, Occurred(earliest=DAYS[11])), citing(19, Occurred()))
        tell(ledger, TOLD["revoked on some day"][0])
        writer.catch_up(batch=batch)
        rows.append(view_rows(engine))
    assert rows[0] == rows[1]
