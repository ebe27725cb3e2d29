"""Does an entry of the directory say what a ledger signed, and nothing else?"""

from __future__ import annotations

import pytest

from ledger.directory import listing_stream, own_note, read_listing
from ledger.entry import Entry, decode_entry, encode_entry
from ledger.errors import Malformed, Unverifiable
from ledger.tlog import Checkpoint, Cosigner, add_signatures, claimed_checkpoint
from tests.directory.listings import DIRECTORY, LEDGER, OTHER, entry_of, signed

NOTE = signed(LEDGER, 7, b"r" * 32)


def changed(data: bytes, **members: object) -> bytes:
    """The entry again, with other members of its event or envelope."""
    entry = decode_entry(data)
    event = {**entry.event, **{k: v for k, v in members.items() if k in entry.event}}
    return encode_entry(
        Entry(
            topic=str(members.get("topic", entry.topic)),
            stream=str(members.get("stream", entry.stream)),
            version=entry.version,
            event=event,
            protected={},
            origin=entry.origin,
            recorded_at=entry.recorded_at,
            reporter=entry.reporter,
            capture=entry.capture,
        )
    )


def test_listing_comes_back() -> None:
    """With its place, its number, its checkpoint as it was signed, and its directory."""
    found = read_listing(entry_of(NOTE, 3), 9)

    assert (9, 3) == (found.leaf_index, found.version)
    assert (NOTE, claimed_checkpoint(NOTE)) == (found.note, found.checkpoint)
    assert DIRECTORY.verifier_key.name == found.directory


def test_cosignatures_stay_outside() -> None:
    """They may come later, and a listing is for good: only the ledger's own line goes in."""
    witness = Cosigner("w", bytes([7]) * 32)
    cosigned = add_signatures(NOTE, [witness.cosign(claimed_checkpoint(NOTE), cosigned_at=1)])

    assert cosigned != NOTE == own_note(cosigned)
    assert entry_of(NOTE, 1) == entry_of(cosigned, 1)


def test_note_that_its_ledger_did_not_sign_is_not_listed() -> None:
    """A line by another key is no line of its own."""
    text = Checkpoint(OTHER.verifier_key.name, 7, b"r" * 32).marshal()
    stranger = NOTE.replace(claimed_checkpoint(NOTE).marshal().encode(), text.encode())
    with pytest.raises(Malformed):
        entry_of(stranger, 1)


@pytest.mark.parametrize(
    "members",
    [
        {"tree_size": 8},
        {"root": "00" * 32},
        {"origin": "candour.local/1/court"},
        {"note": "no note"},
        {"note": signed(LEDGER, 8, b"r" * 32).decode()},
        {"stream": listing_stream("candour.local/1/court")},
        {"topic": "usage_index.committed.v1"},
    ],
)
def test_entry_that_contradicts_itself_is_refused(members: dict[str, object]) -> None:
    """What stands beside the note is a copy, and another copy is no listing."""
    with pytest.raises((Malformed, Unverifiable)):
        read_listing(changed(entry_of(NOTE, 1), **members), 0)
