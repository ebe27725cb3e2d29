"""Where are the nodes of the usage index kept? In rows, packed (ledger/usage_index/packing.py).

Reads take one statement a level of the trie, writes one a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from sqlalchemy import Connection

from ledger.limits import MAX_CACHED_NODES
from ledger.store import usage_tables as t
from ledger.store.chunks import chunks
from ledger.store.view_rows import copy_rows, place_of
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
        if self._connection.dialect.name == "sqlite":
            put = "INSERT OR REPLACE INTO view_usage_node VALUES (?, ?, ?)"
            self._connection.exec_driver_sql(put, list(map(_row, nodes)))
            return
        copy_rows(self._connection, t.nodes, map(_row, new))
        if changed:
            ids, births, packed = (list(column) for column in zip(*map(_row, changed), strict=True))
            self._by_driver(_CHANGE, (ids, births, packed))

    def _read(self, node_ids: Sequence[int]) -> Iterable[Any]:
        connection = self._connection
        if connection.dialect.name != "sqlite":
            yield from self._by_driver(_GET, (list(node_ids),))
            return
        for some in chunks(node_ids):
            marks = ",".join("?" * len(some))
            yield from connection.exec_driver_sql(
                f"SELECT node_id, born, node FROM view_usage_node WHERE node_id IN ({marks})",
                tuple(some),
            )

    def _by_driver(self, statement: LiteralString, parameters: tuple[list[Any], ...]) -> list[Any]:
        """Run a statement of PostgreSQL with arrays in binary: as text each element is escaped."""
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        query = sql.SQL(statement).format(place_of(self._connection, t.nodes))
        with driver.cursor(binary=True) as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []


def _row(node: Node) -> tuple[int, int, bytes]:
    return node.node_id, node.born, pack(node)


_GET: Final = "SELECT node_id, born, node FROM {} WHERE node_id = ANY (%b::bigint[])"
_CHANGE: Final = (
    "UPDATE {} AS old SET born = new.born, node = new.node"
    " FROM unnest(%b::bigint[], %b::bigint[], %b::bytea[]) AS new (node_id, born, node)"
    " WHERE old.node_id = new.node_id"
)
