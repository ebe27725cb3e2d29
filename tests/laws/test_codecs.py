"""Law 5 for the codecs: one spelling for each value, and nothing but our own errors for the rest."""

from __future__ import annotations

import json
from dataclasses import MISSING
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ledger.canonical_json import (
    MAX_INTEGER,
    _encode_with_standard_library,
    decode,
    decode_canonical,
    encode,
)
from ledger.disclosure import Disclosure, DisclosureFailed, commitment, protect
from ledger.entry import Entry, UnknownEnvelope, decode_entry, encode_entry
from ledger.errors import CandourError, Malformed
from ledger.events import FACTS, Fact, Record, UnknownFact, read_fact
from ledger.events.facts import members_of
from ledger.limits import MAX_ENTRY_BYTES, MAX_JSON_DEPTH
from tests.strategies import entries, facts, facts_and_values, json_objects, json_values, texts

# --- deterministic JSON -------------------------------------------------------------


@given(json_values)
@example("".join(map(chr, range(0x20))) + '"\\/\x7f\x80\u2028\u2029\ufeff\uffff\U0010ffff')
@example({"\uffff": 1, "\U00010000": 2, "": 3, "a": 4, "A": 5, "\x00": 6})
@example([MAX_INTEGER, -MAX_INTEGER, 0, True, False, None, [], {}])
def test_both_encoders_write_the_same_bytes(value: Any) -> None:
    """The server's encoder and the verifier's agree to the byte, and both read it back."""
    data = _encode_with_standard_library(value)
    assert data == encode(value)
    assert value == decode(data) == decode_canonical(data) == json.loads(data)


@given(st.dictionaries(texts, json_values, max_size=5))
def test_members_stand_in_the_order_of_their_bytes(value: dict[str, Any]) -> None:
    """By code point, which is by byte in UTF-8: every language's plain string sort."""
    expected = sorted(value, key=lambda name: name.encode())
    assert expected == list(json.loads(encode(value)))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":1,"\\u0061":2}',
        '[{"b":{"a":1,"a":2}}]',
        "1.0",
        "1e3",
        "-0",
        "NaN",
        "-Infinity",
        str(2**53),
        str(-(2**53)),
        "9" * 5_000,
        '"\\ud800"',
        '["\\udc00\\ud800"]',
        '{"\\ud800":1}',
        '"\x00"',
        "'a'",
        "[1,]",
        "// a\n1",
        "\ufeff1",
        "",
        "[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1),
        '{"a":' * (MAX_JSON_DEPTH + 1) + "1" + "}" * (MAX_JSON_DEPTH + 1),
        "[" * 1_000_000,
        '"\\"' + "[" * 100_000,
        '["' + '","'.join("[" * 70) + '"' + "[" * 100_000,
    ],
    ids=lambda text: text[:12],
)
def test_what_two_readers_could_take_differently_is_refused(text: str) -> None:
    """Doubled names, fractions, huge integers, halves of pairs, depth: refused, never by a crash."""
    with pytest.raises(Malformed):
        decode(text.encode("utf-8", "surrogatepass"))


def test_brackets_inside_texts_are_no_depth() -> None:
    """Only what a parser would descend into counts as depth."""
    value = ['"[{\\', "[" * 1_000, {"[": "]"}]
    assert value == decode(encode(value))
    nested: Any = "leaf"
    for _ in range(MAX_JSON_DEPTH):
        nested = [nested]
    assert nested == decode(encode(nested))


@given(json_values, st.data())
def test_other_spellings_are_not_canonical(value: Any, data: st.DataObject) -> None:
    """White space, escapes and another order of members are read, and told apart."""
    spelling = data.draw(
        st.sampled_from(
            (
                json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True),
                json.dumps(value, ensure_ascii=False),
                json.dumps(value, ensure_ascii=False, separators=(",", ":")),
            )
        )
    ).encode()
    assert value == decode(spelling)
    if spelling != encode(value):
        with pytest.raises(Malformed):
            decode_canonical(spelling)


