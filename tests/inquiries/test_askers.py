"""Do the views answer as the entries do, whatever was told and whatever is asked?"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.inquiries.pure_asker import PureAsker
from ledger.inquiries.table import inquiry_of
from ledger.store.view_asker import ViewAsker
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from tests.inquiries.worlds import Step, asked, steps, told_to, world_of
from tests.ledgers import Ledger, Place
from tests.strategies import effort


@effort(0.1)
@given(steps, st.lists(asked, min_size=10, max_size=14), st.data())
def test_views_answer_as_entries_do(
    place: Place, said: list[Step], questions: list[tuple[int, dict[str, Any]]], data: st.DataObject
) -> None:
    """At any tree size, every question has one answer, whoever is asked; each page of it too."""
    store, engine = place.begin()
    told_to(Ledger(store), said)
    ViewWriter(engine, store).catch_up(batch=5)
    views = ViewReader(engine, store)
    sizes = st.integers(0, store.head().tree_size)
    for number, given_parameters in questions:
        size = data.draw(sizes)
        inquiry, parameters = inquiry_of(number), dict(given_parameters)
        pure = PureAsker(world_of(store, size), size)
        for _page in range(3):
            question = inquiry.ask(size, parameters)
            expected = inquiry.answer(pure, question)
            assert expected == inquiry.answer(ViewAsker(views, size), question)
            assert encode(expected)
            if "next" not in expected:
                break
            parameters["after"] = expected["next"]
