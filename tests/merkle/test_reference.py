"""Is the judge of our other tests right? Roots that other implementations publish."""

from __future__ import annotations

from ledger.merkle import EMPTY_ROOT, leaf_hash
from ledger.merkle.reference import prove_consistency, prove_inclusion, tree_hash

# The eight entries of the Certificate Transparency test trees, and roots of their prefixes.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def test_roots_are_the_published_ones() -> None:
    """MTH over the known entries has the known roots."""
    computed = {size: tree_hash(LEAVES[:size]).hex() for size in ROOTS}

    assert computed == ROOTS
    assert tree_hash([]) == EMPTY_ROOT


def test_proofs_are_those_of_the_rfcs_example() -> None:
    """The tree of seven of RFC 9162, section 2.1.5, by its names (its `l` is `m` here)."""
    d = LEAVES[:7]
    a, b, c = d[0], d[1], d[2]
    j, i = d[6], tree_hash(d[4:6])
    g, h, k, m = tree_hash(d[0:2]), tree_hash(d[2:4]), tree_hash(d[0:4]), tree_hash(d[4:7])

    assert [b, h, m] == prove_inclusion(d, 0)
    assert [c, g, m] == prove_inclusion(d, 3)
    assert [d[5], j, k] == prove_inclusion(d, 4)
    assert [i, k] == prove_inclusion(d, 6)
    assert [c, d[3], g, m] == prove_consistency(d, 3)
    assert [m] == prove_consistency(d, 4)
    assert [i, j, k] == prove_consistency(d, 6)
    assert a == tree_hash(d[:1])
