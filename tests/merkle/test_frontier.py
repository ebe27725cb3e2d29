"""Does the frontier carry all a tree needs, and nothing else?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_TREE_SIZE
from ledger.merkle import EMPTY_ROOT, Frontier
from ledger.merkle.reference import tree_hash
from tests.merkle.strategies import LEAVES


def test_root_is_the_tree_hash_at_every_size() -> None:
    """Leaf by leaf, the frontier's root is the root of the recursive definition."""
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT

    for size in range(1, 601):
        frontier = frontier.extended(LEAVES[size - 1 : size])
        assert size == frontier.size
        if size < 130 or size % 7 == 0 or size > 590:
            assert tree_hash(LEAVES[:size]) == frontier.root()


@given(st.lists(st.integers(0, 300), max_size=6))
def test_chunks_do_not_matter(chunks: list[int]) -> None:
    """However the leaves were parted into appends, the frontier is the same."""
    frontier, size = Frontier(), 0
    for chunk in chunks:
        frontier = frontier.extended(LEAVES[size : size + chunk])
        size += chunk

    assert Frontier().extended(LEAVES[:size]) == frontier
    assert tree_hash(LEAVES[:size]) == frontier.root()


@given(st.integers(0, 700), st.integers(0, 700))
def test_growth_lists_every_subtree_that_became_whole(old: int, more: int) -> None:
    """At height h those are the subtrees old >> h up to new >> h, and no others."""
    frontier, by_height = Frontier().extended(LEAVES[:old]).grown(LEAVES[old : old + more])

    assert old + more == frontier.size
    assert all(by_height)
    for height in range(len(by_height) + 1):
        expected = [
            tree_hash(LEAVES[n << height : (n + 1) << height])
            for n in range(old >> height, (old + more) >> height)
        ]
        assert expected == (by_height[height] if height < len(by_height) else [])


@given(st.integers(0, 1_000))
def test_bytes_round_trip(size: int) -> None:
    """What to_bytes wrote, from_bytes reads, and writes again alike."""
    frontier = Frontier().extended(LEAVES[:size])

    assert frontier == Frontier.from_bytes(frontier.to_bytes())


@given(st.binary(max_size=300))
def test_only_bytes_of_a_frontier_are_read(data: bytes) -> None:
    """Other bytes are refused; those that are read are written back alike."""
    try:
        frontier = Frontier.from_bytes(data)
    except Malformed:
        return
    assert data == frontier.to_bytes()


@pytest.mark.parametrize("change", ["cut", "hash missing", "hash too many", "size"])
def test_damaged_bytes_are_refused(change: str) -> None:
    """A frontier that was cut, lengthened, or given another size is no frontier."""
    data = Frontier().extended(LEAVES[:7]).to_bytes()
    damaged = {
        "cut": data[:-1],
        "hash missing": data[:-32],
        "hash too many": data + bytes(32),
        "size": bytes([*data[:7], 8]) + data[8:],
    }[change]

    with pytest.raises(Malformed):
        Frontier.from_bytes(damaged)


def test_frontier_holds_the_largest_tree() -> None:
    """53 subtrees at the bound, and no leaf beyond it."""
    largest = Frontier(MAX_TREE_SIZE, tuple(LEAVES[:53]))

    assert len(largest.to_bytes()) == 1704
    with pytest.raises(Malformed):
        largest.extended(LEAVES[:1])


def test_leaf_hash_of_other_length_is_refused() -> None:
    """One bad hash among good ones, and nothing is appended."""
    with pytest.raises(Malformed):
        Frontier().extended([LEAVES[0], b"short", LEAVES[1]])
    with pytest.raises(Malformed):
        Frontier(1, (b"short",))
