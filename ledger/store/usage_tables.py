"""Where is the usage index kept? Tables beside the views, one set for both databases.

    view_usage_position   entries 0..tree_size-1 are in the index; its root then
    view_usage_node       a node of the trie, packed (usage_nodes.py); never changed under a kept root
    view_usage_root       a root that stays servable, and the entry that commits to it
    view_usage_name       what technology a part of a key stands for
    view_usage_source     when a source reported for an agency: a row a day, and its registration
    view_usage_cited      tree sizes whose root a bundle rests on: kept for ever
    view_usage_unswept    roots that were let go, whose nodes may still be there

All but the citations can be dropped and made anew from the log and the disclosures. Node ids
differ then, for they follow from the batches, and none is ever given twice; hashes do not. So
these stand apart from the views' metadata, which an audit compares row by row.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    update,
)

from ledger.usage_index import EMPTY

metadata: Final = MetaData()
# In SQLite only INTEGER makes a key the row's own number, without an index beside it.
_Number = BigInteger().with_variant(Integer(), "sqlite")

position = Table(
    "view_usage_position",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("tree_size", BigInteger, nullable=False),
    Column("root_id", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("next_id", BigInteger, nullable=False),
)
nodes = Table(
    "view_usage_node",
    metadata,
    Column("node_id", _Number, primary_key=True, autoincrement=False),
    Column("born", BigInteger, nullable=False),
    Column("node", LargeBinary, nullable=False),
)
roots = Table(
    "view_usage_root",
    metadata,
    Column("tree_size", _Number, primary_key=True, autoincrement=False),
    Column("root_id", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("leaf_index", BigInteger),
)
names = Table(
    "view_usage_name",
    metadata,
    Column("part", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),
)
# `slot` as in a key: 0 for undated uses, else 0x80000000 + days; REGISTERED for the source itself.
sources = Table(
    "view_usage_source",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("slot", BigInteger, primary_key=True, autoincrement=False),
    Column("first_leaf", BigInteger, nullable=False),
    Column("last_leaf", BigInteger, nullable=False),
)
cited = Table(
    "view_usage_cited",
    metadata,
    Column("tree_size", _Number, primary_key=True, autoincrement=False),
)
unswept = Table(
    "view_usage_unswept",
    metadata,
    Column("tree_size", _Number, primary_key=True, autoincrement=False),
    Column("root_id", BigInteger, nullable=False),
)
Index("view_usage_root_leaf", roots.c.leaf_index)
REGISTERED: Final = -1


def create(connection: Connection) -> None:
    """Make the tables that are missing."""
    metadata.create_all(connection)


def clear(connection: Connection) -> None:
    """Forget all that the log gives again: not what is cited, nor which node ids were given.

    A sweep that is under way elsewhere then finds nothing of its own, instead of new nodes.
    """
    for table in (nodes, roots, names, sources, unswept):
        connection.execute(table.delete())
    empty = {"tree_size": 0, "root_id": 0, "root": EMPTY.hash, "total": 0}
    connection.execute(update(position).values(empty))
