"""Are old roots let go without touching those that stay, and without leaving anything behind?"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, select

from ledger.canonical_json import encode
from ledger.limits import USAGE_KEEP_ALL_DAYS
from ledger.store import usage_tables as t
from ledger.store import usage_thinning
from ledger.store.usage_nodes import SqlNodes
from ledger.store.usage_reader import UsageReader
from ledger.store.usage_roots import KeptRoot
from ledger.store.usage_thinning import Thinned, UsageThinning
from ledger.times import DAY_US
from ledger.usage_index import EMPTY, Detail, Family, Ref, WholeQuestion, reachable
from ledger.usage_index.retention import CommittedRoot, roots_to_let_go
from tests.indexed import Index
from tests.ledgers import START_US, Ledger, Place
from tests.store.test_views import Stopped, stop_at
from tests.strategies import AGENCIES, Operation, effort, operations

# What happens between two commits, and how long it takes.
histories = st.lists(
    st.tuples(operations, st.sampled_from([0, DAY_US // 3, 2 * DAY_US, 20 * DAY_US])),
    min_size=2,
    max_size=6,
)
moments = st.sampled_from([0, USAGE_KEEP_ALL_DAYS + 1, USAGE_KEEP_ALL_DAYS + 25, 365])


class Thinning:
    """A ledger with many committed roots."""

    def __init__(self, place: Place) -> None:
        store, self.engine = place.begin()
        self.ledger = Ledger(store)
        self.index = Index(self.ledger, store, self.engine)
        self.thinning = UsageThinning(self.engine, store)
        self.roots: list[KeptRoot] = []
        self.committed_us: list[int] = []

    def live(self, history: list[tuple[list[Operation], int]], batch: int) -> None:
        for steps, pause_us in history:
            self.ledger.tell(steps)
            self.ledger._now_us += pause_us
            self.index.fold(batch)
            self.roots.append(self.index.commit())
            self.committed_us.append(self.ledger._now_us)

    def staying(self, now_us: int, cited: set[int]) -> list[KeptRoot]:
        """By the rule, spelt out."""
        days = [moment // DAY_US for moment in self.committed_us]
        return [
            root
            for place, root in enumerate(self.roots)
            if root is self.roots[-1]
            or root.tree_size in cited
            or self.committed_us[place] >= now_us - USAGE_KEEP_ALL_DAYS * DAY_US
            or days.index(days[place]) == place
        ]

    def thin(self, now_us: int) -> Thinned:
        done = Thinned()
        for _ in self.thinning.run(now_us, done):
            pass
        return done

    def proofs(self, roots: list[KeptRoot]) -> list[bytes]:
        """All that these roots can show of an agency, to a reader that remembers nothing."""
        reader = UsageReader(self.engine)
        asked = [WholeQuestion(family=family, first=AGENCIES[0]) for family in Family]
        return [
            encode(reader.prove(root, question, Detail.REGISTERS))
            for root in roots
            for question in asked
        ]


def needed(engine: Engine) -> set[int]:
    """Nodes that a kept root, or the position, needs."""
    with engine.connect() as connection:
        rows = [*connection.execute(select(t.roots)), *connection.execute(select(t.position))]
        refs = [Ref(row.root_id, row.total, row.root) for row in rows]
        return set(reachable(SqlNodes(connection), refs))


def there(engine: Engine) -> set[int]:
    with engine.connect() as connection:
        return set(connection.execute(select(t.nodes.c.node_id)).scalars())


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that even a small index takes many."""
    monkeypatch.setattr(usage_thinning, "THIN_NODES", 7)
    monkeypatch.setattr(usage_thinning, "THIN_ROOTS", 2)


@effort(0.3)
@given(histories, st.integers(2, 40), moments, st.sets(st.integers(0, 5)))
def test_what_stays_proves_the_same_and_nothing_else_stays(
    place: Place, history: list[tuple[list[Operation], int]], batch: int, days: int, cite: set[int]
) -> None:
    """Every root that the rule keeps gives the same bytes as before; every node is needed by one
    of them or by the position; and the index grows on as if nothing had been let go."""
    on = Thinning(place)
    on.live(history, batch)
    cited = {root.tree_size for number, root in enumerate(on.roots) if number in cite}
    assert all(on.index.roots.cite(size) for size in cited)
    now_us = on.ledger._now_us + days * DAY_US
    staying = on.staying(now_us, cited)
    before = on.proofs(staying)
    on.ledger.tell(history[0][0])
    on.index.fold(batch)  # the position is ahead of the last root, or not
    planned = on.thinning.plan(now_us)

    done = on.thin(now_us)

    assert {root.tree_size for root in on.roots} - {root.tree_size for root in staying} == set(
        done.let_go
    )
    assert (planned.let_go, planned.kept) == (done.let_go, done.kept)
    assert before == on.proofs(staying)
    assert needed(on.engine) == there(on.engine)
    assert Thinned(kept=done.kept) == on.thin(now_us), "a second time there is nothing to do"
    on.live(history[:1], batch)
    assert before == on.proofs(staying)
    assert needed(on.engine) == there(on.engine)


