"""Inclusion proofs: is this entry in that tree? (RFC 9162, section 2.1.3)

The log proves, the verifier checks; neither does I/O.

    entry ──leaf_hash──► leaf ──root_from_proof──► root ══ checkpoint
    range roots ──prove_inclusion──► proof ──────────┘
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_PROOF_HASHES
from ledger.merkle.hashing import HASH_BYTES, are_hashes, node_hash, split_point

# Root over the leaves start..end-1, where some proof needs it: (start, end) -> 32 bytes.
RangeRoot = Callable[[int, int], bytes]


class InclusionFailed(VerificationFailed):
    """An inclusion proof does not lead from the entry to the root."""

    def __init__(self, reason: str, *, leaf_index: int, tree_size: int) -> None:
        super().__init__(f"entry {leaf_index} of {tree_size}: {reason}")
        self.reason = reason
        self.leaf_index, self.tree_size = leaf_index, tree_size


def prove_inclusion(root_of: RangeRoot, *, leaf_index: int, tree_size: int) -> list[bytes]:
    """Siblings on the way from a leaf to the root, leaf first.

    Args:
        root_of: Where hashes come from: tiles, or leaves in memory.
        leaf_index: Zero-based, below `tree_size`.
        tree_size: Leaves in the tree, 1 or more.
    Returns:
        32 bytes each; one for each level that has a sibling, none for a tree of one leaf.
    Raises:
        Malformed: The tree has no such leaf.
    Source: RFC 9162, section 2.1.3.1, from the root down instead of recursive.
    """
    if not 0 <= leaf_index < tree_size:
        raise Malformed("leaf_index", "must lie in 0..tree_size-1")
    start, end = 0, tree_size
    from_root: list[bytes] = []
    while end - start > 1:
        middle = start + split_point(end - start)
        if leaf_index < middle:
            from_root.append(root_of(middle, end))
            end = middle
        else:
            from_root.append(root_of(start, middle))
            start = middle
    return from_root[::-1]


def root_from_proof(
    leaf: bytes, *, leaf_index: int, tree_size: int, proof: Sequence[bytes]
) -> bytes:
    """Fold an inclusion proof into the root it claims.

    A proof of another length is refused whole; a prefix may prove a lie.

    Args:
        leaf: Leaf hash, 32 bytes.
        leaf_index: Zero-based, below `tree_size`.
        tree_size: Leaves in the tree, 1 or more.
        proof: Sibling hashes, leaf to root, 32 bytes each, 64 at most.
    Returns:
        Root hash, 32 bytes. Compare it with a checkpoint you trust.
    Raises:
        InclusionFailed: No tree of this size has such an index or proof.
    Source: RFC 9162, section 2.1.3.2; the numbers are its steps.
    """

    def failed(reason: str) -> InclusionFailed:
        return InclusionFailed(reason, leaf_index=leaf_index, tree_size=tree_size)

    if len(leaf) != HASH_BYTES:
        raise failed("leaf hash must be 32 bytes")
    if len(proof) > MAX_PROOF_HASHES or not are_hashes(proof):
        raise failed("proof must be 64 hashes at most, 32 bytes each")
    # 1. The index lies in the tree.
    if not 0 <= leaf_index < tree_size:
        raise failed("no such index")
    # 2, 3. Start at the leaf; fn is its index and sn the last one, level by level.
    fn, sn = leaf_index, tree_size - 1
    root = leaf
    # 4. Climb.
    for sibling in proof:
        if sn == 0:
            raise failed("proof too long")
        if fn & 1 or fn == sn:
            root = node_hash(sibling, root)
            while fn and not fn & 1:  # the last node of a level may have no sibling
                fn, sn = fn >> 1, sn >> 1
        else:
            root = node_hash(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    # 5. We stand at the root; the caller compares it.
    if sn != 0:
        raise failed("proof too short")
    return root


def verify_inclusion(
    leaf: bytes, *, leaf_index: int, tree_size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Return where the proof leads from the leaf to `root`; its fields as in `root_from_proof`.

    Raises:
        InclusionFailed: It is malformed, or leads to another root.
    """
    claimed = root_from_proof(leaf, leaf_index=leaf_index, tree_size=tree_size, proof=proof)
    if claimed != root:
        raise InclusionFailed(
            "proof leads to another root", leaf_index=leaf_index, tree_size=tree_size
        )
