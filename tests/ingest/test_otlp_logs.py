"""Which log records report a use, and as whose? Their attributes alone decide."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from ledger.commands import Masked, Performer, ReportToolUse
from ledger.errors import Malformed
from ledger.events import Occurred
from ledger.ingest.documents import FIELDS, read_use
from ledger.ingest.loose_json import read_loosely
from ledger.ingest.otlp_json import read_json_logs
from ledger.ingest.otlp_logs import Checked, NotAToolUse, read_or_why, read_record
from services.runtime.messages import to_message
from tests.strategies import commands, json_values

RESOURCE = [("service.name", "face-search"), ("tooluse.agency", "agencies/a")]
RECORD = [("tooluse.event_id", "e"), ("tooluse.capture", "live"), ("code.line", 7)]


def said(*more: tuple[str, Any], resource: Any = None) -> ReportToolUse:
    return read_record(RESOURCE if resource is None else resource, [*RECORD, *more])


def test_attributes_fill_the_fields_of_a_use() -> None:
    """By their names; a member of a field stands behind a dot."""
    moment = "2026-11-20T14:03:11Z"
    found = said(
        ("tooluse.performer.user_id", "u-4711"),
        ("tooluse.occurred.earliest", moment),
        ("tooluse.reason.masked", "***"),
        ("tooluse.object.licence_plate", "ABC 123"),
        ("tooluse.authorizations", ["authorizations/w"]),
        ("tooluse.urgency_used", True),
    )

    assert ("sources/face-search", "e", "live") == (
        found.source,
        found.source_event_id,
        found.capture,
    )
    assert ("agencies/a", True, ("authorizations/w",)) == (
        found.use.agency,
        found.use.urgency_used,
        found.use.authorizations,
    )
    assert Occurred(earliest=moment) == found.use.occurred
    assert Performer(user_id="u-4711") == found.performer
    assert {"reason": Masked("***").to_json(), "object": {"licence_plate": "ABC 123"}} == dict(
        found.protected
    )


@given(commands)
def test_attributes_say_what_a_document_says(command: ReportToolUse) -> None:
    """Each field of the document as an attribute is the same report."""
    document: dict[str, Any] = MessageToDict(to_message(command), preserving_proto_field_name=True)
    own = {"source": command.source, "source_event_id": command.source_event_id or ""}
    attributes = [(f"tooluse.{name}", value) for name, value in document.items() if name not in own]
    attributes += [("tooluse.source", own["source"]), ("tooluse.event_id", own["source_event_id"])]

    assert read_use(document, **own, what="data") == read_record([], attributes)


def test_a_records_own_word_goes_before_its_resources() -> None:
    """What all share may stand on the resource."""
    assert "agencies/b" == said(("tooluse.agency", "agencies/b")).use.agency


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ([("service.name", "face-search")], "sources/face-search"),
        ([("service.name", "a"), ("tooluse.source", "sources/b")], "sources/b"),
        ([("service.name", "a"), ("service.namespace", "n")], "sources/n-a-"),
    ],
)
def test_the_source_is_the_service_or_what_names_it(resource: Any, expected: str) -> None:
    """`tooluse.source` first, then `service.name` with its namespace."""
    assert said(resource=resource).source.startswith(expected)


@pytest.mark.parametrize(
    "resource",
    [
        [],
        [("service.name", "unknown_service")],
        [("service.name", "unknown_service:python")],
        [("service.name", "")],
        [("service.name", 1)],
        [("tooluse.source", 1)],
    ],
)
def test_a_service_that_nobody_named_is_no_source(resource: Any) -> None:
    """Many would share the SDK's default, and with it their ids."""
    with pytest.raises(Malformed, match=r"^tooluse\.source: "):
        said(resource=resource)


def test_what_does_not_say_so_is_no_use() -> None:
    """A resource's attributes make no use of every line that its service logs."""
    assert isinstance(read_or_why(RESOURCE, [("code.line", 7)]), NotAToolUse)
    assert isinstance(read_or_why(Malformed("resource", "x"), []), NotAToolUse)


