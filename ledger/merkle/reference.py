"""What do the RFC's own recursive definitions say? (RFC 9162, sections 2.1.1, 2.1.3.1, 2.1.4.1)

Word for word and slow, over leaf hashes held in memory. It shares nothing with the
fast modules but the two hash functions, so that tests have an independent judge.

    MTH ──► tree_hash      PATH ──► prove_inclusion      SUBPROOF ──► prove_consistency
"""

from __future__ import annotations

from collections.abc import Sequence

from ledger.merkle.hashing import EMPTY_ROOT, node_hash


def tree_hash(leaf_hashes: Sequence[bytes]) -> bytes:
    """MTH(D_n): root of the tree over these leaf hashes; 32 bytes.

    Source: RFC 9162, section 2.1.1.
    """
    n = len(leaf_hashes)
    if n == 0:
        return EMPTY_ROOT
    if n == 1:
        return leaf_hashes[0]
    k = _largest_power_of_two_below(n)
    return node_hash(tree_hash(leaf_hashes[:k]), tree_hash(leaf_hashes[k:]))


def prove_inclusion(leaf_hashes: Sequence[bytes], leaf_index: int) -> list[bytes]:
    """PATH(m, D_n): siblings from leaf to root.

    Args:
        leaf_hashes: All of the tree, 1 or more.
        leaf_index: Zero-based, below their number.
    Source: RFC 9162, section 2.1.3.1.
    """
    n, m = len(leaf_hashes), leaf_index
    assert 0 <= m < n, "the reference is asked only about leaves it holds"
    if n == 1:
        return []
    k = _largest_power_of_two_below(n)
    if m < k:
        return [*prove_inclusion(leaf_hashes[:k], m), tree_hash(leaf_hashes[k:])]
    return [*prove_inclusion(leaf_hashes[k:], m - k), tree_hash(leaf_hashes[:k])]


def prove_consistency(leaf_hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """PROOF(m, D_n): that the first `old_size` leaves are a prefix of all.

    Args:
        leaf_hashes: All of the new tree.
        old_size: 1 or more, at most their number; empty proof where equal.
    Source: RFC 9162, section 2.1.4.1.
    """
    assert 0 < old_size <= len(leaf_hashes), "the reference is asked only about its prefixes"
    return _subproof(old_size, leaf_hashes, whole=True)


def _subproof(m: int, leaf_hashes: Sequence[bytes], *, whole: bool) -> list[bytes]:
    n = len(leaf_hashes)
    if m == n:
        return [] if whole else [tree_hash(leaf_hashes)]
    k = _largest_power_of_two_below(n)
    if m <= k:
        return [*_subproof(m, leaf_hashes[:k], whole=whole), tree_hash(leaf_hashes[k:])]
    return [*_subproof(m - k, leaf_hashes[k:], whole=False), tree_hash(leaf_hashes[:k])]


def _largest_power_of_two_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k
