"""Which roots of the usage index can be shown? Those that are kept, and that the log commits to.

    position ──keep──► kept root ──append UsageIndexCommitted──► committed ──► servable

Whoever commits a root keeps it first, under the lock on the position row: from then on the
projector copies its nodes where it would have changed them in place. A root that is kept and
never committed costs space, and proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ledger.errors import CandourError
from ledger.events import UsageIndexCommitted
from ledger.store import usage_tables as t
from ledger.usage_index import EMPTY, Commitment, Ref

INDEX_STREAM: Final = "usage_index/main"


@dataclass(frozen=True, slots=True)
class Position:
    """How far the index is, and its root there."""

    tree_size: int
    ref: Ref
    next_id: int


@dataclass(frozen=True, slots=True)
class KeptRoot:
    """A root that stays servable. `leaf_index`: of the entry that commits to it, if there is one."""

    tree_size: int
    ref: Ref
    leaf_index: int | None = None

    @property
    def commitment(self) -> Commitment:
        return Commitment(tree_size=self.tree_size, root=self.ref.hash, total=self.ref.total)


def lock_position(connection: Connection) -> Position:
    """The position, which nobody else moves before this transaction ends."""
    columns = t.position.c
    locked = update(t.position).values(tree_size=columns.tree_size)
    if connection.execute(locked).rowcount != 1:
        dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
        first = {"root_id": 0, "root": EMPTY.hash, "total": 0, "next_id": 1}
        put = dialect.insert(t.position).values(id=0, tree_size=0, **first)
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
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    put = dialect.insert(t.roots).values(
        tree_size=tree_size, root_id=ref.node_id, root=ref.hash, total=ref.total
    )
    connection.execute(put.on_conflict_do_nothing())


def mark_committed(connection: Connection, fact: UsageIndexCommitted, leaf_index: int) -> None:
    """Note which entry commits to a kept root; one that is not ours stays unmarked."""
    columns = t.roots.c
    try:
        said = Commitment.of_fact(fact)
    except CandourError:
        return
    connection.execute(
        update(t.roots)
        .where(
            columns.tree_size == said.tree_size,
            columns.root == said.root,
            columns.total == said.total,
            columns.leaf_index.is_(None),
        )
        .values(leaf_index=leaf_index)
    )


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
        return KeptRoot(held.tree_size, held.ref)

    def committed(self, fact: UsageIndexCommitted, leaf_index: int) -> None:
        """Note that an entry commits to a kept root."""
        with self._engine.begin() as connection:
            mark_committed(connection, fact, leaf_index)

    def servable(self, at_most: int | None = None) -> KeptRoot | None:
        """The newest committed root, of all or of those that speak of `at_most` entries."""
        columns = t.roots.c
        wanted = select(t.roots).where(columns.leaf_index.is_not(None))
        if at_most is not None:
            wanted = wanted.where(columns.tree_size <= at_most)
        with self._engine.connect() as connection:
            row = connection.execute(wanted.order_by(columns.tree_size.desc()).limit(1)).first()
        return None if row is None else _kept(row)


def _kept(row: Row[Any]) -> KeptRoot:
    return KeptRoot(row.tree_size, Ref(row.root_id, row.total, bytes(row.root)), row.leaf_index)