@pytest.mark.parametrize(
    "record",
    [
        [("tooluse.reason", "x")],
        [("tooluse.event_id", "")],
        [("tooluse.event_id", None)],
        [("tooluse.event_id", 7)],
    ],
)
def test_a_use_without_an_id_is_refused(record: Any) -> None:
    """An exporter sends again, and what has no id would count twice; one of a resource is none."""
    with pytest.raises(Malformed, match=r"^tooluse\.event_id: "):
        read_record([*RESOURCE, ("tooluse.event_id", "e")], record)


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("tooluse", [("tooluse.resaon", "Jane Roe")]),
        ("tooluse", [("tooluse.source_event_id", "Jane Roe")]),
        ("tooluse.unit", [("tooluse.unit", "a"), ("tooluse.unit", "Jane Roe")]),
        ("tooluse.reason", [("tooluse.reason", "Jane Roe"), ("tooluse.reason.masked", "*")]),
        ("tooluse.reason", [("tooluse.reason.masked", "*"), ("tooluse.reason", "Jane Roe")]),
        ("tooluse.reason", [("tooluse.reason.masked", "*"), ("tooluse.reason.masked", "Jane")]),
        ("performer", [("tooluse.performer.nickname", "Jane Roe")]),
        ("occurred.earliest", [("tooluse.occurred.earliest", "Jane Roe")]),
    ],
)
def test_what_is_wrong_is_named(field: str, more: Any) -> None:
    """By the attribute or the field of the use; nothing of what was said is quoted."""
    with pytest.raises(Malformed) as caught:
        said(*more)

    assert field == caught.value.field
    assert "Jane" not in str(caught.value)


# --- the JSON mapping -------------------------------------------------------------
def value_of(value: Any) -> dict[str, Any]:
    """The AnyValue of a value, as OTLP's JSON writes it."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case str():
            return {"stringValue": value}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [value_of(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": pairs_of(value.items())}}
    return {}


def pairs_of(attributes: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": value_of(value)} for key, value in attributes]


def request_of(*records: Any) -> dict[str, Any]:
    scopes = [{"scope": {}, "logRecords": [{"attributes": pairs_of(one)} for one in records]}]
    return {"resourceLogs": [{"resource": {"attributes": pairs_of(RESOURCE)}, "scopeLogs": scopes}]}


def read_json(request: Any) -> list[Checked]:
    return list(read_json_logs(read_loosely(json.dumps(request).encode(), what="request")))


@given(json_values)
def test_any_value_is_read_back_from_json(value: Any) -> None:
    """Texts, numbers, lists and maps, to any depth that is read."""
    record = [*RECORD, ("tooluse.object", {"found": value})]
    (found,) = read_json(request_of(record))

    assert isinstance(found, ReportToolUse)
    assert {"found": value} == found.protected["object"]


def test_one_record_loses_no_other() -> None:
    """Fractions, bytes, numbers that not every reader holds: each costs its own record."""
    bad = [
        {"attributes": pairs_of([("tooluse.objects", 1.5)])},
        {"attributes": [{"key": "tooluse.unit", "value": {"bytesValue": "AA=="}}]},
        {"attributes": [{"key": "tooluse.objects", "value": {"intValue": "9" * 17}}]},
        {"attributes": [{"key": "tooluse.objects", "value": {"intValue": "--1"}}]},
        {"attributes": [{"key": 1}]},
        {"attributes": {}},
        None,
        {},
    ]
    request = request_of(RECORD, RECORD)
    records = request["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    for one in bad[:4]:
        one["attributes"] += pairs_of(RECORD)  # type: ignore[index]
    records[1:1] = bad
    first, *refused, last = read_json(request)

    assert said() == first == last
    assert [Malformed] * 6 + [NotAToolUse] * 2 == [type(found) for found in refused]


@given(st.recursive(json_values, lambda inner: st.lists(inner, max_size=2)), st.data())
def test_any_request_is_read_or_refused(junk: Any, data: st.DataObject) -> None:
    """Whatever stands in place of any part of a request."""
    request = request_of([*RECORD, ("tooluse.reason", "x")])
    place: Any = request
    for _ in range(data.draw(st.integers(0, 8))):
        inner = list(place.values()) if isinstance(place, dict) else list(place)
        inner = [item for item in inner if isinstance(item, dict | list) and item]
        if not inner:
            break
        place = inner[0]
    if isinstance(place, dict):
        place[data.draw(st.sampled_from(sorted(place)))] = junk
    else:
        place[0] = junk
    try:
        found = read_json(request)
    except Malformed:
        return
    assert all(isinstance(item, ReportToolUse | Malformed | NotAToolUse) for item in found)


def test_fields_have_one_attribute_each() -> None:
    """The id and the source of an envelope go by their own names; no field is called as they."""
    assert "event_id" not in FIELDS
