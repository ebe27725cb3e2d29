"""Which bytes stand for this value? Deterministic JSON, and a reader that refuses surprises.

    value ──encode──► UTF-8, members by code point, no white space, no floats ──decode──► value

Writing is one function for entries, commitments, digests and bundles. Where msgspec is
installed (the server) it does the work; the verifier's base install has the standard
library only. A law in tests/laws holds the two to the same bytes.

Source: design of the entry (docs/adr/0003-entry-bytes.md); RFC 8259; member order as RFC 8785
but by code point, which is what every language's plain string sort of UTF-8 gives.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ledger.errors import Malformed
from ledger.limits import MAX_JSON_DEPTH, MAX_JSON_VALUES

JsonValue: TypeAlias = Any  # None | bool | int | str | Sequence | Mapping, checked at the edge
JsonObject: TypeAlias = Mapping[str, JsonValue]

MAX_INTEGER: Final = 2**53 - 1


def _encode_with_standard_library(value: JsonValue) -> bytes:
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return text.encode("utf-8")


encode: Callable[[JsonValue], bytes]
try:
    import msgspec
except ImportError:
    encode = _encode_with_standard_library
else:
    encode = msgspec.json.Encoder(order="deterministic").encode


def decode(data: bytes, *, what: str = "JSON", max_depth: int = MAX_JSON_DEPTH) -> JsonValue:
    """Read JSON strictly: what two readers could take differently is refused.

    Raises:
        Malformed: Not UTF-8 or not JSON, a doubled name, a fraction or exponent, an
            integer beyond 2**53-1, a lone surrogate, nesting beyond `max_depth`, or more
            than MAX_JSON_VALUES values.
    """

    def integer(text: str) -> int:
        if len(text) > 17 or abs(int(text)) > MAX_INTEGER or text == "-0":
            raise Malformed(what, "an integer lies beyond 2**53-1")
        return int(text)

    def no_number(_text: str) -> float:
        raise Malformed(what, "fractions and exponents are not used")

    def members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise Malformed(what, "a name stands twice in one object")
        return found

    try:
        text = data.decode("utf-8")
        check_shape(data, what=what, max_depth=max_depth)
        value = json.loads(
            text,
            parse_int=integer,
            parse_float=no_number,
            parse_constant=no_number,
            object_pairs_hook=members,
        )
        if "\\u" in text:  # an escape may spell a lone surrogate, which no UTF-8 can hold
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, json.JSONDecodeError):
        raise Malformed(what, "is not JSON in UTF-8") from None
    return value


def decode_canonical(data: bytes, *, what: str = "JSON") -> JsonValue:
    """Read JSON that has to be in the one deterministic form, byte for byte.

    Raises:
        Malformed: As `decode`, or another spelling of the same value.
    """
    value = decode(data, what=what)
    if encode(value) != data:
        raise Malformed(what, "is not in deterministic form")
    return value


# A string that does not end goes to the end of the data, so that no text is looked at twice.
_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS: Final = bytes(sorted(set(range(256)) - set(b"[]{}")))


def check_shape(data: bytes, *, what: str = "JSON", max_depth: int = MAX_JSON_DEPTH) -> None:
    """Refuse what would be too deep or too much to parse, before it is; no recursion.

    Raises:
        Malformed: Brackets outside strings nest deeper than `max_depth`, or there are more
            than MAX_JSON_VALUES values.
    """
    shallow = data.count(b"[") + data.count(b"{") <= max_depth
    if shallow and len(data) <= MAX_JSON_VALUES:
        return
    # A value and its name have four quotation marks; most of those in a string are escaped.
    too_many = data.count(b'"') - data.count(b'\\"') > 4 * MAX_JSON_VALUES
    bare = b"" if too_many else _STRINGS.sub(b"", data)
    if too_many or bare.count(b",") + bare.count(b"[") + bare.count(b"{") > MAX_JSON_VALUES:
        raise Malformed(what, f"holds more than {MAX_JSON_VALUES} values")
    depth = 0
    for byte in bare.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > max_depth:
            raise Malformed(what, f"nested deeper than {max_depth}")
