"""What does this row hold, strictly? As decode_entry says, in a third of the time.

    entry bytes ──typed decode──► Envelope ──encode──► the same bytes: it stands as it is
                       └─ any doubt ──decode_entry──► the same members, or why it is refused

What a typed decoder takes and writes back to the same bytes is deterministic JSON; only
fractions and numbers beyond 2**53-1 could pass it, so a fraction, 16 digits in a row or deep
nesting are doubts too. The two never disagree: a law in tests/store/test_audit_entries.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NoReturn

import msgspec

from ledger.canonical_json import encode
from ledger.disclosure import SALT_BYTES, bytes_of_base64, commitment_to_json
from ledger.entry import ENVELOPE_VERSION, decode_entry
from ledger.errors import Malformed
from ledger.events.tool_use import CAPTURES
from ledger.limits import MAX_ENTRY_BYTES, MAX_JSON_DEPTH
from ledger.merkle import HASH_BYTES
from ledger.times import is_utc_text


class Envelope(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An entry's members, in the order in which they are written; `protected` as hashes."""

    capture: str
    event: dict[str, Any]
    origin: str
    protected: dict[str, Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]]
    recorded_at: str
    reporter: str
    source: str | msgspec.UnsetType = msgspec.UNSET
    stream: str
    topic: str
    v: int
    version: Annotated[int, msgspec.Meta(ge=1)]


def _no_float(_text: str) -> NoReturn:
    raise ValueError("fractions are not used")


assert HASH_BYTES == SALT_BYTES == 32, "the lengths that the types below and above name"
_envelope: Final = msgspec.json.Decoder(Envelope, float_hook=_no_float)
# Field to salt and value, the value as it was written: hashed first, parsed by nobody.
_Salt = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_kept: Final = msgspec.json.Decoder(dict[str, tuple[_Salt, msgspec.Raw]])
_DIGITS_ALIKE: Final = bytes(ord("0") if ord("0") <= i <= ord("9") else i for i in range(256))


def read_envelope(data: bytes) -> Envelope:
    """The members of an entry; what decode_entry refuses is refused.

    Raises:
        Malformed, UnknownEnvelope: As decode_entry.
    """
    if (
        len(data) <= MAX_ENTRY_BYTES
        and b"0" * 16 not in data.translate(_DIGITS_ALIKE)
        and data.count(b"[") + data.count(b"{") <= MAX_JSON_DEPTH
    ):
        try:
            found = _envelope.decode(data)
            as_written = encode(found) == data
        except (msgspec.MsgspecError, ValueError):
            as_written = False
        if (
            as_written
            and found.v == ENVELOPE_VERSION
            and found.capture in CAPTURES
            and is_utc_text(found.recorded_at)
        ):
            return found
    return _read_slowly(data)


def _read_slowly(data: bytes) -> Envelope:
    entry = decode_entry(data)
    return Envelope(
        capture=entry.capture,
        event=dict(entry.event),
        origin=entry.origin,
        protected={
            field: bytes_of_base64(text, field=field) for field, text in entry.protected.items()
        },
        recorded_at=entry.recorded_at,
        reporter=entry.reporter,
        source=msgspec.UNSET if entry.source is None else entry.source,
        stream=entry.stream,
        topic=entry.topic,
        v=ENVELOPE_VERSION,
        version=entry.version,
    )


def check_disclosures(shown: bytes, stream: str, committed: Mapping[str, bytes]) -> int:
    """Is every value that is kept for an entry the one it committed to?

    Args:
        shown: JSON of field to [salt, value], as `protect` made it.
        stream, committed: Of the entry; what stands for each field, 32 bytes.
    Returns:
        How many values there are.
    Raises:
        Malformed: Names the first field that differs, and never its value.
    """
    try:
        kept = _kept.decode(shown)
        as_written = encode(kept) == shown
    except (msgspec.MsgspecError, ValueError, TypeError):
        as_written = False
    if not as_written:
        raise Malformed("disclosures", "are not in the form in which they are written")
    for field, (salt, value) in kept.items():
        if field not in committed:
            raise Malformed(field, "is shown, and the entry has not committed to it")
        if commitment_to_json(field, stream, salt, bytes(value)) != committed[field]:
            raise Malformed(field, "the value shown is not the one committed to")
    return len(kept)