def noise(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with one span of them replaced."""
    places = st.tuples(st.integers(0, len(data)), st.integers(0, 8))
    filling = st.binary(max_size=4) | st.sampled_from([b'"', b"\\", b"{", b"]", b",", b":", b"1"])
    return st.builds(
        lambda place, some: data[: place[0]] + some + data[sum(place) :], places, filling
    )


@given(st.binary(max_size=60) | json_values.map(encode).flatmap(noise))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes make the reader raise anything but our own error; what it takes encodes."""
    try:
        value = decode(data)
    except Malformed:
        return
    assert value == decode(encode(value))


# --- entries ------------------------------------------------------------------------


@given(entries)
def test_entry_reads_back_to_the_byte(entry: Entry) -> None:
    """An entry's bytes say the entry, its fact too, and are the only bytes that do."""
    data = encode_entry(entry)
    read = decode_entry(data)
    assert (entry, data) == (read, encode_entry(read))
    assert entry.event == read.fact().to_object()


@given(entries.map(encode_entry).flatmap(noise))
def test_changed_entry_is_another_or_none(data: bytes) -> None:
    """What the strict reader accepts, it accepts in one spelling; else the error is ours."""
    try:
        entry = decode_entry(data)
    except CandourError:
        return
    assert data == encode_entry(entry)
    try:
        fact = entry.fact()
    except CandourError:
        return
    assert entry.event == fact.to_object()


@given(entries)
def test_envelope_of_another_version_is_not_judged(entry: Entry) -> None:
    """A reader that does not know the envelope says so; it does not call it malformed."""
    envelope = json.loads(encode_entry(entry))
    for version in (0, 2, MAX_INTEGER):
        with pytest.raises(UnknownEnvelope):
            decode_entry(encode({**envelope, "v": version, "novelty": {}}))
    for broken in (True, "1", None, [1]):
        with pytest.raises(Malformed):
            decode_entry(encode({**envelope, "v": broken}))


@given(entries)
def test_entry_never_outgrows_a_tile_bundle(entry: Entry) -> None:
    """An entry has 65,535 bytes at most, for writer and reader."""
    room = MAX_ENTRY_BYTES - len(encode_entry(entry)) + len(encode(entry.origin)) - 2
    full = Entry(**{**members(entry), "origin": "o" * room})
    assert MAX_ENTRY_BYTES == len(encode_entry(full))
    larger = Entry(**{**members(entry), "origin": "o" * (room + 1)})
    with pytest.raises(Malformed):
        encode_entry(larger)
    with pytest.raises(Malformed):
        decode_entry(encode_entry(full)[:-1] + b" }")


def members(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in Entry.__slots__}


# --- facts --------------------------------------------------------------------------


@given(facts_and_values)
def test_record_reads_back(record: Record) -> None:
    """A fact or value and its JSON object stand for each other, through bytes too."""
    found = decode(encode(record.to_object()))
    assert record == type(record).from_object(found)
    assert found == record.to_object()
    assert None not in found.values(), "unknown is absent"
    if isinstance(record, Fact):
        assert record == read_fact(record.TOPIC, found)


@given(facts, texts)
def test_unknown_member_is_not_judged(fact: Fact, name: str) -> None:
    """A member of a later release makes the fact unknown: not malformed, never skipped."""
    assume(name not in {member.key for member in members_of(type(fact))})
    with pytest.raises(UnknownFact):
        read_fact(fact.TOPIC, {**fact.to_object(), name: 1})


@given(facts, texts)
def test_unknown_topic_is_not_judged(fact: Fact, topic: str) -> None:
    """So does a topic of a later release."""
    assume(topic not in FACTS)
    with pytest.raises(UnknownFact):
        read_fact(topic, fact.to_object())


@given(facts, st.data())
def test_member_of_another_type_is_malformed(fact: Fact, data: st.DataObject) -> None:
    """A member missing, null or of another type is refused by our own error."""
    found = fact.to_object()
    member = data.draw(st.sampled_from(members_of(type(fact))))
    if member.default is MISSING:
        with pytest.raises(Malformed):
            read_fact(fact.TOPIC, {k: v for k, v in found.items() if k != member.key})
    with pytest.raises(Malformed):
        read_fact(fact.TOPIC, {**found, member.key: None})


@given(st.sampled_from(sorted(FACTS)), json_objects, st.data())
def test_any_object_is_read_or_refused(
    topic: str, found: dict[str, Any], data: st.DataObject
) -> None:
    """No object makes a fact's reader raise anything but our own errors."""
    keys = [member.key for member in members_of(FACTS[topic])]
    wild = st.dictionaries(st.sampled_from(keys), json_values, max_size=len(keys))
    for candidate in (found, data.draw(wild)):
        try:
            fact = read_fact(topic, candidate)
        except CandourError:
            continue
        assert isinstance(fact, FACTS[topic])


# --- commitments --------------------------------------------------------------------
salts = st.binary(min_size=32, max_size=32)
short = st.text(alphabet="ab", max_size=4)
disclosures = st.builds(Disclosure, field=short, stream=short, salt=salts, value=json_values)


@given(st.dictionaries(texts, json_values, max_size=5), texts, st.randoms())
def test_committed_value_can_be_shown(values: dict[str, Any], stream: str, random: Any) -> None:
    """Field, stream, salt and value, kept beside the log, lead to what the entry holds."""
    committed, kept = protect(values, stream, random.randbytes)
    assert values.keys() == committed.keys() == kept.keys()
    entry = Entry(
        topic="t",
        stream=stream,
        version=1,
        event={},
        protected=committed,
        origin="o",
        recorded_at="2026-11-18T00:00:00Z",
        reporter="r",
        capture="live",
    )
    for field, (salt, value) in kept.items():
        found = {"field": field, "stream": stream, "salt": salt, "value": value}
        shown = Disclosure.from_object(decode(encode(found)))
        assert found == shown.to_object()
        held = entry.commitment_to(field)
        assert held is not None
        shown.check(held)


@given(disclosures, disclosures)
def test_commitment_binds_field_stream_salt_and_value(one: Disclosure, other: Disclosure) -> None:
    """No two disclosures lead to one commitment, so nothing is shown under another's name."""
    mixed = [
        Disclosure(*parts)
        for parts in (
            (other.field, one.stream, one.salt, one.value),
            (one.field, other.stream, one.salt, one.value),
            (one.field, one.stream, other.salt, one.value),
            (one.field, one.stream, one.salt, other.value),
            (one.stream, one.field, one.salt, one.value),
            (one.field + one.stream, "", one.salt, one.value),
        )
    ]
    for another in mixed:
        if encode(another.to_object()) != encode(one.to_object()):
            with pytest.raises(DisclosureFailed):
                another.check(one.commitment())


@given(disclosures)
def test_commitment_is_the_documented_hash(shown: Disclosure) -> None:
    """SHA-256 over tag, field and stream with their lengths, salt, and deterministic JSON."""
    field, stream = shown.field.encode(), shown.stream.encode()
    expected = sha256(
        b"candour-commit-1\0"
        + len(field).to_bytes(2, "big")
        + field
        + len(stream).to_bytes(2, "big")
        + stream
        + shown.salt
        + _encode_with_standard_library(shown.value)
    ).digest()
    assert expected == shown.commitment()
    assert expected == commitment(shown.field, shown.stream, shown.salt, shown.value)


@given(
    json_values
    | st.fixed_dictionaries(dict.fromkeys(("field", "stream", "salt", "value"), json_values))
)
def test_any_json_is_a_disclosure_or_refused(found: Any) -> None:
    """No JSON makes the reader of disclosures raise anything but our own error."""
    try:
        shown = Disclosure.from_object(found)
    except Malformed:
        return
    assert found == shown.to_object()
