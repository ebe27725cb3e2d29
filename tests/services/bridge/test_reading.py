"""Does a message say the same use in each of its forms, and is all else refused, with a field?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from services.bridge.reading import EVENT, PROTOBUF, read_message
from services.client import ToolUse
from services.pb.candour.v1.common_pb2 import ProtectedText
from tests.services.harness import use

DATA = {"agency": "agencies/a", "technology": "technologies/t", "capture": "live", "reason": "r"}
SAID = use("e-1", reason=ProtectedText(value="r"))
EVENT_BODY = {
    "specversion": "1.0",
    "type": "org.candour.tool_use.v1",
    "source": "sources/s",
    "id": "e-1",
    "data": DATA,
}
OWN = {**DATA, "source": "sources/s", "source_event_id": "e-1"}
BINARY = {
    "ce-specversion": "1.0",
    "ce-type": "org.candour.tool_use.v1",
    "ce-source": "sources/s",
    "ce-id": "e-1",
}


def as_json(document: Any) -> bytes:
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": EVENT}, as_json(EVENT_BODY)),
        (None, as_json(EVENT_BODY)),
        ({**BINARY, "Content-Type": "application/json"}, as_json(DATA)),
        ({name.upper(): value for name, value in BINARY.items()}, as_json(DATA)),
        ({"content-type": "application/json; charset=utf-8"}, as_json(OWN)),
        (None, as_json(OWN)),
        (None, as_json({**DATA, "source": "s", "sourceEventId": "e-1"})),
        ({"Content-Type": PROTOBUF[0]}, SAID.SerializeToString()),
        ({"Content-Type": PROTOBUF[1]}, SAID.SerializeToString()),
    ],
)
def test_each_form_says_the_same_use(headers: dict[str, str] | None, body: bytes) -> None:
    """An event, structured or binary, a document, a message of protobuf: one and the same report."""
    assert SAID == ToolUse.FromString(read_message(headers, body))


@pytest.mark.parametrize(
    ("headers", "body", "field"),
    [
        (None, b"", "body"),
        (None, b"[]", "body"),
        (None, b"\xff", "body"),
        (None, as_json({**OWN, "source_event_id": ""}), "source_event_id"),
        (None, as_json({**OWN, "source": ""}), "source"),
        (None, as_json(DATA), "source"),
        (None, as_json({**OWN, "reasons": "r"}), "body"),
        ({"Content-Type": EVENT}, as_json({**EVENT_BODY, "type": "x"}), "type"),
        ({**BINARY, "ce-id": ""}, as_json(DATA), "id"),
        ({"Content-Type": "text/plain"}, as_json(OWN), "Content-Type"),
        ({"Content-Type": PROTOBUF[0]}, b"\xff", "body"),
        ({"Content-Type": PROTOBUF[0]}, use("").SerializeToString(), "source_event_id"),
        ({"Content-Type": PROTOBUF[0]}, use("e", source="").SerializeToString(), "source"),
    ],
)
def test_what_is_none_is_refused_by_field(
    headers: dict[str, str] | None, body: bytes, field: str
) -> None:
    """Above all a use without an id: delivered twice, it would be two."""
    with pytest.raises(Malformed) as caught:
        read_message(headers, body)
    assert field == caught.value.field


@given(
    st.dictionaries(
        st.sampled_from(["Content-Type", "ce-specversion", "ce-id", "ce-source", "ce-type", "x"]),
        st.sampled_from([*BINARY.values(), EVENT, *PROTOBUF, "application/json"]) | st.text(),
    ),
    st.binary() | st.sampled_from([as_json(EVENT_BODY), as_json(OWN), SAID.SerializeToString()]),
)
def test_any_message_is_read_or_malformed(headers: dict[str, str], body: bytes) -> None:
    """Whatever a station publishes stops nothing."""
    try:
        read = ToolUse.FromString(read_message(headers, body))
    except Malformed:
        return
    assert read.source
    assert read.source_event_id or read.HasField("source_record")
