"""Do views of another release stop anybody? They are made anew, from a log that is still there."""

from __future__ import annotations

import logging

import pytest
from sqlalchemy import Engine, inspect, select, text

from ledger.store import usage_tables, view_tables
from ledger.store.audit import audit_ledger
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from tests.ledgers import Ledger, Place, PostgresPlace, numbered, view_rows

# As the release before layout numbers made them, as far as anything reads them.
OLDER = (
    "CREATE TABLE view_position (id SMALLINT PRIMARY KEY, tree_size BIGINT NOT NULL)",
    "INSERT INTO view_position VALUES (0, 7)",
    "CREATE TABLE view_names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "INSERT INTO view_names VALUES (1, 'agencies/gone')",
    """CREATE TABLE view_uses (
        first BIGINT NOT NULL, since BIGINT NOT NULL, until BIGINT NOT NULL,
        earliest_us BIGINT NOT NULL, latest_us BIGINT NOT NULL, agency INTEGER NOT NULL,
        state SMALLINT NOT NULL, vague BOOLEAN NOT NULL, PRIMARY KEY (first, since))""",
    "CREATE INDEX view_uses_time ON view_uses (earliest_us, first)",
    'CREATE TABLE view_use_authorizations ("authorization" INTEGER NOT NULL, first BIGINT NOT NULL,'
    ' since BIGINT NOT NULL, rank SMALLINT NOT NULL, PRIMARY KEY ("authorization", first))',
    "CREATE TABLE view_authorizations (name TEXT PRIMARY KEY, agency TEXT NOT NULL,"
    " valid_from_us BIGINT NOT NULL, valid_until_us BIGINT NOT NULL, leaf_index BIGINT NOT NULL)",
    "CREATE TABLE view_forgotten (anything TEXT)",
)


def set_back(place: Place, *statements: str) -> None:
    """Put other tables where the views were, in the same file or schema."""
    engine = place.engine()
    with engine.begin() as connection:
        if isinstance(place, PostgresPlace):
            connection.execute(text("SET LOCAL search_path TO candour_main"))
        for name in view_tables.metadata.tables:
            connection.execute(text(f"DROP TABLE {name}"))
        connection.execute(usage_tables.cited.insert().values(tree_size=3))
        for statement in statements:
            connection.execute(text(statement))


def tables(engine: Engine, place: Place) -> set[str]:
    schema = "candour_main" if isinstance(place, PostgresPlace) else None
    return {n for n in inspect(engine).get_table_names(schema=schema) if n.startswith("view_")}


def test_views_of_an_older_layout_are_made_anew(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Opening says so and empties them; what the projector then makes is what it always makes."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ledger.report(*(numbered(number) for number in range(9)))
    ViewWriter(engine, store).catch_up(batch=4)
    expected, needed = view_rows(engine), tables(engine, place)
    set_back(place, *OLDER)

    with caplog.at_level(logging.WARNING, "candour.views"):
        reopened = place.engine()
    assert [f"views of layout 1, not {view_tables.LAYOUT}: they are made anew"] == caplog.messages
    assert 0 == ViewReader(reopened, store).position()
    assert needed == tables(reopened, place)
    with reopened.connect() as connection:  # what only these tables know is kept
        assert [3] == list(connection.execute(select(usage_tables.cited.c.tree_size)).scalars())
    assert 11 == ViewWriter(reopened, store).catch_up(batch=100)
    assert expected == view_rows(reopened)
    place.forget()


def test_audit_leaves_older_views_alone(place: Place) -> None:
    """It says that they were not compared, finds nothing wrong with the log, and drops nothing."""
    store, engine = place.begin()
    Ledger(store).register_agencies()
    set_back(place, *OLDER)
    there = tables(engine, place)

    report = audit_ledger(store, engine, vkey=None, origin=None)
    assert report.good
    assert any(line.startswith("the views: ") for line in report.not_checked)
    assert there == tables(engine, place)
    place.forget()


def test_views_of_this_layout_are_left_as_they_are(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Opening once more changes nothing; a later release's number is another layout as well."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ViewWriter(engine, store).catch_up(batch=4)
    expected = view_rows(engine)
    assert expected == view_rows(place.engine())
    assert [] == caplog.messages

    with engine.begin() as connection:
        connection.execute(view_tables.position.update().values(layout=view_tables.LAYOUT + 1))
    assert 0 == ViewReader(place.engine(), store).position()
    assert [
        f"views of layout {view_tables.LAYOUT + 1}, not {view_tables.LAYOUT}: they are made anew"
    ] == caplog.messages
    place.forget()


def test_views_that_were_half_made_are_completed(place: Place) -> None:
    """A table that is missing is made; the rest stays."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ViewWriter(engine, store).catch_up(batch=4)
    expected = view_rows(engine)
    with engine.begin() as connection:
        view_tables.unread.drop(connection)
    assert expected == view_rows(place.engine())
    place.forget()
