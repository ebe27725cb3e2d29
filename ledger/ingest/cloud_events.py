"""Which use does a CloudEvent report? One event, in either mode, or a batch of them.

    structured, batch   JSON ──read_event──► ReportToolUse          (source, id) make it one report
    binary              ce-… headers and a body ──read_binary──► the same

`source` and `id` are what makes a retry one report. `time` may be the moment of sending, so it
is checked and not kept: when the use took place stands in the data, or is not known.

Source: CloudEvents 1.0.2 (spec, JSON event format, HTTP protocol binding); ADR 0022.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from ledger.canonical_json import JsonValue
from ledger.commands import ReportToolUse
from ledger.errors import Malformed
from ledger.ingest.documents import read_use, source_name
from ledger.ingest.loose_json import Unclear, read_loosely
from ledger.limits import MAX_BATCH_USES, MAX_SOURCE_EVENT_ID_CHARS
from ledger.times import us_of_text

EVENT_TYPE: Final = "org.candour.tool_use.v1"
_PREFIX: Final = b"ce-"
_JSON: Final = re.compile(r"(application|text)/(json|[\w.!#$&^+-]+\+json)", re.ASCII)
_TIMES: Final = ("time", "recordedtime")
_PRINTABLE: Final = re.compile(rb"[ -~]*")


def is_json(content_type: str) -> bool:
    """True for a media type of JSON in UTF-8, whatever its other parameters."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    said = dict(part.partition("=")[::2] for part in parameters)
    charset = said.get("charset", "utf-8").strip('"')
    return _JSON.fullmatch(kind) is not None and charset in ("utf-8", "utf8", "us-ascii")


def read_structured(body: bytes) -> ReportToolUse:
    """The report of one event in the JSON event format. Raises Malformed."""
    return read_event(read_loosely(body, what="event"))


def read_batch(body: bytes) -> Iterator[ReportToolUse | Malformed]:
    """The report of each event of a batch, in order, or why it makes none.

    Raises:
        Malformed: It is no JSON array, or holds more than MAX_BATCH_USES; before any is read.
    """
    events = read_loosely(body, what="events")
    if not isinstance(events, list):
        raise Malformed("events", "must be a JSON array")
    if len(events) > MAX_BATCH_USES:
        raise Malformed("events", f"must not hold more than {MAX_BATCH_USES}")
    return map(_read_or_why, events)


def _read_or_why(event: JsonValue) -> ReportToolUse | Malformed:
    try:
        return read_event(event)
    except Malformed as error:
        return error


def read_event(event: JsonValue) -> ReportToolUse:
    """The report of one event in the JSON event format, read by read_loosely.

    Raises:
        Malformed: It is no such event, or its data no report.
    """
    if isinstance(event, Unclear):
        raise Malformed("event", event.reason)
    if not isinstance(event, dict):
        raise Malformed("event", "must be a JSON object")
    content_type = event.get("datacontenttype")
    if content_type is None:  # the format: then as if it were application/json
        content_type = "application/json"
    if not isinstance(content_type, str) or not is_json(content_type):
        raise Malformed("datacontenttype", "must be application/json")
    data = event.get("data")
    if "data_base64" in event:
        if data is not None:
            raise Malformed("data_base64", "stands in place of data, not beside it")
        data = read_loosely(_unpacked(event["data_base64"]), what="data")
    return _report(event, data)


def _unpacked(text: Any) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Malformed("data_base64", "must be a text in base64") from None


def read_binary(headers: Iterable[tuple[bytes, bytes]], body: bytes) -> ReportToolUse:
    """The report of an event whose attributes are headers; the caller checks Content-Type.

    Args:
        headers: As they came, names in lower case.
        body: The data, JSON.
    Raises:
        Malformed: As `read_event`, or an attribute stands twice.
    """
    attributes: dict[str, str] = {}
    for raw, value in headers:
        if not raw.startswith(_PREFIX):
            continue
        name = raw.removeprefix(_PREFIX).decode("latin-1")
        if name in ("specversion", "type", "source", "id", *_TIMES):
            if name in attributes:
                raise Malformed(name, "stands twice")
            attributes[name] = _from_header(value, name)
    return _report(attributes, read_loosely(body, what="data"))


def _from_header(value: bytes, name: str) -> str:
    """An attribute's text. Source: HTTP protocol binding 3.1.3.2, percent-encoded UTF-8."""
    if not _PRINTABLE.fullmatch(value):
        raise Malformed(name, "must be percent-encoded where it is not printable ASCII")
    try:
        return unquote(value.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        raise Malformed(name, "must be percent-encoded UTF-8") from None


def _report(attributes: Mapping[str, Any], data: JsonValue) -> ReportToolUse:
    if attributes.get("specversion") != "1.0":
        raise Malformed("specversion", "must be 1.0")
    if attributes.get("type") != EVENT_TYPE:
        raise Malformed("type", f"must be {EVENT_TYPE}")
    for name in _TIMES:
        if attributes.get(name) is not None:
            us_of_text(_text(attributes, name), field=name)
    source_event_id = _text(attributes, "id")
    if not 0 < len(source_event_id) <= MAX_SOURCE_EVENT_ID_CHARS:
        raise Malformed("id", f"must have 1 to {MAX_SOURCE_EVENT_ID_CHARS} characters")
    return read_use(
        data,
        source=source_name(_text(attributes, "source")),
        source_event_id=source_event_id,
        what="data",
    )


def _text(attributes: Mapping[str, Any], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str):
        raise Malformed(name, value.reason if isinstance(value, Unclear) else "must be a text")
    return value
