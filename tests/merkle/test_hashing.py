"""Are leaves and nodes hashed as everybody hashes them?"""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash, node_hash
from ledger.merkle.hashing import pair_up, split_point
from tests.merkle.strategies import LEAVES

hashes = st.binary(min_size=HASH_BYTES, max_size=HASH_BYTES)


def test_empty_tree_hashes_nothing() -> None:
    """The root of a tree without leaves is the hash of no bytes at all."""
    known = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert known == EMPTY_ROOT.hex()


def test_leaf_of_empty_entry_is_well_known() -> None:
    """The hash of an entry of no bytes is the one of every Certificate Transparency client."""
    known = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"

    assert known == leaf_hash(b"").hex()


@given(hashes, hashes)
def test_entry_never_poses_as_node(left: bytes, right: bytes) -> None:
    """An entry made of two hashes, with or without the node's first byte, is no node."""
    assert sha256(b"\x01" + left + right).digest() == node_hash(left, right)
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)


@given(st.integers(0, 40))
def test_pairing_up_hashes_each_whole_pair(count: int) -> None:
    """Parents are `node_hash` of neighbours; an odd last node has none yet."""
    nodes = LEAVES[:count]

    assert [node_hash(nodes[i], nodes[i + 1]) for i in range(0, count - 1, 2)] == pair_up(nodes)


@given(st.integers(2, 2**53))
def test_tree_splits_at_largest_power_of_two_below(leaves: int) -> None:
    """RFC 9162: k < n <= 2k, and k is a power of two."""
    k = split_point(leaves)

    assert k.bit_count() == 1
    assert k < leaves <= 2 * k
