"""Did a log only add, and if not, what convicts it? (RFC 9162, section 2.1.4; C2SP tlog-witness)

    older, newer, proof ──check_growth──► returns, or ConsistencyFailed: not shown
                        ──judge─────────► None, or Equivocation: shown to be false

A failed proof convicts nobody: it may be garbage that passed for the log's. Two signed
checkpoints convict the log where their sizes are equal and their roots are not, or where a
proof shows that the newer tree begins with another root than the older checkpoint states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_NOTE_BYTES, MAX_PROOF_HASHES
from ledger.merkle import EMPTY_ROOT, ConsistencyFailed, verify_consistency
from ledger.tlog.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint
from ledger.tlog.note_keys import VerifierKey
from ledger.tlog.signed_note import Note
from ledger.tlog.texts import decode_base64, encode_base64

_HEADER: Final = "candour-equivocation@v1"


def check_growth(
    *, old_size: int, old_root: bytes, newer: Checkpoint, proof: Sequence[bytes]
) -> None:
    """Return where the newer tree only adds to the older one; every tree adds to the empty one.

    Args:
        old_size, old_root: The older tree; 0 for none yet.
        newer: As its log signed it.
        proof: Consistency proof, 64 hashes at most; empty where nothing is to be proven.
    Raises:
        ConsistencyFailed: It does not, or the proof does not show it.
    """
    if newer.tree_size == 0 and newer.root != EMPTY_ROOT:
        raise ConsistencyFailed("not the root of an empty tree", old_size=old_size, new_size=0)
    if old_size > 0:
        verify_consistency(
            old_size=old_size,
            old_root=old_root,
            new_size=newer.tree_size,
            new_root=newer.root,
            proof=proof,
        )
    elif proof:
        raise ConsistencyFailed("proof too long", old_size=0, new_size=newer.tree_size)


@dataclass(frozen=True, slots=True)
class Equivocation:
    """Two checkpoints of one log that cannot both be true, for whoever holds its key to check.

    Args:
        older: The smaller tree, or the one that was seen first.
        newer: The larger one, or another of the same size.
        prefix_root: Root over the first leaves of the newer tree, as many as the older has,
            where the sizes differ; else empty.
        proof: Shows this: a consistency proof from `prefix_root` to the newer root.
    """

    older: SignedCheckpoint
    newer: SignedCheckpoint
    prefix_root: bytes = b""
    proof: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        old, new = self.older.checkpoint, self.newer.checkpoint
        other = self.prefix_root or new.root
        return (
            f"{old.origin} signed two histories: its tree of size {old.tree_size} has root"
            f" {encode_base64(old.root)} in one checkpoint, and {encode_base64(other)}"
            f" as the checkpoint of size {new.tree_size} has it"
        )

    def check(self) -> None:
        """Return where the two do contradict each other; their signatures are verified already.

        Raises:
            Malformed: They are of two logs, or not in order of size.
            ConsistencyFailed: They may both be true.
        """
        old, new = self.older.checkpoint, self.newer.checkpoint
        if old.origin != new.origin:
            raise Malformed("equivocation", "must be of one log")
        if old.tree_size > new.tree_size:
            raise Malformed("equivocation", "must name the smaller tree first")
        same_size = old.tree_size == new.tree_size
        if same_size and (self.prefix_root or self.proof):
            raise Malformed("equivocation", "must have no proof between equal sizes")
        if not same_size:
            verify_consistency(
                old_size=old.tree_size,
                old_root=self.prefix_root,
                new_size=new.tree_size,
                new_root=new.root,
                proof=self.proof,
            )
        if old.root == (self.prefix_root or new.root):
            raise ConsistencyFailed(
                "the roots agree", old_size=old.tree_size, new_size=new.tree_size
            )

    def marshal(self) -> bytes:
        """A text file to hand to anybody; both notes stand in it as they were signed."""
        prefix = [f"prefix {encode_base64(self.prefix_root)}"] if self.prefix_root else []
        lines = [_HEADER, *prefix, *map(encode_base64, self.proof), ""]
        notes = join_notes([note_bytes(self.older.note), note_bytes(self.newer.note)])
        return "".join(f"{line}\n" for line in lines).encode() + notes

    @classmethod
    def parse(cls, data: bytes, verifiers: Sequence[VerifierKey]) -> Equivocation:
        """The equivocation that `marshal` wrote, its signatures verified and checked to be one.

        Args:
            data: The file.
            verifiers: The accused log's keys, from somewhere else than the file.
        Raises:
            Malformed, VerificationFailed: It convicts nobody.
        """
        head, blank, rest = data.partition(b"\n\n")
        header, *lines = head.decode("ascii", errors="replace").split("\n")
        notes = split_notes(rest)
        if not blank or header != _HEADER or len(notes) != 2 or len(lines) > MAX_PROOF_HASHES + 1:
            raise Malformed("equivocation", f"must be {_HEADER}, a proof and two checkpoints")
        prefix_root = b""
        if lines and lines[0].startswith("prefix "):
            prefix = lines.pop(0).removeprefix("prefix ")
            prefix_root = decode_base64(prefix, field="equivocation.prefix")
        proof = tuple(decode_base64(line, field="equivocation.proof") for line in lines)
        older, newer = (open_checkpoint(note, verifiers) for note in notes)
        found = cls(older, newer, prefix_root, proof)
        found.check()
        return found


def judge(
    older: SignedCheckpoint,
    newer: SignedCheckpoint,
    proof: Sequence[bytes],
    *,
    prefix_root: bytes | None = None,
) -> Equivocation | None:
    """None where the newer tree adds to the older one; Equivocation where it provably does not.

    Args:
        older, newer: Of one log, in order of size.
        proof: Consistency proof between them, as the log gives it.
        prefix_root: Root over the first leaves of the newer tree, as many as the older has,
            from the log's tiles. With it a fork is proven, and not only suspected.
    Raises:
        Malformed: They are of two logs, or not in order of size.
        ConsistencyFailed: Neither is shown. Keep both checkpoints, and ask again.
    """
    old, new = older.checkpoint, newer.checkpoint
    if old.tree_size == new.tree_size:
        claim = Equivocation(older, newer)
    else:
        claim = Equivocation(older, newer, prefix_root or old.root, tuple(proof))
    try:
        claim.check()
    except ConsistencyFailed:  # not convicted; that is no acquittal
        check_growth(old_size=old.tree_size, old_root=old.root, newer=new, proof=proof)
        return None
    return claim


def note_bytes(note: Note) -> bytes:
    """The note again, verified signatures before others."""
    lines = (f"{signature.line()}\n" for signature in (*note.signatures, *note.unverified))
    return f"{note.text}\n{''.join(lines)}".encode()


def join_notes(notes: Iterable[bytes]) -> bytes:
    """Checkpoints in one file, a blank line after each, so that a file grows by appending."""
    return b"".join(note + b"\n" for note in notes)


def split_notes(data: bytes) -> list[bytes]:
    """The checkpoints that `join_notes` joined: neither their text nor their lines are blank.

    Raises:
        Malformed: The last one is cut, or stands alone without its signatures.
    """
    parts = data.split(b"\n\n")
    if parts.pop() != b"" or len(parts) % 2 != 0:
        raise Malformed("checkpoints", "must each end in a blank line")
    notes = [
        text + b"\n\n" + signatures + b"\n"
        for text, signatures in zip(parts[::2], parts[1::2], strict=True)
    ]
    if any(len(note) > MAX_NOTE_BYTES for note in notes):
        raise Malformed("checkpoints", f"must be {MAX_NOTE_BYTES} bytes each at most")
    return notes
