"""What stands under each family, and which root do all of them give together? (section 3)

    root ──subtree_of──► {first byte of a key: its subtree} ──root_of_families──► root

A node's hash covers its whole label, so a subtree is the same whatever stands beside it. Whoever
can make all families anew but one needs no more than that one's count and hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_COUNT
from ledger.usage_index.keys import WITHDRAWN_BIT, Family
from ledger.usage_index.nodes import EMPTY, Inner, NodeStore, Ref, inner_hash_of, prefix_of

_BYTE_BITS: Final = 8
PERFORMERS: Final = int(Family.AGENCY_PERFORMER)  # its keys follow from what is disclosed
AGENCIES: Final = int(Family.AGENCY)  # a use that counts is counted once here and once there


def is_of_performers(key: bytes) -> bool:
    """True for keys that entries alone do not give, of either side."""
    return key[0] & ~WITHDRAWN_BIT == PERFORMERS


def subtree_of(nodes: NodeStore, root: Ref, first_byte: int) -> Ref:
    """The subtree of all keys with this first byte; EMPTY where there are none.

    Args:
        nodes: Holds what is below `root`; five of them are read at most.
        first_byte: A family, with the high bit for its withdrawn side.
    """
    ref = root
    while ref.node_id:
        (node,) = nodes.get([ref.node_id])
        shared = min(node.bits, _BYTE_BITS)
        if prefix_of(node.prefix[:1] or b"\0", shared) != prefix_of(bytes((first_byte,)), shared):
            return EMPTY
        if not isinstance(node, Inner) or node.bits >= _BYTE_BITS:
            return ref
        ref = node.right if first_byte >> (_BYTE_BITS - 1 - node.bits) & 1 else node.left
    return EMPTY


def root_of_families(subtrees: Mapping[int, Ref]) -> Ref:
    """Count and hash of the index whose families are these, by the first byte of their keys.

    Args:
        subtrees: Empty ones may be left out.
    Raises:
        Malformed: More than MAX_COUNT in all.
    """
    there = sorted((byte, ref) for byte, ref in subtrees.items() if ref.total)
    if not there:
        return EMPTY
    root = _joined(there)
    if root.total > MAX_COUNT:
        raise Malformed("subtrees", f"would hold more than {MAX_COUNT} placements")
    return root


def _joined(there: list[tuple[int, Ref]]) -> Ref:
    if len(there) == 1:
        return there[0][1]
    first, last = there[0][0], there[-1][0]
    bits = _BYTE_BITS - (first ^ last).bit_length()
    to_right = [byte >> (_BYTE_BITS - 1 - bits) & 1 for byte, _ in there]
    middle = to_right.index(1)
    left, right = _joined(there[:middle]), _joined(there[middle:])
    hashed = inner_hash_of(bits, prefix_of(bytes((first,)), bits), left, right)
    return Ref(0, left.total + right.total, hashed)
