"""Does a report cross the wire whole, and is what has no place in a command refused by field?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Masked, ReportToolUse
from ledger.errors import Malformed
from ledger.events.register import AUTHORIZATION_KINDS
from ledger.events.tool_use import (
    ACQUISITIONS,
    CAPTURES,
    CREDENTIAL_STRENGTHS,
    OUTCOMES,
    TRIGGERS,
)
from ledger.limits import MAX_VALUE_DEPTH
from ledger.reports import check_report
from services.pb.candour.v1 import common_pb2 as pb
from services.pb.candour.v1 import registry_pb2
from services.runtime.messages import to_command, to_message
from tests.services.harness import text, use
from tests.strategies import commands


@given(commands)
def test_commands_cross_the_wire_unchanged(command: ReportToolUse) -> None:
    """Whatever a report says, its message says it too, and so do the message's bytes."""
    message = pb.ToolUse.FromString(to_message(command).SerializeToString())

    assert command == to_command(message)
    check_report(to_command(message))


@pytest.mark.parametrize(
    ("words", "enum"),
    [
        (CAPTURES, pb.Capture),
        (ACQUISITIONS, pb.Acquisition),
        (TRIGGERS, pb.Trigger),
        (CREDENTIAL_STRENGTHS, pb.CredentialStrength),
        (OUTCOMES, pb.Outcome),
        (AUTHORIZATION_KINDS, registry_pb2.AuthorizationKind),
    ],
)
def test_a_words_place_is_its_number(words: tuple[str, ...], enum: Any) -> None:
    """The enums of the contract and the words of the entries stand in one order."""
    prefix = enum.keys()[0].removesuffix("UNSPECIFIED")

    assert [f"{prefix}{word.upper()}" for word in ("unspecified", *words)] == enum.keys()


@pytest.mark.parametrize(
    "field", ["capture", "acquisition", "trigger", "credential_strength", "outcome"]
)
@pytest.mark.parametrize("number", [99, -1])
def test_unknown_enum_number_is_named(field: str, number: int) -> None:
    """A choice of a later release is refused with its field and number, not taken for unknown."""
    members: dict[str, Any] = {field: number}
    with pytest.raises(Malformed, match=f"{field}: {number} is not a choice") as refused:
        to_command(use(**members))
    assert field == refused.value.field


def _at(seconds: int, nanos: int = 0) -> Any:
    return pb.Occurred(earliest=Timestamp(seconds=seconds, nanos=nanos))


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("capture", {"capture": 0}),
        ("occurred.earliest", {"occurred": _at(253_402_300_800)}),
        ("occurred.earliest", {"occurred": _at(-62_135_596_801)}),
        ("occurred.earliest", {"occurred": _at(2**63 - 1)}),
        ("occurred.earliest", {"occurred": _at(0, -1)}),
        ("occurred.earliest", {"occurred": _at(0, 1_000_000_000)}),
        (
            "window_requested.latest",
            {"window_requested": pb.Interval(latest=Timestamp(seconds=2**62))},
        ),
        ("performer.masked", {"performer": pb.Performer(masked="***", name="x")}),
        ("reason", {"reason": pb.ProtectedText()}),
        ("object_json", {"object": text("x"), "object_json": "{}"}),
        ("object_json", {"object_json": "[]"}),
        ("object_json", {"object_json": '{"a":1.5}'}),
        ("object_json", {"object_json": '{"a":1,"a":2}'}),
        ("object_json", {"object_json": '{"a":"\\ud800"}'}),
        ("object_json", {"object_json": '{"a":' * 40 + "1" + "}" * 40}),
        ("source_record.json", {"source_record": pb.SourceRecord(json="1")}),
        ("source_record.json", {"source_record": pb.SourceRecord(json="{}", columns=["x"])}),
    ],
)
def test_what_has_no_place_in_a_command_is_refused(field: str, members: dict[str, Any]) -> None:
    """The refusal names the field as the caller wrote it."""
    with pytest.raises(Malformed) as refused:
        to_command(use(**members))
    assert field == refused.value.field


def test_unknown_is_not_set() -> None:
    """Empty texts, unspecified choices and unset messages claim nothing."""
    command = to_command(use(source_event_id="1"))

    assert {"agency": "agencies/a", "authorizations": [], "technology": "technologies/t"} == (
        command.use.to_object()
    )
    assert command.performer is None
    assert {} == command.protected


def test_blank_masked_and_absent_are_three_things() -> None:
    """A blank is a value, a mask is a mask, and what is not said is not there."""
    message = use(reason=text(""), case_number=pb.ProtectedText(masked="***"))

    assert {"reason": "", "case_number": Masked("***").to_json()} == to_command(message).protected


def test_json_may_nest_as_deep_as_its_bound() -> None:
    """MAX_VALUE_DEPTH levels of objects are read, so that bundles around them still can be."""
    deep = '{"a":' * MAX_VALUE_DEPTH + "1" + "}" * MAX_VALUE_DEPTH

    assert "object" in to_command(use(object_json=deep)).protected


@given(st.binary(max_size=300))
def test_any_bytes_give_a_command_or_our_own_error(data: bytes) -> None:
    """Whatever comes: no message, a refusal by field, or a command that is checked the same."""
    with suppress(DecodeError, Malformed):
        check_report(to_command(pb.ToolUse.FromString(data)))
