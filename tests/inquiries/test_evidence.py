"""Does the evidence for every question hold, say what the server says, and refuse what was bent?"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import decode
from ledger.inquiries.table import inquiry_of
from ledger.inquiry_evidence import build_inquiry_bundle
from ledger.store.core import Published
from ledger.store.view_asker import ViewAsker
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from tests.inquiries.worlds import Step, asked, steps, told_to
from tests.ledgers import Ledger, Place
from tests.strategies import effort
from tests.verify.evidence import ANSWERS, checked

# What stands in an answer beside what it counts: names that are not shown cannot be told.
_COUNTED = (
    "question",
    "value",
    "count",
    "possible",
    "groups",
    "by",
    "coverage",
    "rules",
    "sections",
)


@effort(0.04)
@given(steps, st.lists(asked, min_size=10, max_size=14), st.data())
def test_evidence_holds_and_says_what_the_server_says(
    place: Place, said: list[Step], questions: list[tuple[int, dict[str, Any]]], data: st.DataObject
) -> None:
    """Just the entries that an answer rests on give its counts again, and the verifier agrees."""
    store, engine = place.begin()
    ledger = Ledger(store)
    told_to(ledger, said)
    ViewWriter(engine, store).catch_up(batch=100)
    views, head = ViewReader(engine, store), store.head()
    published = Published(head.tree_size, ledger.log.checkpoint(head), 0)
    for number, given_parameters in questions:
        size = data.draw(st.integers(1, head.tree_size))
        question = inquiry_of(number).ask(size, given_parameters)
        bundle = build_inquiry_bundle(ledger.log, views, question, published, signer=ANSWERS)
        answer = inquiry_of(number).answer(ViewAsker(views, size), question)
        told = decode(bundle)["answer"]
        assert {name: answer.get(name) for name in _COUNTED} == {
            name: told.get(name) for name in _COUNTED
        }
        report = checked(bundle)
        assert report.verdict == "verified", report.reason
