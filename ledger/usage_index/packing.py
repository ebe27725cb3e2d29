"""How does a node of the usage index become bytes of a row, and back?

    Leaf   "L" | key 69 | frontier (ledger/merkle)
    Inner  "I" | bits u16 | prefix | left: id u64, total u64, hash 32 | right: likewise

A frontier gives the register's root, so it is not stored twice.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Final

from ledger.errors import Malformed
from ledger.merkle import Frontier
from ledger.usage_index.keys import KEY_BITS, KEY_BYTES
from ledger.usage_index.nodes import Inner, Leaf, Node, Ref

_BITS: Final = Struct(">cH")
_CHILDREN: Final = Struct(">QQ32sQQ32s")


class NodeDamaged(Malformed):
    """A stored node is none; an audit names it."""

    def __init__(self, node_id: int) -> None:
        super().__init__("view_usage_node", f"node {node_id} is missing or damaged")
        self.node_id = node_id


def pack(node: Node) -> bytes:
    """A node's bytes, without id and birth."""
    if isinstance(node, Leaf):
        return b"L" + node.key + node.register.to_bytes()
    children = _CHILDREN.pack(*node.left, *node.right)
    return _BITS.pack(b"I", node.bits) + node.prefix + children


def unpack(node_id: int, born: int, data: bytes) -> Node:
    """The node that `pack` wrote. Raises NodeDamaged."""
    try:
        if data[:1] == b"L" and len(data) > KEY_BYTES:
            register = Frontier.from_bytes(data[1 + KEY_BYTES :])
            return Leaf(node_id, born, data[1 : 1 + KEY_BYTES], register, register.root())
        kind, bits = _BITS.unpack_from(data)
        prefix = data[_BITS.size : -_CHILDREN.size]
        if kind == b"I" and bits < KEY_BITS and len(prefix) == (bits + 7) // 8:
            fields = _CHILDREN.unpack(data[-_CHILDREN.size :])
            return Inner(node_id, born, bits, prefix, Ref(*fields[:3]), Ref(*fields[3:]))
    except (Malformed, error, TypeError):
        pass
    raise NodeDamaged(node_id)
