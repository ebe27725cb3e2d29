"""Does an answer stay what it was, whatever is told later? Laws over the small world."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.table import FINDINGS, inquiry_of
from ledger.rules.judgement import ALWAYS
from ledger.store.core import LedgerStore
from ledger.store.view_asker import ViewAsker
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from tests.inquiries.worlds import Step, asked, steps, told_to, world_of
from tests.ledgers import Ledger, Place, SqlitePlace
from tests.strategies import effort


@pytest.fixture(scope="module")
def sqlite_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Entries alone are asked, so one store is as good as the other."""
    found = SqlitePlace(tmp_path_factory.mktemp("time"))
    yield found
    found.close()


def answers(views: ViewReader, size: int, questions: list[tuple[int, dict[str, Any]]]) -> bytes:
    """What the views answer to all of them, as of a tree size."""
    return encode(
        [
            inquiry_of(number).answer(ViewAsker(views, size), inquiry_of(number).ask(size, given))
            for number, given in questions
        ]
    )


@effort(0.04)
@given(steps, steps, st.lists(asked, min_size=5, max_size=8))
def test_later_entries_move_no_answer(
    place: Place,
    said: list[Step],
    later: list[Step],
    questions: list[tuple[int, dict[str, Any]]],
) -> None:
    """An answer as of N is the same before and after more is told, and after views are made anew."""
    store, engine = place.begin()
    ledger, writer = Ledger(store), ViewWriter(engine, store)
    questions = [(FINDINGS, {}), *questions]
    told_to(ledger, said)
    writer.catch_up(batch=100)
    size = store.head().tree_size
    before = answers(ViewReader(engine, store), size, questions)

    told_to(ledger, later)
    writer.catch_up(batch=3)
    assert before == answers(ViewReader(engine, store), size, questions)

    writer.drop()
    writer.catch_up(batch=100)
    assert before == answers(ViewReader(engine, store), size, questions)


def verdicts_at(store: LedgerStore, size: int) -> tuple[dict[str, set[str]], dict[Any, str]]:
    """Codes of each statement, and of each citation of each use, as of a tree size."""
    asker = PureAsker(world_of(store, size), size)
    said = inquiry_of(3).answer(asker, inquiry_of(3).ask(size, {}))["statements"]
    statements = {one["name"]: set(one["codes"]) for one in said}
    uses = {
        (one.row.use, verdict.authorization, one.row.amendments): verdict.code
        for one in asker.uses(ALWAYS, 1_000)
        for verdict in one.verdicts
    }
    return statements, uses


@effort(0.15)
@given(steps)
def test_what_was_known_stays_known(sqlite_place: Place, said: list[Step]) -> None:
    """From one entry to the next, `contradicted_by_known` stays, unless its uses are withdrawn or
    amended; and what was `valid_before` is never `attached_late`."""
    store, _engine = sqlite_place.begin()
    told_to(Ledger(store), said)
    entries = store.read_entries(0, store.head().tree_size)
    statements: dict[str, set[str]] = {}
    uses: dict[Any, str] = {}
    for size in range(1, len(entries) + 1):
        now, now_uses = verdicts_at(store, size)
        topic = entries[size - 1].topic
        if not topic.startswith(
            ("tool_use.withdrawn", "tool_use.amended", "tool_use.same_as")
        ) and (not topic.startswith(("import.withdrawn", "technology.aliased"))):
            for name, codes in statements.items():
                if "contradicted_by_known" in codes:
                    assert "contradicted_by_known" in now[name]
        for cited, code in uses.items():
            if code == "valid_before" and cited in now_uses:
                assert now_uses[cited] != "attached_late"
        statements, uses = now, now_uses
