"""What may a text or a number in a command be? The bounds that all commands share.

Every text may become a column of a view, so none holds what a database refuses.
"""

from __future__ import annotations

from ledger.errors import Malformed
from ledger.limits import MAX_COUNT, MAX_TEXT_BYTES


def check_text(text: str, field: str, max_chars: int) -> str:
    """A name, code or id: one character or more. Raises Malformed."""
    if not 0 < len(text) <= max_chars:
        raise Malformed(field, f"must have 1 to {max_chars} characters")
    check_characters(text, field)
    return text


def check_prose(text: str, field: str) -> str:
    """Free text, blank or not, bounded by what it takes in UTF-8. Raises Malformed."""
    check_characters(text, field)
    size_bytes = len(text) if text.isascii() else len(text.encode())
    if size_bytes > MAX_TEXT_BYTES:
        raise Malformed(field, f"is longer than {MAX_TEXT_BYTES} bytes")
    return text


def check_characters(text: str, field: str) -> None:
    """PostgreSQL's texts have no NUL, UTF-8 has no half of a surrogate pair. Raises Malformed."""
    if "\0" in text:
        raise Malformed(field, "holds a NUL character")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Malformed(field, "holds half of a surrogate pair") from None


def check_number(number: int, field: str) -> int:
    """A number of things, that every JSON reader holds exactly. Raises Malformed."""
    if not 0 <= number <= MAX_COUNT:
        raise Malformed(field, f"must lie in 0..{MAX_COUNT}")
    return number
