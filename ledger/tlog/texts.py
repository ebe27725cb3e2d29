"""How do C2SP texts write bytes and numbers? (RFC 4648, section 4; C2SP signed-note)

Each value has one text, so that two texts never mean the same signed thing.

    bytes ◄─decode_base64── text ──parse_decimal──► int
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from ledger.errors import Malformed

_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")  # 64-bit integers need no more digits


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, field: str) -> bytes:
    """The bytes whose `encode_base64` is exactly this text.

    Stricter than Go, which takes stray bits in the last digit: another text for the same bytes.

    Raises:
        Malformed: Another alphabet, missing padding, or stray bits; `field` names the place.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Malformed(field, "must be standard base64 with padding") from None
    if encode_base64(data) != text:
        raise Malformed(field, "must be the shortest base64 of its bytes")
    return data


def parse_decimal(text: str, *, field: str, maximum: int) -> int:
    """An integer of 0..maximum in ASCII digits, without sign or leading zero.

    Raises:
        Malformed: Another text, or a larger number; `field` names the place.
    """
    if _DECIMAL.fullmatch(text) is None or int(text) > maximum:
        raise Malformed(field, f"must be a decimal of 0..{maximum} without leading zeros")
    return int(text)


def has_control(text: str) -> bool:
    """True where `text` has a character below U+0020, a newline included."""
    return _CONTROL.search(text) is not None


def is_utf8(text: str) -> bool:
    """True where `text` can be written as UTF-8: it has no lone surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
