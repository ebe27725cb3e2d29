"""Does a consistency proof convince exactly where the tree only grew?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.merkle import (
    EMPTY_ROOT,
    ConsistencyFailed,
    leaf_hash,
    prove_consistency,
    verify_consistency,
)
from ledger.merkle import reference as rfc
from tests.merkle.strategies import LEAVES, faulty, trees


def test_every_pair_of_small_sizes_agrees_with_the_rfc() -> None:
    """The prover gives the proof of the recursive definition, and the verifier accepts it."""
    roots = [rfc.tree_hash(LEAVES[:size]) for size in range(40)]
    for new in range(1, 40):
        for old in range(1, new + 1):
            proof = prove_consistency(
                lambda start, end: rfc.tree_hash(LEAVES[start:end]), old_size=old, new_size=new
            )
            assert rfc.prove_consistency(LEAVES[:new], old) == proof
            verify_consistency(
                old_size=old, old_root=roots[old], new_size=new, new_root=roots[new], proof=proof
            )


@given(trees, st.data())
def test_rewritten_history_is_refused(tree: list[bytes], data: st.DataObject) -> None:
    """A log that changed an old entry has no honest proof that extends the old root."""
    old = data.draw(st.integers(1, len(tree)))
    changed = data.draw(st.integers(0, old - 1))
    then = [leaf_hash(entry) for entry in tree]
    now = [*then[:changed], leaf_hash(tree[changed] + b"!"), *then[changed + 1 :]]

    with pytest.raises(ConsistencyFailed):
        verify_consistency(
            old_size=old,
            old_root=rfc.tree_hash(then[:old]),
            new_size=len(now),
            new_root=rfc.tree_hash(now),
            proof=rfc.prove_consistency(now, old),
        )


@given(trees, st.data())
def test_faulty_proof_is_refused(tree: list[bytes], data: st.DataObject) -> None:
    """A proof longer, shorter, reordered or changed by a bit shows nothing."""
    leaves = [leaf_hash(entry) for entry in tree]
    old = data.draw(st.integers(1, len(tree)))
    proof = data.draw(faulty(rfc.prove_consistency(leaves, old)))

    with pytest.raises(ConsistencyFailed):
        verify_consistency(
            old_size=old,
            old_root=rfc.tree_hash(leaves[:old]),
            new_size=len(leaves),
            new_root=rfc.tree_hash(leaves),
            proof=proof,
        )


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_proof_holds_for_its_old_size_only(new: int, old: int, claimed: int) -> None:
    """An old root under another size is refused, with the proof that suits its own."""
    old, claimed = min(old, new), min(claimed, new)

    if claimed != old:
        with pytest.raises(ConsistencyFailed):
            verify_consistency(
                old_size=claimed,
                old_root=rfc.tree_hash(LEAVES[:old]),
                new_size=new,
                new_root=rfc.tree_hash(LEAVES[:new]),
                proof=rfc.prove_consistency(LEAVES[:new], old),
            )


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    """Two roots for one size are a fork; a proof for one size is one too many."""
    root, other = LEAVES[0], LEAVES[1]
    verify_consistency(old_size=5, old_root=root, new_size=5, new_root=root, proof=[])

    with pytest.raises(ConsistencyFailed, match="two roots for one size"):
        verify_consistency(old_size=5, old_root=root, new_size=5, new_root=other, proof=[])
    with pytest.raises(ConsistencyFailed, match="too long"):
        verify_consistency(old_size=5, old_root=root, new_size=5, new_root=root, proof=[root])


def test_shrunken_tree_is_refused() -> None:
    """A log never has fewer leaves than before, and never fewer than none."""
    root = LEAVES[0]
    for old, new in [(2, 1), (1, 0), (-1, 1)]:
        with pytest.raises(ConsistencyFailed, match="smaller"):
            verify_consistency(old_size=old, old_root=root, new_size=new, new_root=root, proof=[])


def test_empty_tree_proves_nothing() -> None:
    """From size 0 there is no proof to another size; to itself there is one root."""
    with pytest.raises(Malformed):
        prove_consistency(lambda start, end: b"", old_size=0, new_size=3)
    with pytest.raises(ConsistencyFailed, match="proves nothing"):
        verify_consistency(
            old_size=0, old_root=EMPTY_ROOT, new_size=1, new_root=LEAVES[0], proof=[]
        )
    with pytest.raises(ConsistencyFailed, match="not the root of an empty tree"):
        verify_consistency(old_size=0, old_root=LEAVES[0], new_size=0, new_root=LEAVES[0], proof=[])
    verify_consistency(old_size=0, old_root=EMPTY_ROOT, new_size=0, new_root=EMPTY_ROOT, proof=[])


def test_error_keeps_the_facts() -> None:
    """Both sizes and the reason stand in the message and as fields."""
    with pytest.raises(ConsistencyFailed) as failed:
        verify_consistency(old_size=3, old_root=LEAVES[0], new_size=7, new_root=LEAVES[1], proof=[])

    assert str(failed.value) == "size 3 to 7: proof too short"
    assert (failed.value.old_size, failed.value.new_size) == (3, 7)
