"""How can a log prove what it does not say? Salted commitments to protected fields.

    commitment = SHA256("candour-commit-1\\0" || u16 len(field) || field
                        || u16 len(stream) || stream || salt || value)

The entry holds the commitment; field, salt and value are kept beside the log. Showing a
field is handing over its salt and value; erasing one is deleting them, and every proof
still holds. Field and stream are bound, so no value can be shown under another. Never a
bare hash: people, cases and plates can be guessed, 32 random bytes of salt cannot.

Source: docs/adr/0003-entry-bytes.md; vectors in tests/vectors/entry.json.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ledger.canonical_json import JsonValue, encode
from ledger.errors import Malformed, VerificationFailed

SALT_BYTES: Final = 32
_TAG: Final = b"candour-commit-1\x00"
# 42 characters hold 252 bits; the next holds four more and, in the one spelling, two of zero.
_DIGEST: Final = re.compile("[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


class DisclosureFailed(VerificationFailed):
    """A disclosed value is not the one that the entry committed to."""

    def __init__(self, field: str, stream: str) -> None:
        super().__init__(f"{stream}: the value shown for {field!r} is not the committed one")
        self.field, self.stream = field, stream


@lru_cache(maxsize=256)
def _prefix(field: str) -> bytes:
    name = field.encode()
    return _TAG + len(name).to_bytes(2, "big") + name


def commitment(field: str, stream: str, salt: bytes, value: JsonValue) -> bytes:
    """The 32 bytes that stand, in base64, for a protected value in its entry."""
    return commitment_to_json(field, stream, salt, encode(value))


def commitment_to_json(field: str, stream: str, salt: bytes, json: bytes) -> bytes:
    """As `commitment`, for a value that is written already. `salt` must be SALT_BYTES long.

    A salt of another length would move bytes between salt and value without a trace.
    """
    place = stream.encode()
    return hashlib.sha256(
        b"".join((_prefix(field), len(place).to_bytes(2, "big"), place, salt, json))
    ).digest()


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One protected field of one event, in the clear."""

    field: str
    stream: str
    salt: bytes
    value: JsonValue

    def commitment(self) -> bytes:
        return commitment(self.field, self.stream, self.salt, self.value)

    def check(self, committed: bytes) -> None:
        """Raises DisclosureFailed unless this is what `committed` (32 bytes) stands for."""
        if self.commitment() != committed:
            raise DisclosureFailed(self.field, self.stream)

    def to_object(self) -> dict[str, JsonValue]:
        return {
            "field": self.field,
            "salt": b64encode(self.salt).decode(),
            "stream": self.stream,
            "value": self.value,
        }

    @classmethod
    def from_object(cls, found: JsonValue) -> Disclosure:
        """Raises Malformed unless `found` has exactly the four members, of their types."""
        if not isinstance(found, Mapping) or set(found) != {"field", "salt", "stream", "value"}:
            raise Malformed("disclosure", "must hold field, salt, stream and value")
        field, stream = found["field"], found["stream"]
        if not isinstance(field, str) or not isinstance(stream, str):
            raise Malformed("disclosure", "field and stream must be texts")
        salt = bytes_of_base64(found["salt"], field="disclosure.salt")
        if len(salt) != SALT_BYTES:
            raise Malformed("disclosure.salt", f"must be {SALT_BYTES} bytes")
        return cls(field, stream, salt, found["value"])


def protect(
    values: Mapping[str, JsonValue], stream: str, random_bytes: Callable[[int], bytes]
) -> tuple[dict[str, str], dict[str, list[JsonValue]]]:
    """Commit to every value of an event.

    Args:
        values: Field to JSON value.
        stream: The event's stream.
        random_bytes: Source of fresh salts, as `os.urandom`.
    Returns:
        What the entry's `protected` holds (field to base64), and what is kept beside the
        log (field to [base64 salt, value]).
    """
    salts = random_bytes(SALT_BYTES * len(values))
    place = stream.encode()
    middle = len(place).to_bytes(2, "big") + place
    committed: dict[str, str] = {}
    kept: dict[str, list[JsonValue]] = {}
    start = 0
    for field, value in values.items():
        salt = salts[start : start + SALT_BYTES]
        start += SALT_BYTES
        digest = hashlib.sha256(b"".join((_prefix(field), middle, salt, encode(value)))).digest()
        committed[field] = b64encode(digest).decode()
        kept[field] = [b64encode(salt).decode(), value]
    return committed, kept


def is_digest_text(text: JsonValue) -> bool:
    """Whether this is what `bytes_of_base64` takes for 32 bytes; told at a fraction of the cost."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def bytes_of_base64(text: JsonValue, *, field: str) -> bytes:
    """Strict standard base64: padded, no other spelling of the same bytes."""
    if not isinstance(text, str):
        raise Malformed(field, "must be base64 text")
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise Malformed(field, "is not base64") from None
    if b64encode(data).decode() != text:
        raise Malformed(field, "is not in the one spelling of base64")
    return data
