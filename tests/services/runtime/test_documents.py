"""Does a use say the same in JSON as in protobuf? (ledger/ingest/documents.py)"""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.commands import ReportToolUse
from ledger.ingest.documents import FIELDS, read_use
from ledger.ingest.loose_json import read_loosely
from ledger.reports import check_report
from services.pb.candour.v1 import common_pb2 as pb
from services.runtime.messages import to_command, to_message
from tests.strategies import commands


@given(commands, st.booleans(), st.booleans())
def test_a_document_says_what_its_message_says(
    command: ReportToolUse, original_names: bool, enums_as_numbers: bool
) -> None:
    """In either spelling of names and enums, protobuf's JSON gives the command back."""
    message = to_message(command)
    document: dict[str, Any] = MessageToDict(
        message,
        preserving_proto_field_name=original_names,
        use_integers_for_enums=enums_as_numbers,
    )
    found = read_use(
        read_loosely(encode(document), what="data"),
        source=command.source,
        source_event_id=command.source_event_id or "",
        what="data",
    )

    assert to_command(message) == found
    check_report(found)


def test_a_document_has_the_fields_of_the_contract() -> None:
    """All of them, and none of its own."""
    assert {field.name for field in pb.ToolUse.DESCRIPTOR.fields} == FIELDS


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"capture": "live"}, {"capture": "CAPTURE_LIVE"}),
        ({"outcome": "none"}, {"outcome": "OUTCOME_NONE"}),
        ({"objects": 3}, {"objects": {"exactly": "3"}}),
        ({"reason": ""}, {"reason": {"value": ""}}),
        ({"object": {"plate": "1"}}, {"objectJson": '{"plate":"1"}'}),
        ({"object": "a text"}, {"object": {"value": "a text"}}),
        ({"occurred": "2026-11-20"}, {"occurred": {"date": "2026-11-20"}}),
        (
            {"occurred": "2026-11-20T15:00:00.5+01:00"},
            {"occurred": dict.fromkeys(("earliest", "latest"), "2026-11-20T14:00:00.500Z")},
        ),
        ({"source_record": {"json": {"a": 1}}}, {"sourceRecord": {"json": '{"a":1}'}}),
        ({"unit": None, "verifiers": None}, {}),
        ({"unit": "", "verifiers": [], "trigger": 0}, {}),
    ],
    ids=str,
)
def test_what_people_write_by_hand_is_understood(
    short: dict[str, Any], long: dict[str, Any]
) -> None:
    """The short spelling of a value means what protobuf's long one means."""

    def read(document: dict[str, Any]) -> ReportToolUse:
        return read_use(document, source="sources/s", source_event_id="e", what="data")

    assert read(long) == read(short)
