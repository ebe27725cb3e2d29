"""Which roots of the usage index can be shown? Those that are kept, and that the log commits to.

    position ──keep──► kept root ──append UsageIndexCommitted──► committed ──► servable

Whoever commits a root keeps it first, under the lock on the position row: from then on the
projector copies its nodes where it would have changed them in place. A root that is kept and
never committed costs space, and proves nothing. Old roots are let go (usage_thinning.py), but
for those that are cited: whoever proves something under a root cites it first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.errors import CandourError
from ledger.events import UsageIndexCommitted
from ledger.store import usage_tables as t
from ledger.store.core import StoreUnavailable
from ledger.store.usage_nodes import SqlNodes
from ledger.usage_index import EMPTY, Commitment, Ref, subtree_of
from ledger.usage_index.families import PERFORMERS
from ledger.usage_index.keys import WITHDRAWN_BIT

INDEX_STREAM: Final = "usage_index/main"


@dataclass(frozen=True, slots=True)
class Position:
    """How far the index is, and its root there."""

    tree_size: int
    ref: Ref
    next_id: int


@dataclass(frozen=True, slots=True)
class KeptRoot:
    """A root that is kept.

    Members:
        leaf_index: Of the entry that commits to it; None where there is none.
        cited: It is never let go.
        performers: As of `Commitment`; read where it is about to be committed.
    """

    tree_size: int
    ref: Ref
    leaf_index: int | None = None
    cited: bool = field(default=False, compare=False)
    performers: tuple[Ref, Ref] = field(default=(EMPTY, EMPTY), compare=False)

    @property
    def commitment(self) -> Commitment:
        return Commitment(
            tree_size=self.tree_size,
            root=self.ref.hash,
            total=self.ref.total,
            performers=self.performers,
        )


def lock_position(connection: Connection) -> Position:
    """The position, which nobody else moves before this transaction ends."""
    columns = t.position.c
    locked = update(t.position).values(tree_size=columns.tree_size)
    if connection.execute(locked).rowcount != 1:
        first = {"root_id": 0, "root": EMPTY.hash, "total": 0, "next_id": 1}
        put = insert_into(connection, t.position).values(id=0, tree_size=0, **first)
        connection.execute(put.on_conflict_do_nothing())
        connection.execute(locked)
    row = connection.execute(select(t.position)).one()
    return Position(row.tree_size, Ref(row.root_id, row.total, bytes(row.root)), row.next_id)


def newest_kept(connection: Connection) -> int:
    """The newest tree size whose root is kept; -1 for none."""
    found = connection.execute(select(func.max(t.roots.c.tree_size))).scalar()
    return -1 if found is None else int(found)


def keep_root(connection: Connection, tree_size: int, ref: Ref) -> None:
    """Keep a root, from this transaction on."""
    put = insert_into(connection, t.roots).values(
        tree_size=tree_size, root_id=ref.node_id, root=ref.hash, total=ref.total
    )
    connection.execute(put.on_conflict_do_nothing())


def mark_committed(connection: Connection, fact: UsageIndexCommitted, leaf_index: int) -> bool:
    """Note which entry commits to a kept root; False where that root is not kept, or marked."""
    columns = t.roots.c
    try:
        said = Commitment.of_fact(fact)
    except CandourError:
        return False
    marked = connection.execute(
        update(t.roots)
        .where(
            columns.tree_size == said.tree_size,
            columns.root == said.root,
            columns.total == said.total,
            columns.leaf_index.is_(None),
        )
        .values(leaf_index=leaf_index)
    )
    return marked.rowcount == 1


class UsageRoots:
    """The roots of one ledger's usage index, for the process that serves it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def position(self) -> int:
        """Entries that the index holds."""
        with self._engine.connect() as connection:
            held = connection.execute(select(t.position.c.tree_size)).scalar()
        return 0 if held is None else int(held)

    def keep_newest(self) -> KeptRoot:
        """Keep the root at the position, so that it can be committed."""
        with self._engine.begin() as connection:
            held = lock_position(connection)
            keep_root(connection, held.tree_size, held.ref)
            nodes = SqlNodes(connection)
            placed = subtree_of(nodes, held.ref, PERFORMERS)
            withdrawn = subtree_of(nodes, held.ref, PERFORMERS | WITHDRAWN_BIT)
        return KeptRoot(held.tree_size, held.ref, performers=(placed, withdrawn))

    def committed(self, fact: UsageIndexCommitted, leaf_index: int) -> bool:
        """Note that an entry commits to a kept root; False where that root is not kept."""
        with self._engine.begin() as connection:
            return mark_committed(connection, fact, leaf_index)

    def cite(self, tree_size: int) -> bool:
        """Keep a committed root for ever; False where it has been let go."""
        columns = t.roots.c
        with synced(self._engine) as connection:
            # Writes the row to lock it: whoever lets roots go does the same, then asks what is cited.
            locked = (
                update(t.roots)
                .where(columns.tree_size == tree_size, columns.leaf_index.is_not(None))
                .values(leaf_index=columns.leaf_index)
            )
            if connection.execute(locked).rowcount != 1:
                return False
            put = insert_into(connection, t.cited).values(tree_size=tree_size)
            connection.execute(put.on_conflict_do_nothing())
        return True

    def servable(self, at_most: int | None = None) -> KeptRoot | None:
        """The newest committed root, of all or of those that speak of `at_most` entries."""
        columns = t.roots.c
        wanted = _SERVABLE.order_by(columns.tree_size.desc())
        return self._first(
            wanted if at_most is None else wanted.where(columns.tree_size <= at_most)
        )

    def servable_after(self, tree_size: int) -> KeptRoot | None:
        """The oldest committed root that speaks of more entries."""
        columns = t.roots.c
        return self._first(
            _SERVABLE.where(columns.tree_size > tree_size).order_by(columns.tree_size)
        )

    def _first(self, wanted: Select[Any]) -> KeptRoot | None:
        with self._engine.connect() as connection:
            row = connection.execute(wanted.limit(1)).first()
        if row is None:
            return None
        ref = Ref(row.root_id, row.total, bytes(row.root))
        return KeptRoot(row.tree_size, ref, row.leaf_index, cited=row.cited is not None)


_SERVABLE: Final = (
    select(t.roots, t.cited.c.tree_size.label("cited"))
    .outerjoin(t.cited, t.cited.c.tree_size == t.roots.c.tree_size)
    .where(t.roots.c.leaf_index.is_not(None))
)


@contextmanager
def synced(engine: Engine) -> Iterator[Connection]:
    """A transaction that no power cut takes back once it has ended.

    What else is in the views follows from the log, so that nobody need sync it at once
    (view_tables.py); what is cited does not.
    """
    with engine.connect() as connection:
        if _is_sqlite(connection):
            connection.detach()  # nobody gets it after us
            _sync_at_once(connection)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL synchronous_commit = on")
            yield connection


def _sync_at_once(connection: Connection) -> None:
    own: Any = connection.connection.dbapi_connection
    try:
        own.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error as error:  # SQLAlchemy does not see it
        raise StoreUnavailable(str(error)) from error


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def insert_into(connection: Connection, table: Table) -> Any:
    """An INSERT that can say what to do in a conflict, of either database."""
    dialect: Any = sqlite if _is_sqlite(connection) else postgresql
    return dialect.insert(table)
