"""How do registers get into the index? A path-compressed binary radix trie. (section 3)

    {key: leaf hashes} ──sort──► keys ──descend, split──► touched nodes ──rehash──► new root
                                   level by level from above     each once, from below

The trie is a function of its registers: whatever the order and the batches, the same root.
Nodes that a kept root needs are left alone and copied; others are replaced in place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ledger.errors import Malformed
from ledger.merkle import Frontier
from ledger.usage_index.keys import KEY_BITS, KEY_BYTES
from ledger.usage_index.nodes import Leaf, Node, NodeStore, Ref, prefix_of
from ledger.usage_index.rehash import InnerWork, LeafWork, rehash

_NO_REGISTER: Final = Frontier()


def insert(
    nodes: NodeStore,
    root: Ref,
    additions: Mapping[bytes, Sequence[bytes]],
    *,
    tree_size: int,
    kept: int,
) -> Ref:
    """The root after these leaf hashes were appended to the registers of their keys.

    Args:
        nodes: Where the index is kept; told of all changes at once, in the end.
        root: Of the index so far; EMPTY at first.
        additions: Keys of 69 bytes, each with its leaf hashes in leaf order, 1 or more.
        tree_size: Entries of the log that the index then speaks of.
        kept: The newest tree size whose root must go on being servable; -1 for none. Nodes
            born later are replaced in place, others copied.
    Raises:
        Malformed: A key or leaf hash of another length, or more than MAX_COUNT in all.
    """
    keys = sorted(key for key, hashes in additions.items() if hashes)
    if not keys:
        return root
    if set(map(len, keys)) != {KEY_BYTES}:
        raise Malformed("key", f"must be {KEY_BYTES} bytes")
    batch = _Batch(keys, kept)
    if root.node_id:
        batch.descend(nodes, root)
    else:
        batch.plant(0, len(keys), batch.top, False)
    return rehash(nodes, batch.top, batch.touched, additions, born=tree_size)


class _Task(NamedTuple):
    """The keys first..end-1 of the batch go below this node, a child of `parent`."""

    ref: Ref
    first: int
    end: int
    parent: InnerWork
    to_right: bool


class _Batch:
    """One insertion: parents stand before children in `touched`."""

    def __init__(self, keys: list[bytes], kept: int) -> None:
        self.keys, self.kept = keys, kept
        self.numbers = [int.from_bytes(key, "big") for key in keys]
        self.top = InnerWork(0, 0, b"", None, False)  # its left child is the root
        self.touched: list[InnerWork | LeafWork] = []

    def descend(self, nodes: NodeStore, root: Ref) -> None:
        """Find all nodes that the keys touch: one read for each level."""
        level = [_Task(root, 0, len(self.keys), self.top, False)]
        while level:
            found = nodes.get([task.ref.node_id for task in level])
            deeper: list[_Task] = []
            for task, node in zip(level, found, strict=True):
                self._reach(task, node, deeper)
            level = deeper

    def _reach(self, task: _Task, node: Node, deeper: list[_Task]) -> None:
        """Touch a node, or what stands above it; hand on the keys that go below."""
        bits, prefix = node.bits, node.prefix
        label = int.from_bytes(prefix, "big") << (KEY_BITS - 8 * len(prefix))
        if self._shared(label, task) < bits:
            task = self._split_above(label, bits, task)
            if task.first == task.end:  # not touched: a hash does not depend on what is above
                task.parent.attach(task.to_right, task.ref)
                return
        _, first, end, parent, to_right = task
        node_id = node.node_id if node.born > self.kept else 0
        if isinstance(node, Leaf):
            self.touched.append(LeafWork(node_id, prefix, node.register, parent, to_right))
            return
        work = InnerWork(node_id, bits, prefix, parent, to_right)
        self.touched.append(work)
        middle = self._middle(bits, first, end)
        if first == middle:
            work.left = node.left
        else:
            deeper.append(_Task(node.left, first, middle, work, False))
        if middle == end:
            work.right = node.right
        else:
            deeper.append(_Task(node.right, middle, end, work, True))

    def _shared(self, label: int, task: _Task) -> int:
        """How many bits a node's label (then zeros) has in common with all keys of a task."""
        first, last = self.numbers[task.first], self.numbers[task.end - 1]
        return KEY_BITS - ((label ^ first) | (label ^ last)).bit_length()

    def _split_above(self, label: int, bits: int, task: _Task) -> _Task:
        """Make an inner node wherever keys leave the edge above a node; return what is left."""
        ref, first, end, parent, to_right = task
        while first < end and (shared := self._shared(label, task)) < bits:
            parent = self._new_inner(shared, first, parent, to_right)
            middle = self._middle(shared, first, end)
            to_right = bool(label >> (KEY_BITS - 1 - shared) & 1)
            if to_right:
                self.plant(first, middle, parent, False)
                first = middle
            else:
                self.plant(middle, end, parent, True)
                end = middle
            task = _Task(ref, first, end, parent, to_right)
        return task

    def plant(self, first: int, end: int, parent: InnerWork, to_right: bool) -> None:
        """Make a new subtree of the keys first..end-1, 1 or more."""
        waiting = [(first, end, parent, to_right)]
        while waiting:
            first, end, parent, to_right = waiting.pop()
            if end - first == 1:
                leaf = LeafWork(0, self.keys[first], _NO_REGISTER, parent, to_right)
                self.touched.append(leaf)
                continue
            bits = KEY_BITS - (self.numbers[first] ^ self.numbers[end - 1]).bit_length()
            work = self._new_inner(bits, first, parent, to_right)
            middle = self._middle(bits, first, end)
            waiting += [(first, middle, work, False), (middle, end, work, True)]

    def _new_inner(self, bits: int, first: int, parent: InnerWork, to_right: bool) -> InnerWork:
        work = InnerWork(0, bits, prefix_of(self.keys[first], bits), parent, to_right)
        self.touched.append(work)
        return work

    def _middle(self, bits: int, first: int, end: int) -> int:
        """The first of these keys, alike in `bits` bits, that goes on with 1."""
        below = KEY_BITS - 1 - bits
        if end - first == 1:
            return end - (self.numbers[first] >> below & 1)
        pivot = (self.numbers[first] >> below | 1) << below
        return bisect_left(self.numbers, pivot, first, end)
