"""Consistency proofs: does this tree only add to that one? (RFC 9162, section 2.1.4)

Two checkpoints and the proof between them; neither side does I/O.

    old checkpoint ──old_root─┐
    proof ────────────────────┼─verify_consistency──► returns, or ConsistencyFailed
    new checkpoint ──new_root─┘
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_PROOF_HASHES
from ledger.merkle.hashing import EMPTY_ROOT, are_hashes, node_hash, split_point
from ledger.merkle.inclusion import RangeRoot


class ConsistencyFailed(VerificationFailed):
    """A consistency proof does not show that the new tree extends the old one."""

    def __init__(self, reason: str, *, old_size: int, new_size: int) -> None:
        super().__init__(f"size {old_size} to {new_size}: {reason}")
        self.reason = reason
        self.old_size, self.new_size = old_size, new_size


def prove_consistency(root_of: RangeRoot, *, old_size: int, new_size: int) -> list[bytes]:
    """Hashes that show the first `old_size` leaves unchanged in the tree of `new_size`.

    Args:
        root_of: Where hashes come from: tiles, or leaves in memory.
        old_size: 1 or more: there is nothing to prove about an empty tree.
        new_size: `old_size` or more.
    Returns:
        32 bytes each; empty where the sizes are equal.
    Raises:
        Malformed: The sizes are not in that order.
    Source: RFC 9162, section 2.1.4.1, from the root down instead of recursive.
    """
    if not 1 <= old_size <= new_size:
        raise Malformed("old_size", "must lie in 1..new_size")
    start, end = 0, new_size
    from_root: list[bytes] = []
    while end != old_size:
        middle = start + split_point(end - start)
        if old_size <= middle:
            from_root.append(root_of(middle, end))
            end = middle
        else:
            from_root.append(root_of(start, middle))
            start = middle
    if start > 0:  # else the old tree is this very node, and its root is known
        from_root.append(root_of(start, end))
    return from_root[::-1]


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Return where the tree of `new_size` extends the tree of `old_size`.

    Every tree extends the empty one, so a proof from size 0 to another shows nothing
    and is refused: whoever starts from nothing has nothing to compare.

    Args:
        old_size: Leaves then. `old_root`: root hash then, 32 bytes.
        new_size: Leaves now. `new_root`: root hash now, 32 bytes.
        proof: Hashes, 32 bytes each, 64 at most; empty where the sizes are equal.
    Raises:
        ConsistencyFailed: The tree shrank, forked, or the proof is not one for these sizes.
    Source: RFC 9162, section 2.1.4.2; the numbers in `_fold` are its steps.
    """

    def failed(reason: str) -> ConsistencyFailed:
        return ConsistencyFailed(reason, old_size=old_size, new_size=new_size)

    if not 0 <= old_size <= new_size:
        raise failed("the new tree is smaller")
    if old_size == new_size:
        if proof:
            raise failed("proof too long")
        if old_root != new_root:
            raise failed("two roots for one size")
        if new_size == 0 and new_root != EMPTY_ROOT:
            raise failed("not the root of an empty tree")
        return
    if old_size == 0:
        raise failed("an empty tree proves nothing")
    if len(proof) > MAX_PROOF_HASHES or not are_hashes([old_root, new_root, *proof]):
        raise failed("roots and proof must be hashes of 32 bytes, 64 in the proof at most")
    fr, sr = _fold(failed, proof, old_size=old_size, old_root=old_root, new_size=new_size)
    if fr != old_root:
        raise failed("proof leads to another old root")
    if sr != new_root:
        raise failed("proof leads to another new root")


def _fold(
    failed: Callable[[str], ConsistencyFailed],
    proof: Sequence[bytes],
    *,
    old_size: int,
    old_root: bytes,
    new_size: int,
) -> tuple[bytes, bytes]:
    """The old and the new root that the proof claims, for 0 < old_size < new_size."""
    # 1. A proof between two sizes is never empty.
    if not proof:
        raise failed("proof too short")
    # 2. An old tree of a power of two is itself the first node.
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else proof
    # 3. fn is the last old leaf and sn the last new one, level by level.
    fn, sn = old_size - 1, new_size - 1
    # 4. Both trees share the whole subtree that the old one ends with.
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    # 5. Start there.
    fr = sr = path[0]
    # 6. Climb: left siblings belong to both trees, right ones to the new tree only.
    for sibling in path[1:]:
        if sn == 0:
            raise failed("proof too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(sibling, fr), node_hash(sibling, sr)
            while fn and not fn & 1:  # the last node of a level may have no sibling
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, sibling)
        fn, sn = fn >> 1, sn >> 1
    # 7. We stand at the new root; the caller compares both.
    if sn != 0:
        raise failed("proof too short")
    return fr, sr