@effort(0.3)
@given(histories, st.integers(2, 40), st.lists(st.integers(0, 30), min_size=1, max_size=3))
def test_killed_anywhere_it_is_finished_later(
    place: Place, history: list[tuple[list[Operation], int]], batch: int, stops: list[int]
) -> None:
    """What stays is whole at any moment, and the next run leaves nothing behind."""
    on = Thinning(place)
    on.live(history, batch)
    now_us = on.ledger._now_us + 365 * DAY_US
    staying = on.staying(now_us, set())
    before = on.proofs(staying)
    for statement in stops:
        stopper = stop_at(on.engine, statement)
        with suppress(Stopped):
            try:
                on.thin(now_us)
            finally:
                event.remove(on.engine, "before_cursor_execute", stopper)
        assert before == on.proofs(staying)
    on.thin(now_us)
    assert before == on.proofs(staying)
    assert needed(on.engine) == there(on.engine)


@effort(0.2)
@given(histories, st.integers(2, 40), st.integers(0, 12))
def test_index_made_anew_is_left_alone_by_a_sweep_under_way(
    place: Place, history: list[tuple[list[Operation], int]], batch: int, steps: int
) -> None:
    """Dropped and made anew while another process sweeps: no node of the new index is lost."""
    on = Thinning(place)
    on.live(history, batch)
    now_us = on.ledger._now_us + 365 * DAY_US
    staying = on.staying(now_us, set())
    before = on.proofs(staying)
    sweeping = on.thinning.run(now_us)
    for _ in range(steps):
        next(sweeping, None)
    on.index.writer.drop()
    on.index.fold(batch)
    for _ in sweeping:
        pass
    anew = [on.index.roots.servable(root.tree_size) for root in staying]
    assert before == on.proofs([root for root in anew if root is not None])
    on.thin(now_us)
    assert needed(on.engine) == there(on.engine)


def test_cited_root_is_kept_whoever_comes_first(place: Place) -> None:
    """Cited before it is let go, it stays, made anew or not; afterwards nobody can cite it."""
    on = Thinning(place)
    on.live([([], 0), ([], 60_000_000), ([], 60_000_000), ([], 0)], 10)
    _, second, third, _ = on.roots
    now_us = on.ledger._now_us + 365 * DAY_US
    planned = on.thinning.plan(now_us)
    assert [second.tree_size, third.tree_size] == planned.let_go

    assert on.index.roots.cite(third.tree_size)  # after it was planned
    assert [second.tree_size] == on.thinning._let_go(planned.let_go)
    assert not on.index.roots.cite(second.tree_size)
    on.index.writer = type(on.index.writer)(on.engine, on.ledger.store, clock_us=lambda: now_us)
    on.index.writer.drop()
    on.index.fold()
    kept = on.index.roots.servable(third.tree_size)
    assert kept is not None
    assert kept.cited
    assert third == kept
    gone = on.index.roots.servable(second.tree_size)
    assert gone == on.roots[0]
    assert third == on.index.roots.servable_after(second.tree_size)


@given(
    st.lists(st.integers(0, 40 * 24), min_size=1, max_size=30).map(sorted),
    st.sets(st.integers(0, 30)),
    st.lists(st.integers(30 * 24, 90 * 24), min_size=2, max_size=4).map(sorted),
)
def test_rule_gives_the_same_whenever_it_is_applied(
    hours: list[int], cited: set[int], moments: list[int]
) -> None:
    """Thinned now and then, or once in the end: the same roots stay."""
    hour_us = DAY_US // 24
    every = [
        CommittedRoot(size, START_US + hour * hour_us) for size, hour in enumerate(hours, start=1)
    ]
    often = list(every)
    for moment in moments:
        going = roots_to_let_go(often, now_us=START_US + moment * hour_us, cited=cited)
        often = [root for root in often if root.tree_size not in going]
    going = roots_to_let_go(every, now_us=START_US + moments[-1] * hour_us, cited=cited)

    assert often == [root for root in every if root.tree_size not in going]
    assert all(a < b for a, b in pairwise(often))
    assert often[-1] == every[-1]


def test_empty_index_has_nothing_to_let_go(place: Place) -> None:
    """Neither roots nor nodes; not a step is taken."""
    on = Thinning(place)

    assert Thinned() == on.thin(START_US)
    with on.engine.connect() as connection:
        assert [] == list(reachable(SqlNodes(connection), [EMPTY]))
