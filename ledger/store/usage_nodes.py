"""How does a node of the usage index become a row, and back?

    Leaf   "L" | key 69 | frontier (ledger/merkle)
    Inner  "I" | bits u16 | prefix | left: id u64, total u64, hash 32 | right: likewise

Reads take one statement a level of the trie, writes one a batch. A frontier gives the
register's root, so it is not stored twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct, error
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from ledger.errors import Malformed
from ledger.limits import MAX_CACHED_NODES
from ledger.merkle import Frontier
from ledger.store import usage_tables as t
from ledger.usage_index import Inner, Leaf, Node, Ref
from ledger.usage_index.keys import KEY_BITS, KEY_BYTES

_BITS: Final = Struct(">cH")
_CHILDREN: Final = Struct(">QQ32sQQ32s")
_SOME: Final = 1_000  # variables of one statement of SQLite: well under its own bound


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


class SqlNodes:
    """A NodeStore in one transaction.

    Args:
        connection: In a transaction of its own.
        next_id: The first id that no node has; 0 where nothing will be written.
        cache: Nodes known already; what is read and written is added.
    """

    def __init__(
        self, connection: Connection, *, next_id: int = 0, cache: dict[int, Node] | None = None
    ) -> None:
        self._connection, self.next_id = connection, next_id
        self._cache = {} if cache is None else cache
        self.written = 0

    def get(self, node_ids: Sequence[int]) -> list[Node]:
        """Raises NodeDamaged."""
        cache = self._cache
        missing = [node_id for node_id in node_ids if node_id not in cache]
        if missing:
            if len(cache) > MAX_CACHED_NODES:
                cache = self._cache = {n: cache[n] for n in node_ids if n in cache}
            for node_id, born, data in self._read(missing):
                cache[node_id] = unpack(node_id, born, bytes(data))
        try:
            return [cache[node_id] for node_id in node_ids]
        except KeyError as missed:
            raise NodeDamaged(missed.args[0]) from None

    def reserve(self, number: int) -> int:
        first, self.next_id = self.next_id, self.next_id + number
        return first

    def put(self, new: Sequence[Node], changed: Sequence[Node]) -> None:
        nodes = [*new, *changed]
        self._cache.update({node.node_id: node for node in nodes})
        self.written += len(nodes)
        rows = [(node.node_id, node.born, pack(node)) for node in nodes]
        if self._connection.dialect.name == "sqlite":
            put = "INSERT OR REPLACE INTO view_usage_node VALUES (?, ?, ?)"
            self._connection.exec_driver_sql(put, rows)
        else:
            ids, births, packed = zip(*rows, strict=True)
            values = {"ids": list(ids), "born": list(births), "packed": list(packed)}
            self._connection.execute(_POSTGRES_PUT, values)

    @property
    def cache(self) -> dict[int, Node]:
        """What is known now, for the next transaction."""
        return self._cache

    def _read(self, node_ids: Sequence[int]) -> Iterable[Any]:
        connection = self._connection
        if connection.dialect.name != "sqlite":
            yield from connection.execute(_POSTGRES_GET, {"ids": list(node_ids)})
            return
        for start in range(0, len(node_ids), _SOME):
            some = tuple(node_ids[start : start + _SOME])
            marks = ",".join("?" * len(some))
            yield from connection.exec_driver_sql(
                f"SELECT node_id, born, node FROM view_usage_node WHERE node_id IN ({marks})", some
            )


def _array(name: str, kind: Any) -> Any:
    return bindparam(name, type_=ARRAY(kind))


_POSTGRES_GET: Final = select(t.nodes.c.node_id, t.nodes.c.born, t.nodes.c.node).where(
    t.nodes.c.node_id == any_(_array("ids", BigInteger))
)
_UNNESTED: Final = select(
    func.unnest(_array("ids", BigInteger)),
    func.unnest(_array("born", BigInteger)),
    func.unnest(_array("packed", BYTEA)),
)
_PUT: Final = postgres_insert(t.nodes).from_select(["node_id", "born", "node"], _UNNESTED)
_POSTGRES_PUT: Final = _PUT.on_conflict_do_update(
    index_elements=["node_id"], set_={"born": _PUT.excluded.born, "node": _PUT.excluded.node}
)
