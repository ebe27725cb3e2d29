"""Is every root of the usage index that the log commits to the one that its entries give?

    entries ──UsageWriter──► fresh index in a temporary file ─┬─ root at each committed size
                                                              └─ root, names, sources at the position
    stored index ──walk from every kept root──► each node's hash against what its parent says

The fresh index is made beside the fresh views, in constant memory. Roots rest on the performers
that reports disclose: once some are withheld, the roots after them cannot be made anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, select

from ledger.audit.report import AuditReport, Progress
from ledger.errors import CandourError
from ledger.events import UsageIndexCommitted
from ledger.store import usage_tables as t
from ledger.store.audit_rows import compare, rows_of
from ledger.store.core import LedgerStore
from ledger.store.usage_nodes import NodeDamaged, SqlNodes
from ledger.store.usage_roots import INDEX_STREAM
from ledger.store.usage_writer import UsageWriter
from ledger.store.view_writer import read_stored
from ledger.usage_index import EMPTY, Commitment, Inner, Node, Ref, subtree_of
from ledger.usage_index.families import PERFORMERS
from ledger.usage_index.keys import WITHDRAWN_BIT
from ledger.usage_index.nodes import inner_hash_of, leaf_hash_of

COMMITTED: Final = "usage_index"  # an entry's claim, by leaf index
_CHUNK: Final = 1_000  # references looked up at once


def audit_usage(
    store: LedgerStore,
    stored: Connection,
    fresh: Engine,
    report: AuditReport,
    progress: Progress,
) -> None:
    """Compare the stored index, and what the log commits to, with what the entries give.

    Args:
        stored: One moment of the stored views.
        fresh: Views made anew, at the position of the stored ones.
    """
    writer, views = UsageWriter(fresh, store), report.counts["views_tree_size"]
    held, root = _position(stored)
    if held > views:
        report.differs(t.position.name, None, f"says {held} entries; the views hold {views}")
        return
    progress("usage index", 0, views)
    writer.catch_up(held)
    progress("usage index", held, views)
    with fresh.connect() as made:
        same = _position(made)[1][1:] == root[1:]
        if not same and not writer.withheld:
            report.differs(t.position.name, None, f"has another root at {held} entries")
        for table in (t.names, t.sources):
            with closing(rows_of(stored, table)) as ours, closing(rows_of(made, table)) as theirs:
                report.count("view_rows", compare(table, ours, theirs, report))
    writer.catch_up(views)
    with fresh.connect() as made:
        _compare_committed(store, stored, made, views, report, writer.withheld)
    _walk(stored, root, report)
    progress("usage index", views, views)


def _position(connection: Connection) -> tuple[int, Ref]:
    row = connection.execute(select(t.position)).first()
    if row is None:
        return 0, EMPTY
    return row.tree_size, _ref(row)


def _ref(row: Row[Any]) -> Ref:
    """A root as its row says, whatever was done to it."""
    return Ref(row.root_id, row.total, row.root if isinstance(row.root, bytes) else b"")


def _compare_committed(
    store: LedgerStore,
    stored: Connection,
    made: Connection,
    views: int,
    report: AuditReport,
    withheld: int,
) -> None:
    kept = {row.tree_size: row for row in stored.execute(select(t.roots))}
    anew = {row.tree_size: row for row in made.execute(select(t.roots))}
    marked = {
        size: row.leaf_index
        for size, row in kept.items()
        if row.leaf_index is not None and not _came_later(store, report, row.leaf_index)
    }
    unchecked = 0
    for leaf_index, said in _commitments(store, report):
        size = said.tree_size
        if size > leaf_index or size > views:
            if size > leaf_index:
                report.differs(COMMITTED, leaf_index, f"commits to {size} entries, ahead of itself")
            continue
        report.count("usage_roots", 1)
        mine = anew.get(size)
        found = (EMPTY.hash, 0) if mine is None else (mine.root, mine.total)
        if found != (said.root, said.total) and withheld:
            unchecked += 1
        elif found != (said.root, said.total):
            sentence = f"the first {size} entries give another root than this entry commits to"
            report.differs(COMMITTED, leaf_index, sentence)
        elif mine is not None and _hides_others(SqlNodes(made), _ref(mine), said):
            report.differs(COMMITTED, leaf_index, "shows other performers than its root holds")
        row = kept.get(size)
        if row is not None and (row.root, row.total) != (said.root, said.total):
            report.differs(t.roots.name, size, "is not the root that the log commits to")
        if marked.get(size) == leaf_index:
            del marked[size]
    if unchecked:
        report.not_checked.append(
            f"{unchecked} committed roots of the usage index: {withheld} reports no longer disclose"
            " their performer, whose pseudonym was part of them"
        )
    for size, leaf in sorted(marked.items()):
        report.differs(t.roots.name, size, f"names entry {leaf}, which does not commit to it")


def _came_later(store: LedgerStore, report: AuditReport, leaf_index: int) -> bool:
    """Whether a server that goes on wrote this entry after those which are audited."""
    if leaf_index < report.tree_size:
        return False
    return bool(store.entries_at([leaf_index]))


def _hides_others(nodes: SqlNodes, root: Ref, said: Commitment) -> bool:
    """True where an entry says of performers what its own root does not hold."""
    if said.performers == (EMPTY, EMPTY):  # it does not say
        return False
    held = [subtree_of(nodes, root, PERFORMERS | side) for side in (0, WITHDRAWN_BIT)]
    return [ref[1:] for ref in held] != [ref[1:] for ref in said.performers]


def _commitments(store: LedgerStore, report: AuditReport) -> Iterator[tuple[int, Commitment]]:
    for row in store.read_stream(INDEX_STREAM):
        if row.leaf_index >= report.tree_size:
            return
        try:
            _, fact = read_stored(row)
            if isinstance(fact, UsageIndexCommitted):
                yield row.leaf_index, Commitment.of_fact(fact)
        except CandourError as error:
            report.differs(COMMITTED, row.leaf_index, f"commits to nothing that holds: {error}")


def _walk(stored: Connection, newest: Ref, report: AuditReport) -> None:
    """Hash every node below the kept roots, and compare it with what leads to it."""
    nodes = SqlNodes(stored)
    seen = bytearray()
    roots = [_ref(row) for row in stored.execute(select(t.roots))]
    waiting = [ref for ref in (newest, *roots) if ref.node_id]
    while waiting:
        some, waiting = waiting[-_CHUNK:], waiting[:-_CHUNK]
        try:
            found = nodes.get([ref.node_id for ref in some])
        except NodeDamaged as damaged:
            report.differs(t.nodes.name, damaged.node_id, "is missing or damaged")
            return
        for ref, node in zip(some, found, strict=True):
            if _ref_of(node) != ref:
                report.differs(t.nodes.name, ref.node_id, "is not the node that leads to its root")
                return
            if _first_seen(seen, ref.node_id):
                report.count("usage_nodes", 1)
                if isinstance(node, Inner):
                    waiting += (node.left, node.right)


def _ref_of(node: Node) -> Ref:
    if isinstance(node, Inner):
        total = node.left.total + node.right.total
        hashed = inner_hash_of(node.bits, node.prefix, node.left, node.right)
        return Ref(node.node_id, total, hashed)
    size = node.register.size
    return Ref(node.node_id, size, leaf_hash_of(node.key, size, node.register_root))


def _first_seen(seen: bytearray, node_id: int) -> bool:
    """Mark an id in a map of bits, which grows with the largest."""
    place, bit = node_id >> 3, 1 << (node_id & 7)
    if place >= len(seen):
        seen.extend(bytes(place + 1 - len(seen)))
    first = not seen[place] & bit
    seen[place] |= bit
    return first
