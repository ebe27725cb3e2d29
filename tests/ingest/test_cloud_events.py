"""Is an event read alike in every mode, and refused by what is wrong with it? (CloudEvents 1.0.2)"""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import ReportToolUse
from ledger.errors import Malformed
from ledger.events import Occurred
from ledger.ingest.cloud_events import (
    EVENT_TYPE,
    is_json,
    read_batch,
    read_binary,
    read_structured,
)
from ledger.limits import MAX_BATCH_USES, MAX_SOURCE_EVENT_ID_CHARS
from tests.strategies import json_values

DATA = {"agency": "agencies/a", "capture": "live", "reason": "Jane Roe"}
EVENT = {"specversion": "1.0", "type": EVENT_TYPE, "source": "sources/s", "id": "e", "data": DATA}


def structured(**members: Any) -> ReportToolUse:
    """An event with these members otherwise; None leaves one out."""
    event = {name: value for name, value in {**EVENT, **members}.items() if value is not None}
    return read_structured(json.dumps(event).encode())


def binary(headers: dict[str, str], body: bytes) -> ReportToolUse:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return read_binary(raw, body)


# --- the modes say the same -------------------------------------------------------
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="%"))


@given(printable.filter(bool), printable.filter(bool))
def test_the_sdks_modes_say_the_same(source: str, id_: str) -> None:
    """Structured, binary and in a batch, an event of the CloudEvents SDK is one report."""
    event = CloudEvent({"type": EVENT_TYPE, "source": source, "id": id_}, DATA)
    headers, body = to_structured(event)
    try:
        found = read_structured(body)
    except Malformed:
        assert source.startswith("sources/")
        return

    assert "application/cloudevents+json" == headers["content-type"]
    assert [found, found] == list(read_batch(b"[%b,%b]" % (body, body)))
    assert found == binary(*to_binary(event))
    assert (id_, "live") == (found.source_event_id, found.capture)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_headers_carry_any_text(text: str) -> None:
    """Percent-encoded, as the binding asks, an id in a header is the id in JSON."""
    headers = {f"ce-{name}": str(value) for name, value in EVENT.items() if name != "data"}

    found = binary({**headers, "ce-id": quote(text, safe="")}, json.dumps(DATA).encode())
    assert structured(id=text) == found


def test_data_may_come_in_base64() -> None:
    """As bytes that are JSON, which is how SDKs send what they do not look into."""
    packed = b64encode(json.dumps(DATA).encode()).decode()

    assert structured() == structured(data=None, data_base64=packed)
    with pytest.raises(Malformed, match=r"^data_base64: "):
        structured(data_base64=packed)


# --- what becomes of the attributes -----------------------------------------------
@pytest.mark.parametrize("name", ["time", "recordedtime", "subject", "dataschema", "traceparent"])
def test_what_a_middleman_may_change_changes_nothing(name: str) -> None:
    """A retry with another time of sending, or another trace, is the same report."""
    assert structured() == structured(**{name: "2026-11-20T14:03:11Z"})
    assert structured().use.occurred is None


def test_occurred_is_what_the_data_says() -> None:
    """The event's own time may be the moment of sending, and is never taken for it."""
    said = "2026-11-20T14:03:11.250Z"
    found = structured(time="2026-11-21T00:00:00Z", data={**DATA, "occurred": said})

    assert Occurred(earliest=said, latest=said) == found.use.occurred


