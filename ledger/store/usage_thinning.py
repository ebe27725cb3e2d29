"""How are old roots of the usage index let go, and the nodes that only they needed?

    retention rule ──► root rows ──move──► unswept ──mark from the next kept root──► sweep

Two steps, so that a crash leaves nothing behind: a root is first moved to `unswept`, in one
transaction; it leaves that table when its nodes are gone. Nodes are looked for where they can
be, between the kept roots on both sides: a node born after the one before, and not reachable
from the one after, was needed by none but those that were let go, for what left the trie never
comes back. That holds for ever, so sweeping needs no lock, and two may sweep at once.

Each step is one small transaction or read; whoever runs the generators pauses between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, delete, func, select, update

from ledger.errors import CandourError
from ledger.limits import THIN_NODES, THIN_ROOTS
from ledger.store import usage_tables as t
from ledger.store.core import LedgerStore
from ledger.store.usage_nodes import NodeDamaged, SqlNodes
from ledger.store.usage_roots import insert_into
from ledger.store.view_writer import read_stored
from ledger.times import us_of_text
from ledger.usage_index import Inner
from ledger.usage_index.retention import CommittedRoot, horizon_us, roots_to_let_go


@dataclass(slots=True)
class Thinned:
    """What thinning has done so far, or would do.

    Members:
        kept: Roots that stay.
        let_go: Tree sizes of roots that go.
        nodes: Nodes deleted.
    """

    kept: int = 0
    let_go: list[int] = field(default_factory=list)
    nodes: int = 0


@dataclass(frozen=True, slots=True)
class _Gap:
    """The place of roots that were let go, between two that are kept.

    Members:
        before, after: Tree sizes of those; `before` is -1 where there is none.
        root_id: Of the root after.
        ids: Nodes that were born in between have ids within, ends excluded.
    """

    before: int
    after: int
    root_id: int
    ids: tuple[int, int]


class UsageThinning:
    """Thins the usage index of one ledger.

    Args:
        engine: Of view_tables.open_engine.
        store: Of the ledger: it says when each root was committed.
    """

    def __init__(self, engine: Engine, store: LedgerStore) -> None:
        self._engine, self._store = engine, store

    def roots(self) -> list[tuple[CommittedRoot, bool]]:
        """All committed roots by tree size, and whether each is cited."""
        columns, found = t.roots.c, list[tuple[CommittedRoot, bool]]()
        with self._engine.connect() as connection:
            cited = set(connection.execute(select(t.cited.c.tree_size)).scalars())
            rows = select(columns.tree_size, columns.leaf_index).order_by(columns.tree_size)
            servable = [(size, leaf) for size, leaf in connection.execute(rows) if leaf is not None]
        for at in range(0, len(servable), THIN_ROOTS):
            for root in self._dated(servable[at : at + THIN_ROOTS]):
                found.append((root, root.tree_size in cited))
        return found

    def plan(self, now_us: int) -> Thinned:
        """Which roots would be let go. Writes nothing."""
        with self._engine.connect() as connection:
            found = Thinned(let_go=self._old(connection, now_us))
            kept = connection.execute(select(func.count()).select_from(t.roots)).scalar_one()
        found.kept = kept - len(found.let_go)
        return found

    def run(self, now_us: int, done: Thinned | None = None) -> Iterator[Thinned]:
        """Let go of roots and sweep their nodes; it yields after each small step.

        Args:
            now_us: Microseconds from 1970.
            done: Counted up; a new one by default.
        """
        done = Thinned() if done is None else done
        wanted = self.plan(now_us)
        done.kept = wanted.kept
        for start in range(0, len(wanted.let_go), THIN_ROOTS):
            done.let_go += self._let_go(wanted.let_go[start : start + THIN_ROOTS])
            yield done
        while (gap := self._gap()) is not None:
            yield from self._sweep(gap, done)

    # --- roots --------------------------------------------------------------------
    def _old(self, connection: Connection, now_us: int) -> list[int]:
        """Tree sizes that the rule lets go, and older ones that were never committed."""
        columns, cited = t.roots.c, set(connection.execute(select(t.cited.c.tree_size)).scalars())
        rows = select(columns.tree_size, columns.leaf_index).order_by(columns.tree_size)
        found: list[CommittedRoot] = []
        uncommitted: list[int] = []
        waiting: list[tuple[int, int]] = []
        old = horizon_us(now_us)
        for tree_size, leaf_index in connection.execute(rows):
            if leaf_index is None:
                uncommitted.append(tree_size)
                continue
            waiting.append((tree_size, leaf_index))
            if len(waiting) == THIN_ROOTS:
                found += self._dated(waiting)
                waiting = []
                if found and found[-1].committed_us >= old:
                    break
        found += self._dated(waiting)
        let_go = roots_to_let_go(found, now_us=now_us, cited=cited)
        # One that was kept and not committed at once never will be: its process has ended.
        past = max((root.tree_size for root in found[:-1] if root.committed_us < old), default=-1)
        return sorted([*let_go, *(size for size in uncommitted if size < past)])

    def _dated(self, rows: Sequence[tuple[int, int]]) -> list[CommittedRoot]:
        """When these (tree size, leaf index) were committed, as their entries say."""
        times = {}
        for stored in self._store.entries_at([leaf_index for _, leaf_index in rows]):
            try:
                times[stored.leaf_index] = us_of_text(read_stored(stored)[0].recorded_at)
            except CandourError:
                continue  # damaged: `candour audit` says so; its root stays
        return [CommittedRoot(size, times[leaf]) for size, leaf in rows if leaf in times]

    def _let_go(self, tree_sizes: Sequence[int]) -> list[int]:
        """Move roots to `unswept`, but for those that have been cited meanwhile, or are newest."""
        columns = t.roots.c
        with self._engine.begin() as connection:
            some = columns.tree_size.in_(tree_sizes)
            # Locks the rows: whoever cites one does the same, and either comes first.
            connection.execute(update(t.roots).where(some).values(root_id=columns.root_id))
            cited = select(t.cited.c.tree_size).where(t.cited.c.tree_size.in_(tree_sizes))
            newest = select(func.max(columns.tree_size))
            stay = {*connection.execute(cited).scalars(), connection.execute(newest).scalar()}
            found = connection.execute(select(columns.tree_size, columns.root_id).where(some))
            rows = [row._asdict() for row in found if row.tree_size not in stay]
            going = sorted(row["tree_size"] for row in rows)
            if going:
                put = insert_into(connection, t.unswept).on_conflict_do_nothing()
                connection.execute(put, rows)
                connection.execute(delete(t.roots).where(columns.tree_size.in_(going)))
        return going

    # --- nodes --------------------------------------------------------------------
    def _gap(self) -> _Gap | None:
        """Where roots were let go and are not swept yet; None where all is done."""
        columns = t.roots.c
        with self._engine.connect() as connection:
            first = connection.execute(select(func.min(t.unswept.c.tree_size))).scalar()
            position = connection.execute(select(t.position)).first()
            if first is None or position is None:
                return None
            before = connection.execute(
                select(columns.tree_size, columns.root_id)
                .where(columns.tree_size < first)
                .order_by(columns.tree_size.desc())
                .limit(1)
            ).first()
            kept = select(columns.tree_size, columns.root_id).order_by(columns.tree_size).limit(1)
            after = connection.execute(kept.where(columns.tree_size > first)).first()
            if after is None:
                return None  # dropped just now, and nothing is kept anew yet
            # A later root of another id was made when `after` was kept: no older node has a higher id.
            later = kept.where(
                columns.tree_size > after.tree_size, columns.root_id != after.root_id
            )
            beyond = connection.execute(later).first()
        if beyond is None:
            newer = position.root_id != after.root_id
            last = position.root_id if newer else position.next_id
        else:
            last = beyond.root_id
        lowest = (-1, 0) if before is None else (before.tree_size, before.root_id)
        return _Gap(lowest[0], after.tree_size, after.root_id, (lowest[1], last))

    def _sweep(self, gap: _Gap, done: Thinned) -> Iterator[Thinned]:
        """Delete what was born in a gap, and is not needed after it."""
        first, last = gap.ids
        needed = bytearray((max(last - first, 0) >> 3) + 1)
        waiting = [gap.root_id] if gap.root_id > first else []
        while waiting:
            some, waiting = waiting[-THIN_NODES:], waiting[:-THIN_NODES]
            with self._engine.connect() as connection:
                try:
                    nodes = SqlNodes(connection).get(some)
                except NodeDamaged:
                    if self._is_kept(connection, gap):
                        raise
                    return  # let go meanwhile: another gap holds both; or the index was dropped
            for node in nodes:
                if node.born > gap.before:
                    place = node.node_id - first
                    needed[place >> 3] |= 1 << (place & 7)
                    if isinstance(node, Inner):
                        children = (node.left.node_id, node.right.node_id)
                        waiting += [child for child in children if child > first]
            yield done
        at = first
        while (found := self._born_in(gap, at)) is not None:
            at, born = found
            going = [n for n in born if not needed[(n - first) >> 3] >> ((n - first) & 7) & 1]
            if going:
                with self._engine.begin() as connection:
                    connection.execute(delete(t.nodes).where(t.nodes.c.node_id.in_(going)))
                done.nodes += len(going)
            yield done
        with self._engine.begin() as connection:
            columns = t.unswept.c
            swept = (
                columns.tree_size > gap.before,
                columns.tree_size < gap.after,
                columns.root_id < last,  # those of an index made anew meanwhile are not swept
            )
            connection.execute(delete(t.unswept).where(*swept))
        yield done

    def _is_kept(self, connection: Connection, gap: _Gap) -> bool:
        same = (t.roots.c.tree_size == gap.after, t.roots.c.root_id == gap.root_id)
        return connection.execute(select(t.roots.c.tree_size).where(*same)).first() is not None

    def _born_in(self, gap: _Gap, at: int) -> tuple[int, list[int]] | None:
        """The next nodes with ids beyond `at`: the last id, and those that were born in the gap."""
        columns = t.nodes.c
        wanted = (
            select(columns.node_id, columns.born)
            .where(columns.node_id > at, columns.node_id < gap.ids[1])
            .order_by(columns.node_id)
            .limit(THIN_NODES)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        if not rows:
            return None
        born = [row.node_id for row in rows if gap.before < row.born <= gap.after]
        return rows[-1].node_id, born
