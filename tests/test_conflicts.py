"""Is it on record, once, that a source said something else under one id; and no value of it?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.canonical_json import JsonValue
from ledger.commands import Performer, ReportToolUse
from ledger.conflicts import Conflicts
from ledger.entry import decode_entry
from ledger.events import ResubmissionConflicted, ToolUseReported
from ledger.limits import MAX_CONFLICTS
from ledger.log import ConflictingResubmission, Receipt
from ledger.projections.questions import Question
from ledger.rules.active import BASE, BASE_VERSION, ActivePack
from ledger.rules.findings import findings_of
from ledger.rules.kinds import Context
from ledger.rules.packs import pack_of
from ledger.store.core import StoredEntry
from ledger.store.reading_entries import shown_values
from ledger.store.view_queries import ViewReader
from ledger.store.view_writer import ViewWriter
from ledger.streams import name_of_stream
from tests.ledgers import KEYS, ORIGIN, Ledger, Place, fold_of

PROTECTED: dict[str, JsonValue] = {"reason": "burglary", "case_number": "24-1"}
FIRST = ReportToolUse(
    use=ToolUseReported(agency="agencies/a", technology="technologies/t", unit="unit 1"),
    source="sources/s",
    source_event_id="event 1",
    capture="live",
    performer=Performer(user_id="ann"),
    protected=PROTECTED,
)


@pytest.fixture
def ledger(place: Place) -> Ledger:
    """A fresh ledger that holds the first report."""
    store, _engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    assert isinstance(ledger.report(FIRST)[0], Receipt)
    return ledger


def in_unit(unit: str) -> ReportToolUse:
    """The same id with another content."""
    return replace(FIRST, use=replace(FIRST.use, unit=unit))


def conflicts(ledger: Ledger) -> list[StoredEntry]:
    return [row for row in ledger.entries() if row.topic == ResubmissionConflicted.TOPIC]


def test_conflict_names_members_and_shows_no_value(ledger: Ledger) -> None:
    """In the first report's stream: what differs, by name; what was said, as a commitment alone."""
    again = replace(
        in_unit("unit 2"),
        performer=Performer(user_id="bob"),
        protected={"reason": "a rival's car", "subject": "K. Rival"},
    )
    (result,) = ledger.report(again)
    assert isinstance(result, ConflictingResubmission)
    (stored,) = conflicts(ledger)

    fact = decode_entry(stored.entry).fact()
    assert isinstance(fact, ResubmissionConflicted)
    assert ("case_number", "performer", "reason", "subject", "unit") == fact.differing
    assert (result.name, 2) == (name_of_stream(stored.stream), stored.version)
    for text in ("unit 2", "rival", "Rival", "event 1", "bob", "24-1"):
        assert text.encode() not in stored.entry
    (digest,) = shown_values(stored).values()
    assert digest == KEYS.content_of(again, again.use.to_object()).hex()
    assert digest.encode() not in stored.entry


def test_the_same_conflict_is_recorded_once(ledger: Ledger) -> None:
    """However often it comes, in one batch or later; the first receipt, and no retry, adds any."""
    other = in_unit("unit 2")
    ledger.report(other, FIRST, other)
    ledger.report(other)
    ledger.report(FIRST)

    assert 1 == len(conflicts(ledger))
    ledger.report(in_unit("unit 3"), other)
    assert 2 == len(conflicts(ledger))


def test_one_id_cannot_fill_the_log(ledger: Ledger) -> None:
    """Beyond MAX_CONFLICTS every other content is refused as ever, and nothing is appended."""
    for start in (0, 10, 20):
        ledger.report(*(in_unit(f"other {start + n}") for n in range(10)))
    size = ledger.store.head().tree_size

    assert MAX_CONFLICTS == len(conflicts(ledger)) < 30
    assert isinstance(ledger.report(in_unit("one more"))[0], ConflictingResubmission)
    assert size == ledger.store.head().tree_size


def test_name_of_a_performer_may_be_all_that_differs(ledger: Ledger) -> None:
    """The pseudonym follows the user id; what else the source calls them is content as well."""
    ledger.report(replace(FIRST, performer=Performer(user_id="ann", name="Ann Other")))
    (stored,) = conflicts(ledger)

    fact = decode_entry(stored.entry).fact()
    assert isinstance(fact, ResubmissionConflicted)
    assert ("performer",) == fact.differing


def test_conflict_of_a_stream_that_grows_is_recorded_all_the_same(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process says more of the use between reading and writing: it is read again."""
    held = Conflicts(ledger.store, origin=ORIGIN, keys=KEYS, random_bytes=bytes)
    read, by = ledger.store.entries_of_streams, ledger.provenance()
    name = name_of_stream(ledger.entries()[-1].stream)
    turns = iter([lambda: ledger.append(ledger.registrar.withdraw_use(name, "wrong", None, by))])

    def meanwhile(streams: list[str]) -> list[StoredEntry]:
        found = read(streams)
        next(turns, lambda: None)()
        return found

    (again,) = ledger.prepare([in_unit("unit 2")])
    monkeypatch.setattr(ledger.store, "entries_of_streams", meanwhile)
    held.record([(again, ledger.entries()[-1])])  # type: ignore[list-item]
    (stored,) = conflicts(ledger)
    assert 3 == stored.version


def test_conflicting_use_is_found(ledger: Ledger, place: Place) -> None:
    """By a filter, in views and from entries alike, and as a finding of the base pack."""
    ledger.report(in_unit("unit 2"), replace(FIRST, source_event_id="event 2"))
    fold, unread = fold_of(ledger.entries())
    uses = [use for use in fold.uses.values() if use.conflicts]
    assert (0, [1]) == (unread, [use.conflicts for use in uses])
    engine = place.engine()
    ViewWriter(engine, ledger.store).catch_up(batch=100)
    size = ledger.store.head().tree_size
    page, _ = ViewReader(engine, ledger.store).page(Question.ask("conflicts > 0", size), None, 10)
    assert [uses[0].first] == [use.first for use in page]

    base = ActivePack(pack_of(BASE, BASE_VERSION))
    found = findings_of([base], fold.registers, uses, lambda _use: (), Context(cited=frozenset()))
    (finding,) = [one for one in found if one.code == "conflicting_resubmission"]
    (stored,) = conflicts(ledger)
    assert (True, (uses[0].first, stored.leaf_index)) == (finding.certain, finding.leaves)
