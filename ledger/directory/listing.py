"""How does the directory list a checkpoint? As an entry like any other. (ADR 0018)

    a ledger's published note ──listing_entry──► entry bytes ──► a leaf of the directory
    entry bytes ──read_listing──► Listing: which ledger, which size, which root, signed how

One stream a ledger, `checkpoint/<origin>`; the stream's version counts its listings, so that
the store itself refuses to list a checkpoint twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.entry import Entry, decode_entry, encode_entry
from ledger.errors import Malformed
from ledger.events import CheckpointPublished
from ledger.tlog import Checkpoint, claimed_checkpoint, parse_note

DIRECTORY: Final = "directory"  # the name that no other ledger of a deployment may have
_STREAMS: Final = "checkpoint/"


@dataclass(frozen=True, slots=True)
class Listing:
    """One checkpoint of one ledger, as the directory holds it; nothing is verified yet.

    Members:
        leaf_index: Where it stands in the directory.
        version: Its place among this ledger's listings, from 1.
        checkpoint: What the note says.
        note: Signed by the ledger, without cosignatures.
        directory: Origin of the directory that lists it.
    """

    leaf_index: int
    version: int
    checkpoint: Checkpoint
    note: bytes
    directory: str


def listing_stream(origin: str) -> str:
    """The directory's stream about the ledger of this origin."""
    return _STREAMS + origin


def own_note(note: bytes) -> bytes:
    """The note with the signatures of the log it speaks for, and no other.

    Raises:
        Malformed: The note, or the checkpoint in it.
    """
    text, signatures = parse_note(note)
    origin = Checkpoint.parse(text).origin
    lines = "".join(f"{item.line()}\n" for item in signatures if item.key_name == origin)
    return f"{text}\n{lines}".encode()


def listing_entry(note: bytes, *, version: int, directory: str, recorded_at: str) -> bytes:
    """The bytes of the directory's entry about a checkpoint.

    Args:
        note: As the ledger published it; its own signature is in it.
        version: One more than that of the ledger's last listing, from 1.
        directory: Origin of the directory.
        recorded_at: The operator's clock, RFC 3339 in UTC.
    Raises:
        Malformed: The note, or the checkpoint in it.
    """
    alone = own_note(note)
    checkpoint = claimed_checkpoint(alone)  # it refuses a note that nobody signed
    fact = CheckpointPublished(
        origin=checkpoint.origin,
        tree_size=checkpoint.tree_size,
        root=checkpoint.root.hex(),
        note=alone.decode(),
    )
    return encode_entry(
        Entry(
            topic=fact.TOPIC,
            stream=listing_stream(checkpoint.origin),
            version=version,
            event=fact.to_object(),
            protected={},
            origin=directory,
            recorded_at=recorded_at,
            reporter=directory,
            capture="live",
        )
    )


def read_listing(data: bytes, leaf_index: int) -> Listing:
    """The listing that an entry of a directory holds.

    Raises:
        Malformed: It is no entry, or says one thing here and another in its note.
        Unverifiable: It is an entry of a topic or form that this release does not know.
    """
    entry = decode_entry(data)
    fact = entry.fact()
    if not isinstance(fact, CheckpointPublished):
        raise Malformed("topic", "must be checkpoint.published.v1: a directory holds no other")
    note = fact.note.encode()
    checkpoint = claimed_checkpoint(note)
    said = (fact.origin, fact.tree_size, fact.root)
    if said != (checkpoint.origin, checkpoint.tree_size, checkpoint.root.hex()):
        raise Malformed("event", "says another checkpoint than its note")
    if entry.stream != listing_stream(fact.origin):
        raise Malformed("stream", f"must be {_STREAMS} and the origin of the checkpoint")
    return Listing(leaf_index, entry.version, checkpoint, note, entry.origin)
