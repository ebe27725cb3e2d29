"""Does SQLite read what a question needs, and no more? By the plans of what is really asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from ledger.filters import And, Query, TextTest, TimeTest
from ledger.projections.sought import Sought
from ledger.store.sqlite import SqliteStore
from ledger.store.view_queries import ViewReader
from ledger.store.view_tables import open_engine

AGENCY = TextTest("agency", "=", "agencies/a")
TECHNOLOGY = TextTest("technology", "=", "technologies/t")
MONTH = (TimeTest("occurred", ">=", 10), TimeTest("occurred", "<=", 20))


@pytest.fixture
def reader(tmp_path: Path) -> ViewReader:
    """Views with the two names of the questions, and nothing else: plans go by what is planned for."""
    engine = open_engine(f"sqlite:///{tmp_path / 'views.db'}")
    with engine.begin() as connection:
        for number, name in enumerate(("agencies/a", "technologies/t")):
            connection.exec_driver_sql("INSERT INTO view_names VALUES (?, ?)", (number, name))
    return ViewReader(engine, SqliteStore(tmp_path / "main.db"))


def plans_of(engine: Engine, ask: Any) -> list[str]:
    """How SQLite would read `view_uses` for every statement of a question."""
    told: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM view_uses" in statement:
            rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            told.extend(row[3] for row in rows if "view_uses" in row[3])

    event.listen(engine, "before_cursor_execute", explain)
    try:
        ask()
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    return told


def sought(*parts: Query) -> Sought:
    query: Query = And(parts)
    return Sought(query, query, 1)


def test_a_month_is_read_from_its_beginning(reader: ViewReader) -> None:
    """Instants between two bounds of one index; the vague, who may have begun before, by theirs."""
    plans = plans_of(reader.engine, lambda: reader.count(sought(AGENCY, TECHNOLOGY, *MONTH)))

    assert [
        "SEARCH view_uses USING INDEX view_uses_pair"
        " (agency=? AND technology=? AND earliest_us>? AND earliest_us<?)",
        "SEARCH view_uses USING INDEX view_uses_vague_agency (agency=? AND earliest_us<?)",
    ] == plans


def test_a_first_page_is_read_in_order(reader: ViewReader) -> None:
    """Certain uses between both bounds, without sorting; then the vague ones alone."""
    asked = sought(AGENCY, TECHNOLOGY, *MONTH)
    plans = plans_of(reader.engine, lambda: reader.page(asked, None, 50))

    assert (
        "SEARCH view_uses USING INDEX view_uses_pair"
        " (agency=? AND technology=? AND earliest_us>? AND earliest_us<?)" == plans[0]
    )
    assert all("view_uses_vague" in plan for plan in plans[1:])
    assert not any("SCAN" in plan for plan in plans)


def test_a_case_is_found_by_its_number(reader: ViewReader) -> None:
    """An agency holds much, a case little."""
    asked = sought(AGENCY, TextTest("case_number", "=", "24-1"))
    plans = plans_of(reader.engine, lambda: reader.count(asked))

    assert ["SEARCH view_uses USING INDEX view_uses_case (case_number=?)"] == plans


def test_the_first_use_of_each_technology_is_looked_up(reader: ViewReader) -> None:
    """In the order of reports, one name at a time: an agency's million uses are not read."""
    plans = plans_of(
        reader.engine, lambda: reader.aggregates.examples(sought(AGENCY), ("technology",))
    )

    assert plans
    assert {
        "SEARCH view_uses USING INDEX view_uses_technologies (agency=? AND technology=?)"
    } == set(plans)
