"""What becomes of the nodes that a batch touched? New ones, each hashed once. (section 3)

touched, parents before children ──backwards──► nodes, refs ──put──► store
                                                     └─ of the topmost: the new root
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.limits import MAX_COUNT
from ledger.merkle import Frontier
from ledger.usage_index.nodes import (
    EMPTY,
    Inner,
    Leaf,
    Node,
    NodeStore,
    Ref,
    inner_hash_of,
    leaf_hash_of,
)


class InnerWork:
    """An inner node under work: what its children are becomes known from below.

    `node_id` is 0 where it needs a new id.
    """

    __slots__ = ("bits", "left", "node_id", "parent", "prefix", "right", "to_right")

    def __init__(
        self, node_id: int, bits: int, prefix: bytes, parent: InnerWork | None, to_right: bool
    ) -> None:
        self.node_id, self.bits, self.prefix = node_id, bits, prefix
        self.parent, self.to_right = parent, to_right
        self.left = self.right = EMPTY

    def attach(self, to_right: bool, child: Ref) -> None:
        if to_right:
            self.right = child
        else:
            self.left = child

    def done(self, node_id: int, born: int) -> tuple[Inner, Ref]:
        """The node and its ref, once both children are attached."""
        left, right = self.left, self.right
        hashed = inner_hash_of(self.bits, self.prefix, left, right)
        node = Inner(node_id, born, self.bits, self.prefix, left, right)
        return node, Ref(node_id, left.total + right.total, hashed)


class LeafWork(NamedTuple):
    """A register that grows. `node_id` is 0 where it needs a new id."""

    node_id: int
    key: bytes
    register: Frontier
    parent: InnerWork
    to_right: bool

    def done(self, node_id: int, born: int, leaf_hashes: Sequence[bytes]) -> tuple[Leaf, Ref]:
        """The node and its ref, after these were appended."""
        if self.register.size or len(leaf_hashes) > 1:
            register = self.register.extended(leaf_hashes)
            root = register.root()
        else:  # the first entry of a register, and most often its only one: ten times faster
            [root] = leaf_hashes
            register = Frontier(1, (root,))
        hashed = leaf_hash_of(self.key, register.size, root)
        leaf = Leaf(node_id, born, self.key, register, root)
        return leaf, Ref(node_id, register.size, hashed)


def rehash(
    nodes: NodeStore,
    top: InnerWork,
    touched: Sequence[InnerWork | LeafWork],
    additions: Mapping[bytes, Sequence[bytes]],
    *,
    born: int,
) -> Ref:
    """Work out what was touched, children first, and hand it to the store in one piece.

    Args:
        nodes: Gives ids and keeps the nodes.
        top: Not a node itself: its left child is the root.
        touched: Parents before children.
        additions: Leaf hashes to append, for the key of each leaf.
        born: Tree size of the commit.
    Returns:
        The root.
    Raises:
        Malformed: More than MAX_COUNT placements, or a leaf hash that is not 32 bytes.
    """
    new: list[Node] = []
    changed: list[Node] = []
    next_id = nodes.reserve(sum(not work.node_id for work in touched))
    for work in reversed(touched):
        node_id = work.node_id or next_id
        node: Node
        if isinstance(work, LeafWork):
            node, ref = work.done(node_id, born, additions[work.key])
        else:
            node, ref = work.done(node_id, born)
        if work.node_id:
            changed.append(node)
        else:
            new.append(node)
            next_id += 1
        assert work.parent is not None, "only the top has no parent, and it is not touched"
        work.parent.attach(work.to_right, ref)
    if top.left.total > MAX_COUNT:
        raise Malformed("additions", f"would hold more than {MAX_COUNT} placements")
    nodes.put(new, changed)
    return top.left
