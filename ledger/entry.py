"""Which exact bytes are hashed, and what do they say?

    Envelope ──encode──► deterministic JSON ──leaf_hash──► leaf of the tree
                         (stored and served verbatim; nobody re-encodes)

An entry is the whole envelope of one event. A reader hashes first and parses afterwards.

    v           1, the version of this envelope        stream   `tool_use/<uuid>`
    topic       `tool_use.reported.v1`                 version  of the stream, from 1
    event       the fact                               protected  field -> commitment
    origin      of the ledger                          recorded_at  the operator's clock
    source      what reported it, where there is one   reporter  the credential it came with
    capture     live | backfill

Source: docs/adr/0003-entry-bytes.md; vectors in tests/vectors/entry.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ledger.canonical_json import JsonValue, decode_canonical, encode
from ledger.disclosure import bytes_of_base64, is_digest_text
from ledger.errors import Malformed, Unverifiable
from ledger.events import Fact, read_fact
from ledger.events.tool_use import CAPTURES
from ledger.limits import MAX_ENTRY_BYTES
from ledger.times import is_utc_text

ENVELOPE_VERSION: Final = 1
_REQUIRED: Final = {
    "capture": str,
    "event": dict,
    "origin": str,
    "protected": dict,
    "recorded_at": str,
    "reporter": str,
    "stream": str,
    "topic": str,
    "v": int,
    "version": int,
}


class EntryTooLarge(Malformed):
    """The entry would exceed what a tile bundle can hold."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__("entry", f"takes {size_bytes} bytes, {MAX_ENTRY_BYTES} at most")
        self.size_bytes = size_bytes


class UnknownEnvelope(Unverifiable):
    """The entry's envelope is of a version that this release cannot read."""

    def __init__(self, version: object) -> None:
        super().__init__(f"entry envelope version {version!r} is not known to this release")
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry, read. `event` is as the JSON says; `fact()` types it."""

    topic: str
    stream: str
    version: int
    event: Mapping[str, JsonValue]
    protected: Mapping[str, str]
    origin: str
    recorded_at: str
    reporter: str
    capture: str
    source: str | None = None

    def fact(self) -> Fact:
        """The typed fact.

        Raises:
            UnknownFact: This release does not know the topic or a member.
            Malformed: The event does not have the shape of its topic.
        """
        return read_fact(self.topic, self.event)

    def commitment_to(self, field: str) -> bytes | None:
        """The 32 bytes committed to for a protected field; None where it has none."""
        text = self.protected.get(field)
        return None if text is None else bytes_of_base64(text, field=f"protected.{field}")


def encode_entry(entry: Entry) -> bytes:
    """The bytes that are hashed, for ever.

    Raises:
        EntryTooLarge: Beyond MAX_ENTRY_BYTES.
    """
    envelope: dict[str, JsonValue] = {
        "capture": entry.capture,
        "event": entry.event,
        "origin": entry.origin,
        "protected": entry.protected,
        "recorded_at": entry.recorded_at,
        "reporter": entry.reporter,
        "stream": entry.stream,
        "topic": entry.topic,
        "v": ENVELOPE_VERSION,
        "version": entry.version,
    }
    if entry.source is not None:
        envelope["source"] = entry.source
    data = encode(envelope)
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryTooLarge(len(data))
    return data


def decode_entry(data: bytes) -> Entry:
    """Read an entry's bytes, strictly.

    Raises:
        Malformed: Not deterministic JSON, a member missing, unknown or of another type.
        UnknownEnvelope: Another envelope version.
    """
    if len(data) > MAX_ENTRY_BYTES:
        raise EntryTooLarge(len(data))
    return entry_of_object(decode_canonical(data, what="entry"))


def entry_of_object(found: JsonValue) -> Entry:
    """Check an envelope's members. Raises as `decode_entry`."""
    if not isinstance(found, dict):
        raise Malformed("entry", "must be an object")
    if type(found.get("v")) is int and found["v"] != ENVELOPE_VERSION:
        raise UnknownEnvelope(found["v"])
    for name, kind in _REQUIRED.items():
        if type(found.get(name)) is not kind:
            raise Malformed(f"entry.{name}", f"must be of type {kind.__name__}")
    source = found.get("source")
    extra = len(found) - len(_REQUIRED) - ("source" in found)
    if extra or ("source" in found and not isinstance(source, str)):
        raise Malformed("entry", "has a member that its version does not know")
    if found["capture"] not in CAPTURES:
        raise Malformed("entry.capture", f"must be one of {', '.join(CAPTURES)}")
    if found["version"] < 1:
        raise Malformed("entry.version", "must be 1 or more")
    if not is_utc_text(found["recorded_at"]):
        raise Malformed("entry.recorded_at", "must be an RFC 3339 UTC time")
    for name, text in found["protected"].items():
        if not is_digest_text(text):
            bytes_of_base64(text, field=f"protected.{name}")  # which says more, where it is none
            raise Malformed(f"protected.{name}", "must be 32 bytes")
    return Entry(
        topic=found["topic"],
        stream=found["stream"],
        version=found["version"],
        event=found["event"],
        protected=found["protected"],
        origin=found["origin"],
        recorded_at=found["recorded_at"],
        reporter=found["reporter"],
        capture=found["capture"],
        source=source,
    )
