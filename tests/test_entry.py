"""Is an entry still the bytes that it was when it was hashed? The format, pinned by vectors.

tests/vectors/entry.json is ours: every topic, made once with fixed salts, never made anew. The
shared vectors were given with the format; they are read where present.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.canonical_json import _encode_with_standard_library
from ledger.disclosure import Disclosure
from ledger.entry import decode_entry, encode_entry
from ledger.events import FACTS
from ledger.merkle import leaf_hash
from tests.shared_data import shared_data

OURS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors" / "entry.json").read_text("utf-8")
)["entries"]


def check_vector(vector: dict[str, Any]) -> None:
    """Bytes, leaf hash, fact and commitments are the vector's; writing it again changes nothing."""
    data = vector["entry"].encode()
    assert vector["leaf_hash"] == leaf_hash(data).hex()
    entry = decode_entry(data)
    assert data == encode_entry(entry)
    assert data == _encode_with_standard_library(json.loads(data))
    assert entry.event == entry.fact().to_object()
    shown = {item["field"]: item for item in vector["disclosures"]}
    assert shown.keys() == entry.protected.keys()
    for field, item in shown.items():
        assert item["commitment"] == entry.protected[field]
        disclosure = Disclosure.from_object({k: v for k, v in item.items() if k != "commitment"})
        committed = entry.commitment_to(field)
        assert committed is not None
        disclosure.check(committed)


@pytest.mark.parametrize("vector", OURS, ids=lambda vector: vector["name"])
def test_entry_is_what_it_was(vector: dict[str, Any]) -> None:
    """An old entry still reads, still says the same, and still has its hash."""
    check_vector(vector)


def test_every_topic_has_its_vector() -> None:
    """No published topic is without an entry that pins its bytes."""
    assert sorted(FACTS) == sorted({decode_entry(v["entry"].encode()).topic for v in OURS})


def test_shared_vector_holds() -> None:
    """The entry that was given with the format is judged as it says."""
    path = shared_data("entry-vectors.json", unjudged="the entry vector given with the format")
    check_vector(json.loads(path.read_text("utf-8")))
