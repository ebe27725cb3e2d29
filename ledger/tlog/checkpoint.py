"""Which tree does the log stand by? (C2SP tlog-checkpoint)

A tree head as text, and who may sign it: only the key named as its origin.

    Checkpoint ──marshal──► three lines ──sign──► signed note
    signed note ──open_note──► text ──parse──► Checkpoint, whose origin signed it
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_TREE_SIZE
from ledger.merkle import HASH_BYTES
from ledger.tlog.note_keys import Signer, VerifierKey
from ledger.tlog.signed_note import Note, open_note, parse_note, sign
from ledger.tlog.texts import decode_base64, encode_base64, has_control, is_utf8, parse_decimal


class CheckpointUntrusted(VerificationFailed):
    """A trusted key signed this checkpoint, but not the key of the log it speaks for."""

    def __init__(self, *, origin: str) -> None:
        super().__init__(f"checkpoint of {origin}: not signed by a trusted key of that name")
        self.origin = origin


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One tree head of one log.

    Args:
        origin: The log's name, one line, not empty; ours are also the key's name.
        tree_size: Leaves, 0 up to `MAX_TREE_SIZE`.
        root: Root hash over them, 32 bytes.
        extensions: Further lines, none empty. We write none: nobody audits them.
    Raises:
        Malformed: A field breaks these rules.
    """

    origin: str
    tree_size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _is_line(self.origin):
            raise Malformed("checkpoint.origin", "must be a line, not empty")
        if not 0 <= self.tree_size <= MAX_TREE_SIZE:
            raise Malformed("checkpoint.tree_size", f"must lie in 0..{MAX_TREE_SIZE}")
        if len(self.root) != HASH_BYTES:
            raise Malformed("checkpoint.root", "must be 32 bytes")
        if not all(map(_is_line, self.extensions)):
            raise Malformed("checkpoint.extensions", "must be lines, none empty")

    def marshal(self) -> str:
        """The text that is signed, its final newline included."""
        lines = (self.origin, str(self.tree_size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """The checkpoint that `marshal` wrote; one text for each checkpoint.

        Raises:
            Malformed: Another form, to the character.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "":
            raise Malformed("checkpoint", "must be three lines or more, each ended by a newline")
        origin, size, root, *extensions = lines
        return cls(
            origin=origin,
            tree_size=parse_decimal(size, field="checkpoint.tree_size", maximum=MAX_TREE_SIZE),
            root=decode_base64(root, field="checkpoint.root"),
            extensions=tuple(extensions),
        )


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the note that carries it, the log's own signature verified."""

    checkpoint: Checkpoint
    note: Note


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """The signed note of this checkpoint.

    Raises:
        Malformed: The signer's name is not the checkpoint's origin: a key speaks for one log.
    """
    if signer.verifier_key.name != checkpoint.origin:
        raise Malformed("signer", "must bear the name of the checkpoint's origin")
    return sign(checkpoint.marshal(), [signer])


def open_checkpoint(data: bytes, verifiers: Iterable[VerifierKey]) -> SignedCheckpoint:
    """The checkpoint of this note, if the log it speaks for signed it.

    Args:
        data: Signed note.
        verifiers: Keys of logs we trust, each named as its log's origin.
    Raises:
        Malformed: The note, or the checkpoint in it.
        VerificationFailed: As `open_note`.
        CheckpointUntrusted: Only trusted keys of other names signed it.
    """
    note = open_note(data, verifiers)
    checkpoint = Checkpoint.parse(note.text)
    if all(signature.key_name != checkpoint.origin for signature in note.signatures):
        raise CheckpointUntrusted(origin=checkpoint.origin)
    return SignedCheckpoint(checkpoint, note)


def claimed_checkpoint(data: bytes) -> Checkpoint:
    """What this note says, whoever signed it: to find out whose keys must judge it.

    Raises:
        Malformed: The note, or the checkpoint in it.
    """
    return Checkpoint.parse(parse_note(data)[0])


def _is_line(text: str) -> bool:
    return text != "" and not has_control(text) and is_utf8(text)
