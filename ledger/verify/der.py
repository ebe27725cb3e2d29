"""How is DER read without surprises? Tag, length, content; each value has one spelling.

    bytes ──read_all──► [Value(tag, content, whole)] ──of a constructed one, again──► …

Only what a time-stamp token needs: low tags, definite and shortest lengths, bounded by the data
itself, no recursion. Source: ITU-T X.690, section 10.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ledger.errors import Malformed

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OID: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
CONTEXT_0: Final = 0xA0  # [0], constructed

_HIGH_TAG: Final = 0x1F
_LONG: Final = 0x80
_MOST_LENGTH_BYTES: Final = 4  # a length of 4 GiB: more than anything here has


class Value(NamedTuple):
    """One value: its tag, what it holds, and all its bytes."""

    tag: int
    content: bytes
    whole: bytes


def read_all(data: bytes, what: str = "DER") -> list[Value]:
    """The values that fill `data` to its last byte. Raises Malformed."""
    found: list[Value] = []
    at = 0
    while at < len(data):
        found.append(_value_at(data, at, what))
        at += len(found[-1].whole)
    return found


def members(value: Value, *tags: int, what: str = "DER") -> list[Value]:
    """What a constructed value holds, which has to begin with these tags. Raises Malformed."""
    found = read_all(value.content, what)
    if [one.tag for one in found[: len(tags)]] != list(tags):
        raise Malformed(what, "holds other members than it should")
    return found


def one(data: bytes, tag: int, what: str = "DER") -> Value:
    """The one value of this tag that `data` is. Raises Malformed."""
    found = read_all(data, what)
    if len(found) != 1 or found[0].tag != tag:
        raise Malformed(what, "is not the one value it should be")
    return found[0]


def wrapped(tag: int, content: bytes) -> bytes:
    """A value, written."""
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(length))) + length + content


def _value_at(data: bytes, at: int, what: str) -> Value:
    if len(data) < at + 2 or data[at] & _HIGH_TAG == _HIGH_TAG:
        raise Malformed(what, "is cut, or has a tag that is not used here")
    size, start = data[at + 1], at + 2
    if size >= _LONG:
        length = data[start : start + size - _LONG]
        start += size - _LONG
        size = int.from_bytes(length, "big")
        shortest = length[:1] not in (b"", b"\0") and size >= _LONG
        if not shortest or len(length) > _MOST_LENGTH_BYTES:
            raise Malformed(what, "has a length that is not written as DER writes it")
    if len(data) < start + size:
        raise Malformed(what, "is cut")
    return Value(data[at], data[start : start + size], data[at : start + size])
