"""How does one entry prove itself in a file? (C2SP tlog-proof, version 1)

A text that anybody checks offline who trusts the log's key and some witnesses.

    c2sp.org/tlog-proof@v1
    [extra <base64>]
    index <n>
    <sibling hashes, leaf to root>

    <checkpoint with cosignatures, verbatim>

    TlogProof ──marshal──► name.tlog-proof ──parse──► TlogProof ──verify──► checkpoint
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_PROOF_EXTRA_BYTES, MAX_PROOF_HASHES, MAX_TREE_SIZE
from ledger.merkle import HASH_BYTES, verify_inclusion
from ledger.tlog.checkpoint import claimed_checkpoint
from ledger.tlog.cosignature import WitnessedCheckpoint, open_witnessed
from ledger.tlog.texts import decode_base64, encode_base64, parse_decimal
from ledger.tlog.trust_policy import TrustPolicy

_HEADER: Final = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True, slots=True)
class TlogProof:
    """An inclusion proof and the checkpoint it leads to, nothing verified yet.

    Args:
        leaf_index: Zero-based place of the entry.
        proof: Sibling hashes, leaf to root, 32 bytes each, 64 at most.
        note: The signed checkpoint with its cosignatures, as the log served it.
        extra: Anything, 65,536 bytes at most. Nobody signed it: it may help, never prove.
    Raises:
        Malformed: A field breaks these rules.
    """

    leaf_index: int
    proof: tuple[bytes, ...]
    note: bytes
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.leaf_index < MAX_TREE_SIZE:
            raise Malformed("tlog-proof.index", f"must lie in 0..{MAX_TREE_SIZE - 1}")
        if len(self.proof) > MAX_PROOF_HASHES:
            raise Malformed("tlog-proof.hash", f"must be {MAX_PROOF_HASHES} at most")
        if any(len(sibling) != HASH_BYTES for sibling in self.proof):
            raise Malformed("tlog-proof.hash", f"must be {HASH_BYTES} bytes each")
        if len(self.extra) > MAX_PROOF_EXTRA_BYTES:
            raise Malformed("tlog-proof.extra", f"must be {MAX_PROOF_EXTRA_BYTES} bytes at most")
        claimed_checkpoint(self.note)

    def marshal(self) -> bytes:
        """The text, whose file is named `*.tlog-proof`."""
        extra = [f"extra {encode_base64(self.extra)}"] if self.extra else []
        lines = [_HEADER, *extra, f"index {self.leaf_index}", *map(encode_base64, self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> TlogProof:
        """The proof that `marshal` wrote; one text for each proof.

        Raises:
            Malformed: Another form, to the byte.
        """
        head, blank, note = data.partition(b"\n\n")
        if not blank or not head.isascii():
            raise Malformed("tlog-proof", "must be ASCII lines, a blank line and a checkpoint")
        header, *lines = head.decode("ascii").split("\n")
        if header != _HEADER:
            raise Malformed("tlog-proof", f"must begin with {_HEADER}")
        extra = b""
        if lines and lines[0].startswith("extra "):
            extra = decode_base64(lines.pop(0).removeprefix("extra "), field="tlog-proof.extra")
            if not extra:
                raise Malformed("tlog-proof.extra", "must not be empty; leave the line out")
        if not lines or not lines[0].startswith("index "):
            raise Malformed("tlog-proof.index", "must stand before the hashes")
        index = lines.pop(0).removeprefix("index ")
        if len(lines) > MAX_PROOF_HASHES:
            raise Malformed("tlog-proof.hash", f"must be {MAX_PROOF_HASHES} at most")
        return cls(
            parse_decimal(index, field="tlog-proof.index", maximum=MAX_TREE_SIZE - 1),
            tuple(decode_base64(line, field="tlog-proof.hash") for line in lines),
            note,
            extra,
        )

    def verify(self, leaf: bytes, policy: TrustPolicy, origin: str) -> WitnessedCheckpoint:
        """The checkpoint this leaf is proven under.

        Args:
            leaf: Leaf hash of the entry, 32 bytes: hash what you hold, believe no other.
            policy: Whom we believe. `origin`: the log we want to hear of.
        Raises:
            Malformed, VerificationFailed: As `open_witnessed`.
            InclusionFailed: The proof leads elsewhere.
        """
        witnessed = open_witnessed(self.note, policy, origin)
        verify_inclusion(
            leaf,
            leaf_index=self.leaf_index,
            tree_size=witnessed.checkpoint.tree_size,
            proof=self.proof,
            root=witnessed.checkpoint.root,
        )
        return witnessed
