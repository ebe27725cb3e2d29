"""Do the database's answers and the pure fold's agree, whatever happened, whatever is asked?

operations ──► log ──ViewWriter──► ViewReader.page, .summary ─┐
                └────fold_of────► Fold ──answer──────────────╪─► equal
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Performer, ReportToolUse
from ledger.events import Occurred, ToolUseReported
from ledger.projections.answers import Fold, answer
from ledger.projections.questions import SUMMARY_KEYS, Question
from ledger.projections.uses import UseState
from ledger.store.core import StoredEntry
from ledger.store.view_queries import Found, Place, ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.streams import name_of_stream
from ledger.times import text_of_us
from tests import ledgers
from tests.ledgers import Ledger, fold_of
from tests.strategies import (
    AGENCIES,
    AUTHORIZATIONS,
    CASES,
    INSTANTS,
    SOURCES,
    TECHNOLOGIES,
    Alias,
    Declare,
    Foreign,
    Link,
    Operation,
    Report,
    SameAs,
    Withdraw,
    WithdrawImport,
    effort,
    filters,
    operations,
    single_tests,
)


@dataclass
class Told:
    """A ledger that was told some operations, and its views."""

    entries: list[StoredEntry]
    reader: ViewReader
    writer: ViewWriter

    def sizes(self) -> st.SearchStrategy[int]:
        return st.integers(0, len(self.entries))

    def single_tests(self) -> list[str]:
        """Filters of one test, that name performers, uses and imports of this very ledger too."""
        fold, _ = fold_of(self.entries)
        rows = list(fold.uses.values())
        known = {
            "performer": {row.performer for row in rows if row.performer},
            "import": {row.import_ for row in rows if row.import_},
            "name": {name_of_stream(row.use) for row in rows[:3]},
        }
        return single_tests(**{field: tuple(sorted(texts)) for field, texts in known.items()})

    def filters(self) -> st.SearchStrategy[str]:
        return filters(self.single_tests())


def told(place: ledgers.Place, steps: list[Operation], *, project: bool = True) -> Told:
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.tell(steps)
    writer = ViewWriter(engine, ledger.store)
    if project:
        writer.catch_up(batch=3)
    return Told(ledger.entries(), ViewReader(engine, ledger.store), writer)


def pages(
    reader: ViewReader, question: Question, limit: int, *, withdrawn: bool = False
) -> list[Found]:
    """All pages of a list, one after another."""
    found: list[Found] = []
    after: Place | None = None
    while True:
        page, _unread = reader.page(question, after, limit, withdrawn=withdrawn)
        assert len(page) <= limit
        if not page:
            return found
        found += page
        after = page[-1].place


def listed(reader: ViewReader, question: Question) -> dict[str, Any]:
    """What `answer` says of a list, as the database says it."""
    found, _unread = reader.page(question, None, 1_000)
    uses = sorted((use.first, use.definite) for use in found)
    count = sum(use.definite for use in found)
    return {"uses": uses, "count": count, "possible": len(found) - count}


def listed_purely(question: Question, fold: Fold) -> dict[str, Any]:
    found = answer(question, fold)
    uses = [(use["leaf_index"], use["definite"]) for use in found["uses"]]
    return {"uses": uses, "count": found["count"], "possible": found["possible"]}


def summed(reader: ViewReader, question: Question) -> dict[str, Any]:
    """What `answer` says of a summary, as the database says it."""
    found = reader.summary(question)
    groups = [
        {"count": group.count, "key": group.key, "possible": group.possible}
        for group in found.groups
    ]
    return {"groups": groups, "count": found.count, "possible": found.possible}


def summed_purely(question: Question, fold: Fold) -> dict[str, Any]:
    found = answer(question, fold)
    return {name: found[name] for name in ("groups", "count", "possible")}


def check_list(ledger: Told, fold: Fold, filter_text: str, size: int) -> None:
    question = Question.ask(filter_text, size)
    assert listed_purely(question, fold) == listed(ledger.reader, question), filter_text


def check_summary(ledger: Told, fold: Fold, filter_text: str, size: int, by: str) -> None:
    question = Question.ask(filter_text, size, by)
    assert summed_purely(question, fold) == summed(ledger.reader, question), filter_text


def said(number: int, **members: Any) -> ReportToolUse:
    """A report of the story."""
    use = ToolUseReported(agency=AGENCIES[number % 2], **members)
    return ReportToolUse(use=use, source=SOURCES[0], source_event_id=str(number), capture="live")


START, END = text_of_us(INSTANTS[1]), text_of_us(INSTANTS[3])
STORY: list[Operation] = [
    Report(
        (
            replace(
                said(
                    0, technology=TECHNOLOGIES[0], occurred=Occurred(earliest=START, latest=START)
                ),
                performer=Performer(user_id="ann"),
                protected={"case_number": CASES[0]},
            ),
            said(1, technology=TECHNOLOGIES[1], occurred=Occurred(earliest=START, latest=END)),
            said(2, authorizations=AUTHORIZATIONS[:2], occurred=Occurred(latest=START)),
        )
    ),
    Link(0, AUTHORIZATIONS[0]),
    Alias(TECHNOLOGIES[1], TECHNOLOGIES[2]),
    Link(0, AUTHORIZATIONS[2]),
    Alias(TECHNOLOGIES[3], TECHNOLOGIES[0]),
    Declare(0),
    Report((said(3, technology=TECHNOLOGIES[3]), said(4, occurred=Occurred(date="2020-02-21"))), 0),
    Foreign(0),
    Alias(TECHNOLOGIES[2], TECHNOLOGIES[0]),
    SameAs(1, 0),
    Link(1, AUTHORIZATIONS[1]),
    WithdrawImport(0),
    Withdraw(2),
    Link(2, AUTHORIZATIONS[2]),
]


def test_each_test_is_answered_as_by_the_pure_fold(place: ledgers.Place) -> None:
    """In one story every single test, and every grouping, agrees at every tree size."""
    ledger = told(place, STORY)
    step = 1 if isinstance(place, ledgers.SqlitePlace) else 4
    for size in range(0, len(ledger.entries) + 1, step):
        fold, _ = fold_of(ledger.entries[:size])
        for filter_text in ledger.single_tests():
            check_list(ledger, fold, filter_text, size)
        for by in SUMMARY_KEYS:
            check_summary(ledger, fold, "", size, by)
            check_summary(ledger, fold, f"authorization = {AUTHORIZATIONS[0]}", size, by)
            check_summary(ledger, fold, f"NOT authorization = {AUTHORIZATIONS[0]}", size, by)


def test_database_answers_as_the_pure_fold(place: ledgers.Place) -> None:
    """Uses, counts and groups are the same, for any filter, at any tree size."""

    @effort(0.4 if isinstance(place, ledgers.SqlitePlace) else 0.1)
    @given(operations, st.data(), st.randoms(use_true_random=False))
    def law(steps: list[Operation], data: st.DataObject, random: Random) -> None:
        ledger = told(place, steps)
        tests = ledger.single_tests()
        asked = data.draw(st.lists(filters(tests), min_size=2, max_size=4))
        for size in range(len(ledger.entries) + 1):
            fold, unread = fold_of(ledger.entries[:size])
            assert unread == ledger.reader.page(Question.ask("", size), None, 1)[1]
            for filter_text in (*random.choices(tests, k=9), random.choice(asked)):
                check_list(ledger, fold, filter_text, size)
            for filter_text in ("", random.choice(tests), random.choice(asked)):
                check_summary(ledger, fold, filter_text, size, random.choice(SUMMARY_KEYS))

    law()


@effort(0.3)
@given(operations, st.integers(1, 7))
def test_withdrawn_uses_are_listed_where_they_are_asked_for(
    place: ledgers.Place, steps: list[Operation], limit: int
) -> None:
    """With `withdrawn` every use stands in the list, and says why it no longer counts."""
    ledger = told(place, steps)
    size = len(ledger.entries)
    fold, _ = fold_of(ledger.entries)
    expected = [
        (row.first, row.state, row.import_ in fold.withdrawn_imports) for row in fold.uses.values()
    ]

    found = pages(ledger.reader, Question.ask("", size), limit, withdrawn=True)
    assert expected == sorted((use.first, use.state, use.import_withdrawn) for use in found)
    assert all(state in set(UseState) for _, state, _ in expected)


@effort(0.3)
@given(operations, st.integers(1, 7), st.data())
def test_pages_leave_no_gap_and_repeat_nothing(
    place: ledgers.Place, steps: list[Operation], limit: int, data: st.DataObject
) -> None:
    """Pages of any length, joined, are the one long page: certain uses first, each by time."""
    ledger = told(place, steps)
    question = Question.ask(data.draw(ledger.filters()), data.draw(ledger.sizes()))
    whole, _ = ledger.reader.page(question, None, 1_000)

    assert whole == pages(ledger.reader, question, limit)
    order = [(use.place.phase, use.place.earliest_us, use.first) for use in whole]
    assert order == sorted(set(order))


@effort(0.3)
@given(operations, operations, st.data())
def test_later_entries_change_no_earlier_answer(
    place: ledgers.Place, steps: list[Operation], later: list[Operation], data: st.DataObject
) -> None:
    """What was answered as of a tree size is answered again when the log has grown."""
    store, engine = place.begin()
    ledger = Ledger(store)
    writer, reader = ViewWriter(engine, ledger.store), ViewReader(engine, ledger.store)
    ledger.tell(steps)
    size = writer.catch_up(batch=100)
    asked = Told(ledger.entries(), reader, writer).filters()
    question = Question.ask(data.draw(asked), data.draw(st.integers(0, size)))
    by = data.draw(st.sampled_from(SUMMARY_KEYS))
    grouped = Question.ask(question.filter, question.tree_size, by)
    before = listed(reader, question), summed(reader, grouped)

    ledger.tell(later)
    writer.catch_up(batch=2)
    assert before == (listed(reader, question), summed(reader, grouped))
