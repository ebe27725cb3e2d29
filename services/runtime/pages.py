"""Where does the next page begin? Tokens bound to the question they were given for.

    token = base64url(HMAC(question, place) || place)

A token answers for no other filter, point in time or view, and cannot be made up; the tree
size stands in it, so that all pages of one listing speak of one state of the ledger.
Source: AIP-158.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from ledger.canonical_json import MAX_INTEGER, JsonValue, decode, encode
from ledger.errors import Malformed
from ledger.identity import IdentityKeys
from ledger.limits import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

_TAG_BYTES = 16


class PageTokenStale(Malformed):
    """The token is not of this question: ask again from the first page."""

    def __init__(self) -> None:
        super().__init__("page_token", "belongs to another question; start from the first page")


def page_size(asked: int) -> int:
    """How many a page holds; AIP-158: too many is cut, negative is refused."""
    if asked < 0:
        raise Malformed("page_size", "must be 0 or more")
    return min(asked or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def spelt(number: int) -> JsonValue:
    """A number as a place may hold it: where JSON has no such integer, as text.

    The start of a use at no known time is one; other releases write the others as integers.
    """
    return number if abs(number) <= MAX_INTEGER else str(number)


def write_token(keys: IdentityKeys, question: JsonValue, place: list[JsonValue]) -> str:
    """A token for the page after `place`."""
    body = encode(place)
    return urlsafe_b64encode(_tag(keys, question, body) + body).decode()


def read_token(keys: IdentityKeys, question: JsonValue, token: str) -> list[JsonValue]:
    """The place of a token. Raises PageTokenStale."""
    try:
        data = urlsafe_b64decode(token.encode("ascii"))
    except (UnicodeError, Base64Error, ValueError):
        raise PageTokenStale from None
    tag, body = data[:_TAG_BYTES], data[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(keys, question, body)):
        raise PageTokenStale
    place: list[JsonValue] = decode(body, what="page_token")
    return place


def _tag(keys: IdentityKeys, question: JsonValue, body: bytes) -> bytes:
    return keys.digest("page", question, body.decode("utf-8", "replace"))[:_TAG_BYTES]
