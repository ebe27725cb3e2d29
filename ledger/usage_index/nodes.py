"""What is the index made of? Nodes, their hashes, and a place that keeps them. (section 3)

    leaf   one register: key, frontier of its leaf hashes, count, register root
    inner  the bits its keys share, and for each child its id, count and hash

An inner node holds its children's counts and hashes: a batch reads only the nodes it touches,
a proof only those it opens. A node is never changed; another is put in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from struct import Struct
from typing import Final, NamedTuple, Protocol

from ledger.merkle import Frontier
from ledger.usage_index.keys import KEY_BITS

_CHILDREN: Final = Struct(">Q32sQ32s")
_HIGH_BITS: Final = [0xFF00 >> bits & 0xFF for bits in range(8)]


class Ref(NamedTuple):
    """A node as its parent knows it; a root as its commitment does.

    `node_id` is 0 where no store is meant: of the empty index, and in a verifier.
    """

    node_id: int
    total: int
    hash: bytes


EMPTY: Final = Ref(0, 0, sha256(b"CUX1E").digest())


class Leaf(NamedTuple):
    """One register. `born` is the tree size of the commit that wrote this node."""

    node_id: int
    born: int
    key: bytes
    register: Frontier
    register_root: bytes

    @property
    def bits(self) -> int:
        return KEY_BITS

    @property
    def prefix(self) -> bytes:
        return self.key


class Inner(NamedTuple):
    """Two subtrees and what their keys share: the first `bits` bits, zero-padded to bytes."""

    node_id: int
    born: int
    bits: int
    prefix: bytes
    left: Ref
    right: Ref


Node = Leaf | Inner


class NodeStore(Protocol):
    """Where nodes are kept. One writer; readers may go on under any root that is kept."""

    def get(self, node_ids: Sequence[int]) -> Sequence[Node]:
        """The nodes of these ids, in this order: one request for each level of the trie."""

    def reserve(self, number: int) -> int:
        """The first of `number` consecutive ids, 1 or more, that no node has or had."""

    def put(self, new: Sequence[Node], changed: Sequence[Node]) -> None:
        """Keep nodes of reserved ids, and replace those that have an id of old: all or none."""


class MemoryNodes:
    """A NodeStore in memory, for auditors and tests."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, node_ids: Sequence[int]) -> list[Node]:
        return [self._nodes[node_id] for node_id in node_ids]

    def reserve(self, number: int) -> int:
        first, self._next_id = self._next_id, self._next_id + number
        return first

    def put(self, new: Sequence[Node], changed: Sequence[Node]) -> None:
        for nodes in (new, changed):
            self._nodes.update({node.node_id: node for node in nodes})

    def forget_all_but(self, kept: Iterable[Ref]) -> None:
        """Drop what no kept root needs: thinning marks, then sweeps."""
        marked = set(reachable(self, kept))
        self._nodes = {node_id: self._nodes[node_id] for node_id in marked}


def reachable(nodes: NodeStore, roots: Iterable[Ref]) -> Iterator[int]:
    """The id of every node below these roots, each once, level by level."""
    seen: set[int] = {0}
    level = [root.node_id for root in roots]
    while level := [node_id for node_id in dict.fromkeys(level) if node_id not in seen]:
        seen.update(level)
        yield from level
        inner = [node for node in nodes.get(level) if isinstance(node, Inner)]
        level = [ref.node_id for node in inner for ref in (node.left, node.right)]


def leaf_hash_of(key: bytes, entries: int, register_root: bytes) -> bytes:
    """Hash of a register with this key, number of entries and RFC 6962 root."""
    return sha256(b"CUX1L" + key + entries.to_bytes(8, "big") + register_root).digest()


def inner_hash_of(bits: int, prefix: bytes, left: Ref, right: Ref) -> bytes:
    """Hash of an inner node whose keys share `bits` bits, `prefix` in whole bytes."""
    _, left_total, left_hash = left
    _, right_total, right_hash = right
    children = _CHILDREN.pack(left_total, left_hash, right_total, right_hash)
    return sha256(b"CUX1I" + bits.to_bytes(2, "big") + prefix + children).digest()


def prefix_of(key: bytes, bits: int) -> bytes:
    """The first `bits` bits of a key, zero-padded to whole bytes."""
    whole, rest = divmod(bits, 8)
    return key[:whole] + bytes((key[whole] & _HIGH_BITS[rest],)) if rest else key[:whole]
