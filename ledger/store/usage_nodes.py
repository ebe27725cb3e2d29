"""Where are the nodes of the usage index kept? In rows, packed (ledger/usage_index/packing.py).

Reads take one statement a level of the trie, writes one a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.dialects.postgresql import insert as postgres_insert

from ledger.limits import MAX_CACHED_NODES
from ledger.store import usage_tables as t
from ledger.store.chunks import chunks
from ledger.usage_index import Node
from ledger.usage_index.packing import NodeDamaged, pack, unpack

__all__ = ["NodeDamaged", "SqlNodes", "pack", "unpack"]


class NodeCache:
    """The nodes that were used last, MAX_CACHED_NODES at most.

    Two generations: what is used goes to the newer one; when that has its half, it becomes the
    older one, and what was the older is forgotten. Threads that share one may forget for each
    other, and never find another node than they asked for.
    """

    def __init__(self) -> None:
        self._newer: dict[int, Node] = {}
        self._older: dict[int, Node] = {}

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def get(self, node_id: int) -> Node | None:
        node = self._newer.get(node_id)
        if node is None and (node := self._older.pop(node_id, None)) is not None:
            self._newer[node_id] = node
        return node

    def add(self, nodes: Sequence[Node]) -> None:
        """Remember nodes; of too many the last ones, which a trie writes from below."""
        if len(self._newer) + len(nodes) > MAX_CACHED_NODES // 2:
            self._older, self._newer = self._newer, {}
            nodes = nodes[-(MAX_CACHED_NODES // 2) :]
        self._newer.update({node.node_id: node for node in nodes})

    def forget(self, nodes: Iterable[Node]) -> None:
        """Another node will have its id."""
        for node in nodes:
            self._newer.pop(node.node_id, None)
            self._older.pop(node.node_id, None)


class SqlNodes:
    """A NodeStore in one transaction.

    Args:
        connection: In a transaction of its own.
        next_id: The first id that no node has; 0 where nothing will be written.
        cache: Nodes known already; what is read and written is added.
    """

    def __init__(
        self, connection: Connection, *, next_id: int = 0, cache: NodeCache | None = None
    ) -> None:
        self._connection, self.next_id = connection, next_id
        self._cache = NodeCache() if cache is None else cache
        self.written = 0

    def get(self, node_ids: Sequence[int]) -> list[Node]:
        """Raises NodeDamaged."""
        known = self._cache.get
        found = {node_id: node for node_id in node_ids if (node := known(node_id)) is not None}
        if len(found) < len(node_ids):
            missing = [node_id for node_id in node_ids if node_id not in found]
            read = [unpack(row[0], row[1], bytes(row[2])) for row in self._read(missing)]
            found.update({node.node_id: node for node in read})
            self._cache.add(read)
        try:
            return [found[node_id] for node_id in node_ids]
        except KeyError as missed:
            raise NodeDamaged(missed.args[0]) from None

    def reserve(self, number: int) -> int:
        first, self.next_id = self.next_id, self.next_id + number
        return first

    def put(self, new: Sequence[Node], changed: Sequence[Node]) -> None:
        nodes = [*new, *changed]
        self._cache.forget(changed)
        self._cache.add(nodes)
        self.written += len(nodes)
        rows = [(node.node_id, node.born, pack(node)) for node in nodes]
        if self._connection.dialect.name == "sqlite":
            put = "INSERT OR REPLACE INTO view_usage_node VALUES (?, ?, ?)"
            self._connection.exec_driver_sql(put, rows)
        else:
            ids, births, packed = zip(*rows, strict=True)
            values = {"ids": list(ids), "born": list(births), "packed": list(packed)}
            self._connection.execute(_POSTGRES_PUT, values)

    def _read(self, node_ids: Sequence[int]) -> Iterable[Any]:
        connection = self._connection
        if connection.dialect.name != "sqlite":
            yield from connection.execute(_POSTGRES_GET, {"ids": list(node_ids)})
            return
        for some in chunks(node_ids):
            marks = ",".join("?" * len(some))
            yield from connection.exec_driver_sql(
                f"SELECT node_id, born, node FROM view_usage_node WHERE node_id IN ({marks})",
                tuple(some),
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