@pytest.mark.parametrize(
    ("field", "members"),
    [
        ("specversion", {"specversion": "0.3"}),
        ("specversion", {"specversion": None}),
        ("type", {"type": "org.candour.tool_use.v2"}),
        ("type", {"type": None}),
        ("id", {"id": None}),
        ("id", {"id": ""}),
        ("id", {"id": 7}),
        ("id", {"id": "x" * (MAX_SOURCE_EVENT_ID_CHARS + 1)}),
        ("source", {"source": None}),
        ("source", {"source": ""}),
        ("time", {"time": "yesterday"}),
        ("recordedtime", {"recordedtime": "2026-02-30T00:00:00Z"}),
        ("datacontenttype", {"datacontenttype": "text/plain"}),
        ("datacontenttype", {"datacontenttype": 1.5}),
        ("data", {"data": None}),
        ("data", {"data": "Jane Roe"}),
        ("data", {"data": ["Jane Roe"]}),
        ("data_base64", {"data": None, "data_base64": "Jane Roe!"}),
        ("data", {"data": None, "data_base64": b64encode(b"Jane Roe").decode()}),
        ("source_event_id", {"data": {**DATA, "source_event_id": "Jane Roe"}}),
    ],
)
def test_what_is_wrong_is_named(field: str, members: dict[str, Any]) -> None:
    """An attribute, or a field of the data; nothing of what was said is quoted."""
    with pytest.raises(Malformed) as caught:
        structured(**members)

    assert field == caught.value.field
    assert "Jane" not in str(caught.value)


@pytest.mark.parametrize("value", ["é", "%ff", "%c3"])
def test_headers_that_are_not_percent_encoded_are_refused(value: str) -> None:
    """Two readers would take them for two texts, and an id decides what is a retry."""
    with pytest.raises(Malformed, match=r"^id: must be percent-encoded"):
        read_binary([(b"ce-specversion", b"1.0"), (b"ce-id", value.encode("latin-1"))], b"{}")


def test_an_attribute_stands_once() -> None:
    """Of two ids neither is the event's."""
    with pytest.raises(Malformed, match=r"^id: stands twice"):
        read_binary([(b"ce-id", b"1"), (b"ce-id", b"1")], b"{}")


# --- batches ----------------------------------------------------------------------
@pytest.mark.parametrize(
    "bad",
    [
        "null",
        "1.5",
        '{"id":"a","id":"b"}',
        '{"specversion":"1.0","data":{"agency":1.5}}',
        json.dumps({**EVENT, "data": {"agency": "\ud800"}}),
        "[" * 50 + "]" * 50,
    ],
    ids=lambda text: text[:20],
)
def test_a_bad_event_loses_no_other(bad: str) -> None:
    """Its neighbours are read, and it has its own error in its own place."""
    good = json.dumps(EVENT)
    first, second, third = read_batch(f"[{good},{bad},{good}]".encode())

    assert structured() == first == third
    assert isinstance(second, Malformed)


@pytest.mark.parametrize("body", [b"{}", b"", b"[", b"\xff", b"[" * 100])
def test_what_is_no_batch_is_refused_whole(body: bytes) -> None:
    """No JSON array: there are no items to answer for."""
    with pytest.raises(Malformed, match=r"^events: "):
        read_batch(body)


def test_a_batch_is_bounded() -> None:
    """Before anything of it is read."""
    assert [] == list(read_batch(b"[]"))
    with pytest.raises(Malformed, match=str(MAX_BATCH_USES)):
        read_batch(b"[" + b",".join([b"0"] * (MAX_BATCH_USES + 1)) + b"]")


@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Whatever stands for an event or a batch: commands, or our own errors."""
    for read in (read_structured, read_batch, lambda it: binary({"ce-id": "1"}, it)):
        try:
            found: Any = read(body)
        except Malformed:
            continue
        assert all(isinstance(item, ReportToolUse | Malformed) for item in found)


@given(json_values, st.sampled_from([*EVENT, "datacontenttype", "data_base64", "time"]))
def test_any_member_is_read_or_refused(value: Any, name: str) -> None:
    """An event with one member of any value at all."""
    with suppress(Malformed):
        structured(**{name: value})


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ('application/json;charset="utf-8"', True),
        ("application/cloudevents+json; charset=utf-8", True),
        ("application/json; charset=utf-16", False),
        ("text/plain", False),
        ("application/jsonp", False),
        ("application/+json", False),
        ("", False),
    ],
)
def test_media_types_of_json(content_type: str, expected: bool) -> None:
    """JSON in UTF-8, by its type or its suffix."""
    assert expected == is_json(content_type)
