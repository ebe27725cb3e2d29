"""Do the views know under what authority each use stood, after each entry, as the rules judge it?

operations ──► log ──ViewWriter──► view_use_authorizations, at every tree size ─┐
                └────JudgedFold──► rules.verdicts ─────────────────────────────┴─► equal
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from ledger.events import (
    AuthorizationGranted,
    AuthorizationRevoked,
    Interval,
    Occurred,
)
from ledger.filters import check, parse
from ledger.limits import REJUDGED_AT_ONCE
from ledger.projections.questions import SCHEMA
from ledger.projections.sought import Sought
from ledger.rules.fold import JudgedFold
from ledger.rules.verdicts import CODES
from ledger.store import view_tables as t
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.times import text_of_us
from tests import ledgers, strategies
from tests.authorities import HOUR_US, story, use
from tests.ledgers import Ledger, fold_of
from tests.strategies import Operation, effort, operations

Row = tuple[str, int, int, str, int | None]


def stored(engine: Engine, tree_size: int) -> list[Row]:
    """Authorization, use, rank, code and lag of each citation, by the views."""
    columns, names = t.use_authorizations.c, t.names.c
    wanted = (
        select(names.name, columns.first, columns.rank, columns.verdict, columns.lag_us)
        .join(t.names, names.id == columns.authorization)
        .where(columns.since < tree_size, columns.until >= tree_size)
    )
    with engine.connect() as connection:
        found = connection.execute(wanted).all()
    return sorted(
        ((name, first, rank, t.VERDICTS[code], lag) for name, first, rank, code, lag in found),
        key=repr,
    )


def judged(fold: JudgedFold) -> list[Row]:
    """The same, by the rules."""
    verdicts = fold.authorities.judge(fold.registers)
    return sorted(
        (
            (str(found.authorization), row.first, rank, found.code, found.lag_us)
            for row in fold.uses.values()
            for rank, found in enumerate(verdicts(row))
        ),
        key=repr,
    )


def check_all(place: ledgers.Place, steps: list[Operation], batch: int) -> set[str]:
    """Compare at every tree size; returns the codes that were seen."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.tell(steps)
    ViewWriter(engine, store).catch_up(batch=batch)
    entries, seen = ledger.entries(), set[str]()
    for size in range(len(entries) + 1):
        fold, _unread = fold_of(entries[:size])
        expected = judged(fold)
        assert expected == stored(engine, size), size
        seen |= {row[3] for row in expected}
    return seen


def test_verdicts_of_the_views_are_those_of_the_rules(place: ledgers.Place) -> None:
    """Whatever is told of uses, registers and aliases, in whatever batches, at any tree size."""
    sqlite = isinstance(place, ledgers.SqlitePlace)

    @effort(0.6 if sqlite else 0.1)
    @given(operations, st.integers(1, 9))
    def law(steps: list[Operation], batch: int) -> None:
        check_all(place, steps, batch)

    law()


def test_each_way_a_verdict_changes_is_followed(place: ledgers.Place) -> None:
    """One story in batches of one, a few, and at once: the verdicts of the rules, all but one code."""
    seen = set[str]()
    for batch in (1, 3, 100):
        seen |= check_all(place, list(story()), batch)
    assert {"unknown", "valid_before", "attached_late", "expired", "not_yet_valid"} <= seen
    assert {"out_of_scope", "self_authorised", "revoked"} <= seen


def test_grace_turns_late_authority_into_ratified(place: ledgers.Place) -> None:
    """By each grace, filters on every code find what the rules' own codes say, and nothing else."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.tell(list(story()))
    ViewWriter(engine, store).catch_up(batch=5)
    reader, entries = ViewReader(engine, store), ledger.entries()
    found = set[tuple[int, str]]()
    for size in range(0, len(entries) + 1, 3):
        fold, _unread = fold_of(entries[:size])
        cited = {name for row in fold.uses.values() for name in row.authorizations}
        assert cited == reader.cited_authorizations(size)
        for grace_us in (0, 2 * HOUR_US - 1, 2 * HOUR_US, 10**18):
            codes = fold.authority(grace_us)
            for code in (*CODES, "elsewhere"):
                for text in (f'authority = "{code}"', f'NOT authority = "{code}"'):
                    query = check(parse(text), SCHEMA)
                    sought = Sought(query, query, size, grace_us)
                    expected = {
                        row.first: verdict is True
                        for row in fold.uses.values()
                        if (verdict := sought.verdict(row, fold.aliases.groups(), codes))
                        is not False
                    }
                    page, _ = reader.page(sought, None, 100)
                    assert expected == {item.first: item.definite for item in page}, text
                    if expected:
                        found.add((grace_us, code))
    assert {(2 * HOUR_US, "ratified_in_grace"), (0, "attached_late")} <= found


def test_many_uses_of_one_authorization_are_judged_again_in_parts(place: ledgers.Place) -> None:
    """A grant that comes after its citations, and its revocation, reach every one of them."""
    store, engine = place.begin()
    ledger = Ledger(store)
    at = Occurred(earliest=text_of_us(strategies.DAY), latest=text_of_us(strategies.DAY))
    steps: list[Operation] = [
        strategies.Report(
            tuple(
                use(number, "technologies/t", "x", ("authorizations/k",), at)
                for number in range(REJUDGED_AT_ONCE + 100)
            )
        ),
        strategies.RecordFact(
            AuthorizationGranted(
                authorization="authorizations/k",
                agency="agencies/a",
                kind="policy",
                valid=Interval(),
            ),
            None,
        ),
        strategies.RecordFact(
            AuthorizationRevoked(authorization="authorizations/k", effective=at), None
        ),
    ]
    ledger.tell(steps)
    ViewWriter(engine, store).catch_up(batch=400)
    size = store.head().tree_size
    for tree_size, code in ((size - 2, "unknown"), (size - 1, "valid_before"), (size, "revoked")):
        query = check(parse(f'authority = "{code}"'), SCHEMA)
        assert (size - 4, 0) == ViewReader(engine, store).count(Sought(query, query, tree_size))
