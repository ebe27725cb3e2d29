"""Which trees do the tests grow? Leaf hashes, tiles in memory, and proofs with one fault."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from ledger.merkle import HASH_BYTES, Frontier, ReadTile, leaf_hash, new_tiles

LEAVES = [leaf_hash(b"%d" % i) for i in range(70_000)]  # of every larger tree below

entries = st.binary(max_size=40)
trees = st.lists(entries, min_size=1, max_size=40)


def tiles_in_memory(leaf_hashes: Sequence[bytes], *, chunk: int = 500) -> ReadTile:
    """What a store would hold after appends of `chunk` leaves each."""
    frontier, rows = Frontier(), dict[tuple[int, int], bytes]()
    for start in range(0, len(leaf_hashes), chunk):
        frontier, growths = new_tiles(frontier, leaf_hashes[start : start + chunk])
        for growth in growths:
            place = growth.level, growth.index
            rows[place] = growth.onto(rows.get(place, b""))
    return lambda level, index, width: rows[level, index][: width * HASH_BYTES]


@st.composite
def faulty(draw: st.DrawFn, proof: list[bytes]) -> list[bytes]:
    """A proof of which one bit, one hash or the order was changed."""
    bad = list(proof)
    kinds = ["longer", "shorter", "bit", "cut"] if proof else ["longer"]
    if len(set(proof)) > 1:
        kinds.append("swap")
    kind = draw(st.sampled_from(kinds))
    at = draw(st.integers(0, max(len(proof) - 1, 0)))
    if kind == "longer":
        bad.insert(at, draw(st.sampled_from([*proof, bytes(HASH_BYTES)])))
    elif kind == "shorter":
        del bad[at]
    elif kind == "cut":
        bad[at] = bad[at][:-1]
    elif kind == "bit":
        bit = draw(st.integers(0, 8 * HASH_BYTES - 1))
        bad[at] = (int.from_bytes(bad[at], "big") ^ 1 << bit).to_bytes(HASH_BYTES, "big")
    else:
        other = draw(st.integers(0, len(proof) - 1).filter(lambda i: proof[i] != proof[at]))
        bad[at], bad[other] = bad[other], bad[at]
    return bad
