"""Which logs do the tests watch? Honest ones and forks of them, in memory, and who cosigns them."""

from __future__ import annotations

from ledger.merkle import (
    EMPTY_ROOT,
    TileTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
)
from ledger.tlog import (
    Checkpoint,
    Cosigner,
    SignedCheckpoint,
    Signer,
    TrustPolicy,
    open_checkpoint,
    parse_trust_policy,
    sign_checkpoint,
)
from tests.merkle.strategies import tiles_in_memory
from tests.tlog.strategies import LOG, ORIGIN

WITNESSES = [Cosigner(f"w{n}.example/witness", bytes([100 + n] * 32)) for n in range(4)]


class MemoryLog:
    """A log of `size` leaves; a fork shares the first `forked_at` with the honest one.

    The signer signs for whatever history it is asked to: that is the attack.
    """

    def __init__(self, size: int, *, forked_at: int | None = None, signer: Signer = LOG) -> None:
        self.signer = signer
        self.size = size
        shared = size if forked_at is None else forked_at
        self.entries = [b"%d" % i if i < shared else b"fork %d" % i for i in range(size)]
        self._read_tile = tiles_in_memory([leaf_hash(entry) for entry in self.entries])

    def tile(self, level: int, index: int, width: int) -> bytes:
        """The first hashes of one tile."""
        return self._read_tile(level, index, width)

    def tree(self, size: int) -> TileTree:
        """The tree of one size, over these tiles."""
        return TileTree(size, self._read_tile)

    def root(self, size: int) -> bytes:
        """Root of the first `size` leaves."""
        return root_at(size, self._read_tile) if size else EMPTY_ROOT

    def checkpoint(self, size: int) -> Checkpoint:
        """What the log states of its tree of this size."""
        return Checkpoint(self.signer.verifier_key.name, size, self.root(size))

    def note(self, size: int) -> bytes:
        """And signs."""
        return sign_checkpoint(self.checkpoint(size), self.signer)

    def signed(self, size: int) -> SignedCheckpoint:
        """The same, opened."""
        return open_checkpoint(self.note(size), [self.signer.verifier_key])

    def proof(self, old: int, new: int) -> list[bytes]:
        """Consistency proof between two sizes; none is needed from nothing, or to the same."""
        if old in (0, new):
            return []
        return consistency_proof(old_size=old, new_size=new, read_tile=self._read_tile)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Inclusion proof of one leaf."""
        return inclusion_proof(leaf_index=index, tree_size=size, read_tile=self._read_tile)


def policy(quorum: str, *, log: Signer = LOG) -> TrustPolicy:
    """Trust in one log and all `WITNESSES`, named w0 to w3; groups any, two and all of them."""
    names = [f"w{n}" for n in range(len(WITNESSES))]
    lines = [f"log {log.verifier_key.format()}"]
    lines += [
        f"witness {name} {cosigner.verifier_key.format()}"
        for name, cosigner in zip(names, WITNESSES, strict=True)
    ]
    if quorum not in ("none", *names):
        lines.append(f"group {quorum} {quorum.removeprefix('at-least-')} {' '.join(names)}")
    return parse_trust_policy("\n".join([*lines, f"quorum {quorum}", ""]).encode())


assert LOG.verifier_key.name == ORIGIN, "a log's key bears its origin"
