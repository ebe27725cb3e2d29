"""Is this an entry, strictly? As decode_entry says, in a tenth of the time.

    entry bytes ─┬─ of a shape met before ──► stream, version, topic
                 └─ of none ──decode_entry──► the same, and its shape is learned

A shape is an accepted entry with its texts and numbers left open, as a regular expression: what
fits has the same members in the same order, plain ASCII texts, integers of 15 digits at most,
and 32 bytes of base64 wherever something is committed to. All of that decode_entry takes, so
the two never disagree: a law in tests/audit/test_shapes.py. Standard library alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

from ledger.canonical_json import JsonValue, encode
from ledger.entry import ENVELOPE_VERSION, Entry, UnknownEnvelope, decode_entry
from ledger.errors import CandourError
from ledger.events import FACTS
from ledger.events.tool_use import CAPTURES
from ledger.limits import MAX_AUDIT_LEARNED, MAX_AUDIT_SHAPE_BYTES, MAX_AUDIT_SHAPES

_TEXT: Final = rb"[ !#-\[\]-~]*+"  # printable ASCII that JSON writes as it is
_NUMBER: Final = rb"(?:0|-?[1-9][0-9]{0,14})"
_HASH: Final = rb'"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="'  # 32 bytes in their one spelling
_DATE: Final = (
    rb"[12][0-9]{3}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rb"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
_TIME: Final = rb'"' + _DATE + rb'T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"'
_CAPTURE: Final = b'"(?:' + b"|".join(text.encode() for text in CAPTURES) + b')"'


_Shape = tuple[re.Pattern[bytes], str]  # with its topic


class Seen(NamedTuple):
    """What an audit wants of an entry; texts as UTF-8.

    Members:
        version: Of the stream, 1 or more.
        is_ours: False where it names another ledger as its origin.
        topic: None where the envelope is of a version that this release does not know.
    """

    stream: bytes
    version: int
    is_ours: bool
    topic: str | None

    @property
    def is_unread(self) -> bool:
        """True where this release does not know what the entry says."""
        return self.topic not in FACTS


class EntryReader:
    """Reads the entries of one ledger, and remembers the shapes it met.

    Args:
        origin: Of the ledger.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        # By how many quotation marks an entry of the shape has: texts that fit have none. The
        # last shape used is first.
        self._shapes: defaultdict[int, list[_Shape]] = defaultdict(list)
        self._learned = 0

    def read(self, data: bytes) -> Seen:
        """What the entry says of its place.

        Raises:
            Malformed: It is no entry, as `decode_entry` says.
        """
        if len(data) <= MAX_AUDIT_SHAPE_BYTES:
            alike = self._shapes.get(data.count(b'"'), [])
            for place, (shape, topic) in enumerate(alike):
                found = shape.fullmatch(data)
                if found is not None:
                    if place:
                        alike.insert(0, alike.pop(place))
                    stream, version = found.groups()
                    return Seen(stream, int(version), True, topic)
        return self._read_slowly(data)

    def _read_slowly(self, data: bytes) -> Seen:
        try:
            entry = decode_entry(data)
        except UnknownEnvelope:
            return Seen(b"", 1, True, None)
        is_ours = entry.origin == self._origin
        short = len(data) <= MAX_AUDIT_SHAPE_BYTES
        if is_ours and short and self._learned < MAX_AUDIT_LEARNED:
            self._learned += 1
            alike = self._shapes[data.count(b'"')]
            alike.insert(0, (_shape_of(entry), entry.topic))
            del alike[MAX_AUDIT_SHAPES:]
        return Seen(entry.stream.encode(), entry.version, is_ours, entry.topic)


def why_no_entry(data: bytes) -> str:
    """The reason for which decode_entry refuses these bytes."""
    try:
        decode_entry(data)
    except CandourError as error:
        return str(error)
    raise AssertionError("it is an entry")


def _shape_of(entry: Entry) -> re.Pattern[bytes]:
    members: dict[str, bytes] = {
        "capture": _CAPTURE,
        "event": _open(entry.event),
        "origin": re.escape(encode(entry.origin)),
        "protected": _object(dict.fromkeys(entry.protected, _HASH)),
        "recorded_at": _TIME,
        "reporter": b'"' + _TEXT + b'"',
        "stream": b'"(' + _TEXT + b')"',
        "topic": re.escape(encode(entry.topic)),
        "v": encode(ENVELOPE_VERSION),
        "version": b"([1-9][0-9]{0,14})",
    }
    if entry.source is not None:
        members["source"] = b'"' + _TEXT + b'"'
    return re.compile(_object(members))


def _open(value: JsonValue) -> bytes:
    """Any value of the same structure."""
    if isinstance(value, Mapping):
        return _object({name: _open(inner) for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return rb"\[" + b",".join(map(_open, value)) + rb"\]"
    if isinstance(value, str):
        return b'"' + _TEXT + b'"'
    if isinstance(value, bool) or value is None:
        return encode(value)
    return _NUMBER


def _object(members: Mapping[str, bytes]) -> bytes:
    parts = (re.escape(encode(name)) + b":" + members[name] for name in sorted(members))
    return rb"\{" + b",".join(parts) + rb"\}"
