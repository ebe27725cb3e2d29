"""Does the fast reader of an audit ever say another thing than the strict one?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.canonical_json import encode
from ledger.disclosure import bytes_of_base64, protect
from ledger.entry import decode_entry, encode_entry
from ledger.errors import CandourError, Malformed
from ledger.store import audit_entries
from ledger.store.audit_entries import check_disclosures, read_envelope
from tests import strategies as told

NUMBERS = (b"1.5", b"1e2", b"-0", b"9007199254740992", b"99999999999999999999", b"NaN", b"01", b"1")
ENTRY = {
    "capture": "live",
    "event": {"n": 1},
    "origin": "example.com/log",
    "protected": {"reason": "mS/vNCWCMmLfoeWeL6pC2g+LoWM8zbtpC4HePrc/wbI="},
    "recorded_at": "2026-01-01T00:00:00.000000Z",
    "reporter": "r",
    "stream": "tool_use/1",
    "topic": "t.v1",
    "v": 1,
    "version": 1,
}


def judged(data: bytes, read: Any) -> tuple[Any, ...]:
    """What a reader makes of some bytes: the members, or the kind of refusal."""
    try:
        found = read(data)
    except CandourError as refused:
        return (type(refused),)
    protected = {
        field: bytes_of_base64(value, field=field) if isinstance(value, str) else value
        for field, value in found.protected.items()
    }
    source = found.source if isinstance(found.source, str) else None
    members = (
        "capture",
        "event",
        "origin",
        "recorded_at",
        "reporter",
        "stream",
        "topic",
        "version",
    )
    return (protected, source, *(getattr(found, name) for name in members))


def agree(data: bytes) -> None:
    assert judged(data, decode_entry) == judged(data, read_envelope)


@given(told.entries)
def test_what_the_ledger_wrote_is_read_alike(entry: Any) -> None:
    """Both readers find the same members in every entry there can be."""
    agree(encode_entry(entry))


@given(told.entries, st.data())
def test_what_is_damaged_is_judged_alike(entry: Any, data: Any) -> None:
    """Both readers refuse the same bytes, whatever happened to them."""
    written = encode_entry(entry)
    at = data.draw(st.integers(0, len(written)))
    cut = data.draw(st.integers(0, 4))
    put = data.draw(st.binary(max_size=4) | st.sampled_from((*NUMBERS, b" ", b"\\u0041", b",")))

    agree(written[:at] + put + written[at + cut :])


@given(st.recursive(told.json_values | st.sampled_from(NUMBERS), st.lists, max_leaves=3))
@pytest.mark.parametrize("member", sorted(ENTRY))
def test_any_value_of_a_member_is_judged_alike(member: str, value: Any) -> None:
    """Both readers agree on each member, whatever its value."""
    text = value if isinstance(value, bytes) else encode(_without_bytes(value))
    for name in (member, "source", "unknown"):
        members = {key: encode(item) for key, item in ENTRY.items()} | {name: text}
        lines = [encode(key) + b":" + item for key, item in sorted(members.items())]
        agree(b"{" + b",".join(lines) + b"}")


def _without_bytes(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    return [_without_bytes(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("place", [b'{"n":1}', b'"v":1', b'"version":1'])
def test_numbers_are_judged_alike(number: bytes, place: bytes) -> None:
    """A fraction, an exponent or too large a number is refused wherever it stands."""
    agree(encode(ENTRY).replace(place, place.replace(b"1", number)))


@pytest.mark.parametrize("depth", [1, 60, 62, 63, 64, 65, 1_000, 30_000])
def test_depth_is_judged_alike(depth: int) -> None:
    """Nesting is bounded alike, and breaks no stack."""
    agree(encode(ENTRY).replace(b'{"n":1}', b'{"n":' + b"[" * depth + b"]" * depth + b"}"))


def test_the_fast_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A usual entry is not read twice."""
    monkeypatch.setattr(audit_entries, "decode_entry", None)

    assert "tool_use/1" == read_envelope(encode(ENTRY)).stream


@given(told.json_objects, st.data())
@example({"reason": "inv"}, None)
def test_only_what_was_committed_to_is_shown(values: dict[str, Any], data: Any) -> None:
    """Every value that `protect` kept is right, and none after any change of a byte."""
    committed, kept = protect(
        values, "tool_use/1", lambda size: bytes(range(256))[:32] * (size // 32)
    )
    hashes = {field: bytes_of_base64(text, field=field) for field, text in committed.items()}
    shown = encode(kept)

    assert len(values) == check_disclosures(shown, "tool_use/1", hashes)
    if values:
        with pytest.raises(Malformed):
            check_disclosures(shown, "tool_use/2", hashes)
        at = 0 if data is None else data.draw(st.integers(0, len(shown) - 1))
        flipped = shown[:at] + bytes([shown[at] ^ 1]) + shown[at + 1 :]
        with pytest.raises(Malformed):
            check_disclosures(flipped, "tool_use/1", hashes)


def test_salt_has_its_length() -> None:
    """Bytes that move from the value into the salt leave the hash alone, and are refused."""
    committed, kept = protect({"reason": 12}, "s", bytes)
    hashes = {"reason": bytes_of_base64(committed["reason"], field="reason")}
    assert 1 == check_disclosures(encode(kept), "s", hashes)
    salt = "A" * 43 + "x"  # 32 zero bytes and the "1" of 12

    with pytest.raises(Malformed):
        check_disclosures(encode({"reason": [salt, 2]}), "s", hashes)
