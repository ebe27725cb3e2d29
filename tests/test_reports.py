"""Is a report refused for its form alone, and is what passes fit for every database?"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from ledger.canonical_json import MAX_INTEGER
from ledger.commands import Masked, Performer, ReportToolUse
from ledger.errors import Malformed
from ledger.events import Count, DataFlow, Occurred, ToolUseReported
from ledger.limits import (
    MAX_AUTHORIZATIONS,
    MAX_CODE_CHARS,
    MAX_NAME_CHARS,
    MAX_RECORD_COLUMNS,
    MAX_TEXT_BYTES,
    MAX_VERIFIERS,
)
from ledger.reports import check_report
from tests.strategies import commands


def command(use: dict[str, Any] | None = None, **members: Any) -> ReportToolUse:
    """A report that is well formed, until `use` and `members` say otherwise."""
    said: dict[str, Any] = {"source": "sources/s", "capture": "live", "source_event_id": "1"}
    reported = ToolUseReported(**{"agency": "agencies/a", **(use or {})})
    return ReportToolUse(use=reported, **{**said, **members})


@given(commands)
def test_every_well_formed_report_passes(command: ReportToolUse) -> None:
    """Nothing is refused for what it says."""
    check_report(command)


@pytest.mark.parametrize(
    ("field", "use", "members"),
    [
        ("agency", {"agency": "a"}, {}),
        ("source", {}, {"source": "sources/"}),
        ("technology", {"technology": "agencies/a"}, {}),
        ("import", {"import_": "import/x"}, {}),
        ("capture", {}, {"capture": "sometime"}),
        ("authorizations", {"authorizations": ("authorizations/x",) * 2}, {}),
        (
            "authorizations",
            {"authorizations": tuple(f"authorizations/{n}" for n in range(MAX_AUTHORIZATIONS + 1))},
            {},
        ),
        ("unit", {"unit": ""}, {}),
        ("unit", {"unit": "u" * (MAX_CODE_CHARS + 1)}, {}),
        ("purpose", {"purpose": "a\0"}, {}),
        ("offence_class", {"offence_class": "\ud800"}, {}),
        ("trigger", {"trigger": "whim"}, {}),
        ("objects", {"objects": Count()}, {}),
        ("objects", {"objects": Count(exactly=1, at_least=1)}, {}),
        ("objects", {"objects": Count(exactly=-1)}, {}),
        ("objects", {"objects": Count(at_least=MAX_INTEGER + 1)}, {}),
        ("source_sequence", {"source_sequence": MAX_INTEGER + 1}, {}),
        ("source_sequence", {"source_sequence": -MAX_INTEGER - 1}, {}),
        (
            "occurred.latest",
            {"occurred": Occurred(earliest="2020-01-02T00:00:00Z", latest="2020-01-01T00:00:00Z")},
            {},
        ),
        ("occurred.date", {"occurred": Occurred(date="2020-02-30")}, {}),
        (
            "occurred.date",
            {"occurred": Occurred(date="2020-02-02", latest="2020-01-01T00:00:00Z")},
            {},
        ),
        ("occurred.zone_assumed", {"occurred": Occurred(zone_assumed="U\0TC")}, {}),
        ("data_flows.category", {"data_flows": (DataFlow(category="\0"),)}, {}),
        ("data_flows.recipient", {"data_flows": (DataFlow(recipient="x" * 301),)}, {}),
        ("performer", {}, {"performer": Performer()}),
        ("performer", {}, {"performer": Performer(user_id="a\0")}),
        ("performer", {}, {"performer": Performer(user_id="a", name="\udfff")}),
        ("performer", {}, {"performer": Performer(badge="x" * (MAX_NAME_CHARS + 1))}),
        ("performer.masked", {}, {"performer": Masked("*\0*")}),
        ("source_event_id", {}, {"source_event_id": "\0"}),
        ("source_event_id", {}, {"source_event_id": None}),
        (
            "source_event_id",
            {},
            {
                "source_event_id": None,
                "protected": {"source_record": {"columns": [], "row": []}},
            },
        ),
        ("performer", {}, {"protected": {"performer": "x"}}),
        ("reason", {}, {"protected": {"reason": "a\0"}}),
        ("reason", {}, {"protected": {"reason": "x" * (MAX_TEXT_BYTES + 1)}}),
        ("reason", {}, {"protected": {"reason": "é" * (MAX_TEXT_BYTES // 2 + 1)}}),
        ("case_number", {}, {"protected": {"case_number": {"masked": "\0"}}}),
        ("object", {}, {"protected": {"object": {"plate": "\ud800"}}}),
        ("object", {}, {"protected": {"object": {"plate": "x" * MAX_TEXT_BYTES}}}),
        ("verifiers", {}, {"protected": {"verifiers": ["v"] * (MAX_VERIFIERS + 1)}}),
        ("verifiers", {}, {"protected": {"verifiers": ["\0"]}}),
        ("source_record", {}, {"protected": {"source_record": []}}),
        (
            "source_record.row",
            {},
            {"protected": {"source_record": {"columns": ["a"], "row": ["1", "2"]}}},
        ),
        (
            "source_record.columns",
            {},
            {
                "protected": {
                    "source_record": dict.fromkeys(
                        ("columns", "row"), ["x"] * (MAX_RECORD_COLUMNS + 1)
                    )
                }
            },
        ),
    ],
)
def test_malformed_is_refused_by_field(
    field: str, use: dict[str, Any], members: dict[str, Any]
) -> None:
    """What breaks a bound, a form or a database's text is refused, with the field's name."""
    with pytest.raises(Malformed) as refused:
        check_report(command(use, **members))
    assert field == refused.value.field


def test_texts_are_bounded_in_utf8() -> None:
    """A text of exactly the bound passes, whatever script it is in."""
    for letter in ("x", "é", "陈"):
        bytes_each = len(letter.encode())
        reason = letter * (MAX_TEXT_BYTES // bytes_each)
        check_report(replace(command(), protected={"reason": reason}))
