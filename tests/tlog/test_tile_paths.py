"""Has each tile one path, and each bundle one list of entries?"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from ledger.limits import MAX_ENTRY_BYTES, MAX_TREE_SIZE
from ledger.tlog import TilePath, decode_bundle, encode_bundle, tiles_of

levels = st.none() | st.integers(0, 63)
indexes = st.integers(0, 3_000) | st.integers(0, MAX_TREE_SIZE // 256)
tiles = st.builds(TilePath, levels, indexes, st.integers(1, 256))
bundles = st.lists(st.binary(max_size=50), min_size=1, max_size=256)


@given(tiles)
def test_path_round_trips(tile: TilePath) -> None:
    """Any level, entries, any index and width."""
    assert tile == TilePath.parse(tile.format())


@given(tiles, st.data())
def test_tile_has_one_path(tile: TilePath, data: st.DataObject) -> None:
    """A changed path is refused, or is another tile's."""
    path = tile.format()
    at = data.draw(st.integers(0, len(path)))
    changed = path[:at] + data.draw(st.text("0123x/.p", max_size=4)) + path[at + 1 :]

    try:
        other = TilePath.parse(changed)
    except Malformed:
        return
    assert changed == other.format()
    assert (other == tile) == (changed == path)


@given(tiles)
def test_path_is_as_c2sp_writes_it(tile: TilePath) -> None:
    """Digits of the index in threes, all groups but the last marked with x."""
    match = re.fullmatch(r"tile/(\w+)/((?:x\d{3}/)*\d{3})(\.p/\d+)?", tile.format())

    assert match is not None
    assert int(re.sub("[x/]", "", match[2])) == tile.index
    assert (match[3] is None) == (tile.width == 256)


@pytest.mark.parametrize(
    ("path", "tile"),
    [
        ("tile/0/000", TilePath(0, 0)),
        ("tile/0/999", TilePath(0, 999)),
        ("tile/0/x001/000", TilePath(0, 1000)),
        ("tile/5/x001/x234/067", TilePath(5, 1_234_067)),
        ("tile/63/000.p/1", TilePath(63, 0, 1)),
        ("tile/0/273.p/112", TilePath(0, 273, 112)),
        ("tile/entries/x001/x234/067.p/255", TilePath(None, 1_234_067, 255)),
    ],
)
def test_examples(path: str, tile: TilePath) -> None:
    """Those of the specification, and the ends of each range."""
    assert path == tile.format()
    assert tile == TilePath.parse(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/64/000",
        "tile/00/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001",
        "tile/0/x001/x000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.p/1/",
        "tile/0/٠٠٠",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/" + "x001/" * 10_000 + "000",
    ],
)
def test_other_paths_are_refused(path: str) -> None:
    """Other digits, other groups, leading zeros, widths that no partial tile has."""
    with pytest.raises(Malformed):
        TilePath.parse(path)


@pytest.mark.parametrize(
    ("level", "index", "width"), [(64, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_tile_that_no_tree_has_cannot_be_made(level: int, index: int, width: int) -> None:
    """Fields are checked, not only texts."""
    with pytest.raises(Malformed):
        TilePath(level, index, width)


@given(st.integers(0, 200_000))
def test_tiles_of_a_tree_are_all_and_no_other(tree_size: int) -> None:
    """At each level the hashes that are there, in full tiles and one partial one at most."""
    tiles = list(tiles_of(tree_size))
    for level in range(4):
        row = [tile for tile in tiles if tile.level == level]
        assert tree_size // 256**level == sum(tile.width for tile in row)
        assert list(range(len(row))) == [tile.index for tile in row]
        assert not any(tile.is_partial for tile in row[:-1])
    assert {tile.level for tile in tiles} <= {0, 1, 2}


def test_tiles_of_the_example() -> None:
    """A tree of 70,000, as the specification has it."""
    paths = [tile.format() for tile in tiles_of(70_000)]

    assert 273 + 1 + 1 + 1 + 1 == len(paths)
    assert ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"] == paths[-4:]


@given(bundles)
def test_bundle_round_trips(entries: list[bytes]) -> None:
    """Empty entries included."""
    assert entries == decode_bundle(encode_bundle(entries), width=len(entries))


@given(bundles, st.data())
def test_bundle_of_other_length_is_refused(entries: list[bytes], data: st.DataObject) -> None:
    """Cut anywhere, with a byte more, or under a path of another width."""
    bundle = encode_bundle(entries)
    cut = data.draw(st.integers(0, len(bundle) - 1))
    width = data.draw(st.integers(0, 300).filter(lambda n: n != len(entries)))

    for bad, of in [(bundle[:cut], len(entries)), (bundle + b"\0", len(entries)), (bundle, width)]:
        with pytest.raises(Malformed):
            decode_bundle(bad, width=of)


def test_lengths_are_sixteen_bits_big_endian() -> None:
    """The bytes of the specification, and the longest entry."""
    longest = b"x" * MAX_ENTRY_BYTES

    assert encode_bundle([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    assert encode_bundle([longest]) == b"\xff\xff" + longest


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"x" * (MAX_ENTRY_BYTES + 1)]])
def test_what_fits_no_tile_is_not_bundled(entries: list[bytes]) -> None:
    """None, too many, or one whose length has no 16 bits."""
    with pytest.raises(Malformed):
        encode_bundle(entries)
