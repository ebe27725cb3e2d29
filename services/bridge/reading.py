"""Which use does a message tell of? Its headers say in which form; what comes out is a ToolUse.

    application/cloudevents+json         one event, structured ─┐
    ce-… headers, JSON                   one event, binary      ├──► ToolUse, checked for an id
    application/json, or no type at all  the use as a document  │
    application/x-protobuf               candour.v1.ToolUse     ┘

A message can be delivered twice, so each use must carry what makes it one report: its source's
id, or the row it was. Pure: nothing is read or written here.

Source: CloudEvents' NATS protocol binding 1.0.2, section 3; ADR 0022 for documents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.message import DecodeError

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.ingest.cloud_events import is_json, read_binary, read_event
from ledger.ingest.documents import read_use, source_name
from ledger.ingest.loose_json import read_loosely
from ledger.limits import CLIENT_BATCH_BYTES
from services.client import MalformedUse, ToolUse
from services.client.uses import to_bytes
from services.runtime.messages import to_message

CONTENT_TYPE: Final = "Content-Type"
EVENT: Final = "application/cloudevents+json"
PROTOBUF: Final = ("application/x-protobuf", "application/protobuf")


def read_message(headers: Mapping[str, str] | None, body: bytes) -> bytes:
    """A use as it is reported: a ToolUse, serialized.

    Args:
        headers: Of the message, in whatever case; of a name that stands twice, one.
    Raises:
        Malformed: It is none, or nothing makes it one report however often it comes.
    """
    said = {name.lower(): value for name, value in (headers or {}).items()}
    use = _read(said, body)
    if not use.source_event_id and not use.HasField("source_record"):
        raise Malformed("source_event_id", "must be set: a message may be delivered twice")
    try:
        return to_bytes(use, most=CLIENT_BATCH_BYTES)
    except MalformedUse as error:
        raise Malformed(error.field, str(error).removeprefix(f"{error.field} ")) from None


def _read(said: Mapping[str, str], body: bytes) -> ToolUse:
    content_type = said.get(CONTENT_TYPE.lower(), "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind in PROTOBUF:
        return _of_protobuf(body)
    if content_type and not is_json(content_type):
        wanted = f"must be {EVENT}, application/json or {PROTOBUF[0]}"
        raise Malformed(CONTENT_TYPE, wanted)
    if "ce-specversion" in said and kind != EVENT:
        headers = [(name.encode("latin-1", "replace"), _encoded(said[name])) for name in said]
        return to_message(read_binary(headers, body))
    found = read_loosely(body, what="body")
    if kind == EVENT or (isinstance(found, dict) and "specversion" in found):
        return to_message(read_event(found))
    return _of_document(found)


def _of_protobuf(body: bytes) -> ToolUse:
    try:
        return ToolUse.FromString(body)
    except DecodeError:
        raise Malformed("body", "is no candour.v1.ToolUse") from None


def _of_document(document: JsonValue) -> ToolUse:
    """A document by itself says its source and id in its own members."""
    said: Mapping[str, Any] = document if isinstance(document, dict) else {}
    source = said.get("source")
    if isinstance(document, dict) and not (isinstance(source, str) and source):
        raise Malformed("source", "must be set: with source_event_id it makes a use one report")
    own_id = said.get("source_event_id", said.get("sourceEventId"))
    command = read_use(
        document,
        source=source_name(source) if isinstance(source, str) else "",
        source_event_id=own_id if isinstance(own_id, str) else "",
        what="body",
    )
    return to_message(command)


def _encoded(value: str) -> bytes:
    """As CloudEvents' headers hold a text: what is not printable ASCII is refused where it is read."""
    return value.encode("utf-8", "surrogatepass")
