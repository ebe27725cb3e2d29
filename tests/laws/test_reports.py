"""Laws 7 and 9: malformed reports lose nothing else, and nothing is refused for what it says."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import decode
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.disclosure import Disclosure, bytes_of_base64
from ledger.domain.base import NotRegistered
from ledger.entry import decode_entry
from ledger.errors import CandourError, Malformed
from ledger.events import Count, Interval, Occurred, ToolUseReported
from ledger.events.tool_use import PROTECTED_FIELDS
from ledger.log import ConflictingResubmission, Receipt
from ledger.store.core import NewEntry
from ledger.store.view_writer import ViewWriter, shown_values
from tests.laws.trees import check_tree
from tests.ledgers import Ledger, Place, fold_of, numbered
from tests.strategies import commands, effort, json_values, reports


def begun(place: Place) -> Ledger:
    ledger = Ledger(place.begin()[0])
    ledger.register_agencies()
    return ledger


@effort(0.3)
@given(commands)
def test_entry_says_what_was_reported(place: Place, command: ReportToolUse) -> None:
    """A report's fact stands in its entry, and each protected value is committed to, and kept."""
    ledger = begun(place)
    (receipt,) = ledger.report(command)
    assert isinstance(receipt, Receipt), receipt
    (stored,) = ledger.store.entries_at([receipt.leaf_index], with_disclosures=True)
    entry = decode_entry(stored.entry)

    assert command.use == entry.fact()
    assert (command.source, command.capture) == (entry.source, entry.capture)
    shown = shown_values(stored)
    expected = dict(command.protected)
    assert expected == {name: shown[name] for name in expected}
    assert shown.keys() == entry.protected.keys()
    assert isinstance(command.performer, Masked) == isinstance(shown.get("performer"), dict)


def test_protected_value_never_stands_in_the_entry(place: Place) -> None:
    """Whoever reads the whole log without disclosures meets no person, case, text or row."""
    fields = sorted(set(PROTECTED_FIELDS) - {"performer", "performer_identity", "source_event_id"})
    told = {field: f"secret-{field}" for field in fields}
    protected = {**told, "verifiers": ["secret-v"], "source_record": {"secret-c": "secret-r"}}
    someone = Performer(user_id="secret-u", name="secret-n", badge="secret-b")
    command = replace(
        numbered(0), protected=protected, performer=someone, source_event_id="secret-id"
    )
    ledger = begun(place)
    for number, report in enumerate((command, replace(command, protected=told_without_row(told)))):
        (receipt,) = ledger.report(replace(report, source_event_id=f"secret-{number}"))
        assert isinstance(receipt, Receipt)
        (stored,) = ledger.store.entries_at([receipt.leaf_index], with_disclosures=True)
        assert b"secret" not in stored.entry
        assert b"secret" in (stored.disclosures or b"")


def told_without_row(told: dict[str, str]) -> dict[str, Any]:
    """Then the performer's names are committed to by themselves."""
    return {name: told[name] for name in told if name not in ("source_record", "verifiers")}


@effort(0.3)
@given(commands)
def test_what_is_kept_leads_to_what_is_committed(place: Place, command: ReportToolUse) -> None:
    """Salt and value beside the log are those of the commitments in the entry, field by field."""
    ledger = begun(place)
    (made,) = ledger.prepare([command])
    assert isinstance(made, NewEntry)
    assert made.disclosures is not None
    entry = decode_entry(made.entry)
    kept = decode(made.disclosures)
    assert kept.keys() == entry.protected.keys()
    for field, (salt, value) in kept.items():
        shown = Disclosure(field, entry.stream, bytes_of_base64(salt, field="salt"), value)
        shown.check(bytes_of_base64(entry.protected[field], field=field))


wild_texts = st.text(st.characters(), max_size=8) | st.sampled_from(
    ("", "\0", "\ud800", "x" * 70_000, "é" * 10_000, "agencies/", "agencies/a/b", "technologies/ ")
)
wild_moments = wild_texts | st.sampled_from(
    ("0001-01-01T00:00:00Z", "9999-12-31T24:00:00Z", "2020-02-30T00:00:00Z", "2020-02-21T07:00:00")
)
wild_integers = st.sampled_from((-1, 2**53, -(2**53), 2**63, 2**200))
wild_uses: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys((item.name for item in fields(ToolUseReported)), wild_texts),
    "authorizations": st.lists(wild_texts | st.just("authorizations/k"), max_size=60).map(tuple),
    "occurred": st.builds(
        Occurred,
        earliest=st.none() | wild_moments,
        latest=st.none() | wild_moments,
        latest_exclusive=st.none() | st.booleans(),
        zone_assumed=st.none() | wild_texts,
        date=st.none() | wild_moments,
    ),
    **dict.fromkeys(
        ("performers", "objects", "networks_searched", "devices_searched"),
        st.builds(Count, exactly=st.none() | wild_integers, at_least=st.none() | wild_integers),
    ),
    "source_sequence": wild_integers,
    "urgency_used": st.none() | st.booleans(),
    "data_flows": st.none(),
    "window_requested": st.builds(Interval, earliest=st.just("2020-02-21T00:00:00Z")),
    "window_returned": st.none(),
}


@st.composite
def wild_commands(draw: st.DrawFn) -> ReportToolUse:
    """A good command with a few members of the right type and any value."""
    command = draw(commands)
    for name in draw(st.lists(st.sampled_from(sorted(wild_uses)), max_size=2)):
        command = replace(command, use=replace(command.use, **{name: draw(wild_uses[name])}))
    more: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "source": wild_texts,
                "capture": wild_texts,
                "source_event_id": st.none() | wild_texts,
                "occurrence": wild_integers,
                "performer": st.builds(Performer, user_id=wild_texts, name=st.none() | wild_texts)
                | st.just(Performer())
                | st.builds(Masked, wild_texts),
                "protected": st.dictionaries(
                    st.sampled_from(("reason", "object", "source_record", "performer", "nonsense")),
                    json_values | wild_texts,
                    max_size=3,
                ),
            },
        )
    )
    return replace(command, **more)


