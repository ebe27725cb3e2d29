"""Does an inclusion proof convince exactly where it is true?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.merkle import (
    InclusionFailed,
    leaf_hash,
    prove_inclusion,
    root_from_proof,
    verify_inclusion,
)
from ledger.merkle import reference as rfc
from tests.merkle.strategies import LEAVES, faulty, trees


@given(trees, st.data())
def test_changed_entry_never_proves(tree: list[bytes], data: st.DataObject) -> None:
    """Changing an entry leads to another root, in a tree of any size."""
    leaves = [leaf_hash(entry) for entry in tree]
    i = data.draw(st.integers(0, len(tree) - 1))
    proof = rfc.prove_inclusion(leaves, i)

    assert rfc.tree_hash(leaves) == root_from_proof(
        leaf_hash(tree[i]), leaf_index=i, tree_size=len(tree), proof=proof
    )
    assert rfc.tree_hash(leaves) != root_from_proof(
        leaf_hash(tree[i] + b"!"), leaf_index=i, tree_size=len(tree), proof=proof
    )


@given(trees, st.data())
def test_faulty_proof_is_refused(tree: list[bytes], data: st.DataObject) -> None:
    """A proof longer, shorter, reordered or changed by a bit does not lead to the root."""
    leaves = [leaf_hash(entry) for entry in tree]
    i = data.draw(st.integers(0, len(tree) - 1))
    proof = data.draw(faulty(rfc.prove_inclusion(leaves, i)))

    with pytest.raises(InclusionFailed):
        verify_inclusion(
            leaves[i],
            leaf_index=i,
            tree_size=len(tree),
            proof=proof,
            root=rfc.tree_hash(leaves),
        )


@given(st.integers(1, 300), st.data())
def test_proof_holds_for_its_index_only(size: int, data: st.DataObject) -> None:
    """The same leaf and proof do not prove another place in the tree."""
    i, other = data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2, unique=True))
    i = min(i, size - 1)
    proof = rfc.prove_inclusion(LEAVES[:size], i)

    if other != i:
        with pytest.raises(InclusionFailed):
            verify_inclusion(
                LEAVES[i],
                leaf_index=other,
                tree_size=size,
                proof=proof,
                root=rfc.tree_hash(LEAVES[:size]),
            )


def test_prover_follows_the_rfc_in_every_small_tree() -> None:
    """Each proof from range roots is the one of the recursive definition."""
    for size in range(1, 34):
        leaves = LEAVES[:size]
        for i in range(size):
            assert rfc.prove_inclusion(leaves, i) == prove_inclusion(
                lambda start, end: rfc.tree_hash(LEAVES[start:end]), leaf_index=i, tree_size=size
            )


@pytest.mark.parametrize(("leaf_index", "tree_size"), [(-1, 5), (5, 5), (0, 0)])
def test_no_proof_for_a_leaf_that_is_not_there(leaf_index: int, tree_size: int) -> None:
    """Both sides refuse an index outside the tree."""
    with pytest.raises(Malformed):
        prove_inclusion(lambda start, end: b"", leaf_index=leaf_index, tree_size=tree_size)
    with pytest.raises(InclusionFailed, match="no such index"):
        root_from_proof(LEAVES[0], leaf_index=leaf_index, tree_size=tree_size, proof=[])


def test_error_keeps_the_facts() -> None:
    """Which entry of how many, and why, stand in the message and as fields."""
    with pytest.raises(InclusionFailed) as failed:
        root_from_proof(LEAVES[41], leaf_index=41, tree_size=100, proof=LEAVES[:3])

    assert str(failed.value) == "entry 41 of 100: proof too short"
    assert (failed.value.leaf_index, failed.value.tree_size) == (41, 100)
    assert failed.value.reason == "proof too short"


def test_proof_is_bounded() -> None:
    """65 hashes are refused before any is folded, however large the tree claims to be."""
    with pytest.raises(InclusionFailed, match="64 hashes at most"):
        root_from_proof(LEAVES[0], leaf_index=0, tree_size=2**65, proof=LEAVES[:65])
