"""Do tiles give the roots and proofs of the tree they were cut from?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_TREE_SIZE
from ledger.merkle import (
    HASH_BYTES,
    Frontier,
    ReadTile,
    TileGrowth,
    TileTree,
    consistency_proof,
    inclusion_proof,
    new_tiles,
    root_at,
    root_from_proof,
    tile_width,
    verify_consistency,
)
from ledger.merkle import reference as rfc
from tests.merkle.strategies import LEAVES, tiles_in_memory

SIZE = 1_100
read_tile = tiles_in_memory(LEAVES[:SIZE], chunk=97)
read_large = tiles_in_memory(LEAVES, chunk=2_000)


@given(st.integers(0, SIZE))
def test_root_and_frontier_at_any_earlier_size(size: int) -> None:
    """Tiles that have grown since still give the head of every smaller tree."""
    assert rfc.tree_hash(LEAVES[:size]) == root_at(size, read_tile)
    assert Frontier().extended(LEAVES[:size]) == TileTree(size, read_tile).frontier()


@given(st.integers(1, SIZE), st.data())
def test_inclusion_proofs_are_the_rfcs(size: int, data: st.DataObject) -> None:
    """For any leaf of any earlier tree."""
    i = data.draw(st.integers(0, size - 1))

    assert rfc.prove_inclusion(LEAVES[:size], i) == inclusion_proof(
        leaf_index=i, tree_size=size, read_tile=read_tile
    )


@given(st.integers(1, SIZE), st.data())
def test_consistency_proofs_are_the_rfcs(new: int, data: st.DataObject) -> None:
    """Between any two earlier sizes."""
    old = data.draw(st.integers(1, new))

    assert rfc.prove_consistency(LEAVES[:new], old) == consistency_proof(
        old_size=old, new_size=new, read_tile=read_tile
    )


@given(st.integers(65_000, 70_000), st.data())
def test_proofs_through_three_levels_verify(size: int, data: st.DataObject) -> None:
    """Where level 2 has hashes, proofs lead to the root that the frontier has."""
    i = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    tree = TileTree(size, read_large)
    root = tree.root()

    assert root == root_from_proof(
        LEAVES[i], leaf_index=i, tree_size=size, proof=tree.inclusion_proof(i)
    )
    verify_consistency(
        old_size=old,
        old_root=root_at(old, read_large),
        new_size=size,
        new_root=root,
        proof=tree.consistency_proof(old),
    )


def test_seventy_thousand_leaves_fill_the_tiles_that_c2sp_counts() -> None:
    """273 full tiles and a partial one of 112, then 1 and one of 17, then one of 1."""
    frontier, growths = new_tiles(Frontier(), LEAVES)
    widths = [[tile.width for tile in growths if tile.level == level] for level in range(4)]

    assert widths == [[256] * 273 + [112], [256, 17], [1], []]
    assert rfc.tree_hash(LEAVES) == frontier.root()
    for tile in growths:
        width = tile_width(level=tile.level, index=tile.index, tree_size=70_000)
        assert width == tile.width


@given(st.lists(st.integers(0, 700), max_size=6))
def test_growths_only_add(chunks: list[int]) -> None:
    """Each append names a tile once, and goes on where that tile ended."""
    frontier, widths = Frontier(), dict[tuple[int, int], int]()
    for chunk in chunks:
        leaves = LEAVES[frontier.size : frontier.size + chunk]
        frontier, growths = new_tiles(frontier, leaves)
        places = [(tile.level, tile.index) for tile in growths]
        assert len(set(places)) == len(places)
        for place, tile in zip(places, growths, strict=True):
            assert widths.get(place, 0) == tile.offset
            widths[place] = tile.width
    for (level, index), width in widths.items():
        assert tile_width(level=level, index=index, tree_size=frontier.size) == width


def test_growth_refuses_another_row() -> None:
    """Hashes computed for a row of one are not joined to a row of two."""
    growth = TileGrowth(level=0, index=3, offset=1, hashes=LEAVES[1])

    assert LEAVES[0] + LEAVES[1] == growth.onto(LEAVES[0])
    with pytest.raises(Malformed, match="tile/0/3"):
        growth.onto(LEAVES[0] + LEAVES[1])


def test_tile_of_other_width_is_refused() -> None:
    """A source that gives less or more than it was asked for cannot pass."""

    def answering(size: int) -> ReadTile:
        return lambda level, index, width: bytes(size)

    for size in [0, HASH_BYTES * 8, HASH_BYTES * 9 + 1, HASH_BYTES * 10]:
        with pytest.raises(Malformed, match="tile/0/0: must hold 9 hashes"):
            root_at(9, answering(size))


def test_many_proofs_read_few_tiles() -> None:
    """In index order, a TileTree reads each tile of a level about once."""
    reads = []

    def counted(level: int, index: int, width: int) -> bytes:
        reads.append((level, index, width))
        return read_large(level, index, width)

    tree = TileTree(len(LEAVES), counted)
    for i in range(0, len(LEAVES), 500):
        tree.inclusion_proof(i)

    assert len(reads) < 200


def test_large_tree_asks_for_few_tiles() -> None:
    """At the largest size a proof reads less than two tiles a level, 14 in all."""
    reads = []

    def zeros(level: int, index: int, width: int) -> bytes:
        reads.append((level, index))
        return bytes(width * HASH_BYTES)

    proof = inclusion_proof(leaf_index=12_345, tree_size=MAX_TREE_SIZE, read_tile=zeros)

    assert len(proof) == 53
    assert len(reads) <= 14


@pytest.mark.parametrize("size", [-1, MAX_TREE_SIZE + 1])
def test_size_is_bounded(size: int) -> None:
    """A tree has 0 leaves or more, and no more than the bound."""
    with pytest.raises(Malformed):
        TileTree(size, read_tile)