@effort(0.3)
@given(st.lists(wild_commands(), min_size=1, max_size=4))
def test_malformed_report_loses_nothing_else(place: Place, batch: list[ReportToolUse]) -> None:
    """Each bad report has an error of ours in its place, and each good one around it a receipt."""
    ledger = begun(place)
    good = [numbered(number) for number in range(len(batch) + 1)]
    mixed = [good[0]]
    for bad, next_good in zip(batch, good[1:], strict=True):
        mixed += [bad, next_good]
    results = ledger.report(*mixed)

    assert all(isinstance(result, Receipt) for result in results[::2])
    for command, result in zip(mixed, results, strict=True):
        expected = ledger.log.check([command])[0]
        if isinstance(expected, CandourError):
            assert (type(expected), str(expected)) == (type(result), str(result))
    stored = check_tree(ledger.store)
    placed = {result.leaf_index for result in results if isinstance(result, Receipt)}
    assert len(stored) == 2 + len(placed)
    engine = place.engine()
    ViewWriter(engine, ledger.store).catch_up(batch=100)
    assert 0 == fold_of(ledger.entries())[1]


@pytest.mark.parametrize("field", ["technology", "authorizations", "source", "import_"])
def test_unregistered_names_are_recorded_all_the_same(place: Place, field: str) -> None:
    """A ledger that refused an unknown technology, source or authorization would hide its use."""
    ledger, command = begun(place), numbered(0)
    if field == "source":
        command = replace(command, source="sources/nobody-knows")
    elif field == "authorizations":
        unknown = ("authorizations/nobody-knows",)
        command = replace(command, use=replace(command.use, authorizations=unknown))
    else:
        names = {"technology": "technologies/nobody-knows", "import_": "imports/none"}
        other: dict[str, Any] = {field: names[field]}
        command = replace(command, use=replace(command.use, **other))
    (receipt,) = ledger.report(command)
    assert isinstance(receipt, Receipt)
    (stored,) = ledger.store.entries_at([receipt.leaf_index])
    assert command.use == decode_entry(stored.entry).fact()


@pytest.mark.parametrize(
    "occurred",
    [
        Occurred(earliest="9999-12-31T23:59:59.999999Z", latest="9999-12-31T23:59:59.999999Z"),
        Occurred(earliest="0001-01-01T00:00:00Z"),
        Occurred(date="9999-12-31"),
        Occurred(date="0001-01-01"),
        Occurred(),
        None,
    ],
)
def test_any_time_is_recorded_all_the_same(place: Place, occurred: Occurred | None) -> None:
    """A time in the future, at either end of the calendar, or none at all is recorded, and listed."""
    ledger, command = begun(place), numbered(0)
    command = replace(command, use=replace(command.use, occurred=occurred))
    (receipt,) = ledger.report(command)
    assert isinstance(receipt, Receipt)
    fold, unread = fold_of(ledger.entries())
    assert ([receipt.leaf_index], 0) == ([row.first for row in fold.uses.values()], unread)


@pytest.mark.parametrize(
    ("field", "command"),
    [
        ("agency", replace(numbered(0), use=ToolUseReported(agency="agencies/"))),
        (
            "occurred.latest",
            replace(
                numbered(0),
                use=ToolUseReported(
                    agency="agencies/a",
                    occurred=Occurred(latest="0001-01-01T00:00:00Z", latest_exclusive=True),
                ),
            ),
        ),
        ("reason", replace(numbered(0), protected={"reason": "x" * 70_000})),
        (
            "source_sequence",
            replace(numbered(0), use=ToolUseReported(agency="agencies/a", source_sequence=2**53)),
        ),
        ("performer", replace(numbered(0), performer=Performer())),
        ("performer", replace(numbered(0), performer=Performer(name="a\0b"))),
    ],
)
def test_malformed_field_is_named(place: Place, field: str, command: ReportToolUse) -> None:
    """The error says which field broke which rule."""
    (error,) = begun(place).report(command)
    assert isinstance(error, Malformed)
    assert field == error.field


def test_agency_nobody_registered_is_refused(place: Place) -> None:
    """The one name that must be registered is the agency's; another in the batch is recorded."""
    use = ToolUseReported(agency="agencies/nobody")
    unknown, known = begun(place).report(replace(numbered(0), use=use), numbered(1))
    assert isinstance(unknown, NotRegistered)
    assert "agencies/nobody" == unknown.name
    assert isinstance(known, Receipt)


@effort(0.25)
@given(st.lists(reports, min_size=1, max_size=6))
def test_first_of_one_id_counts_in_a_batch_too(place: Place, batch: list[ReportToolUse]) -> None:
    """Two reports of one id in one batch are one: the same again, or a conflict, never two."""
    ledger = begun(place)
    first: dict[tuple[str, str | None], tuple[ReportToolUse, Receipt]] = {}
    conflicts: list[ReportToolUse] = []
    for command, result in zip(batch, ledger.report(*batch), strict=True):
        key = (command.source, command.source_event_id)
        if key not in first:
            assert isinstance(result, Receipt)
            assert not result.duplicate
            first[key] = (command, result)
        elif command == first[key][0]:
            assert replace(first[key][1], duplicate=True) == result
        else:
            assert isinstance(result, ConflictingResubmission)
            assert first[key][1].leaf_index == result.leaf_index
            conflicts += [] if command in conflicts else [command]
    assert 2 + len(first) + len(conflicts) == ledger.store.head().tree_size
