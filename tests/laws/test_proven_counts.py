"""Does the index, kept by batches in a database, count what the entries say?"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from ledger.errors import CandourError
from ledger.merkle import leaf_hash
from ledger.projections.answers import answer
from ledger.projections.questions import Question
from ledger.store.core import LedgerStore
from ledger.store.usage_fold import performer_of
from ledger.store.view_writer import read_stored
from ledger.usage_index import (
    EMPTY,
    Commitment,
    CountQuestion,
    Days,
    Family,
    MemoryNodes,
    UsageFold,
    WholeQuestion,
    insert,
    verify_count,
    verify_total,
)
from ledger.usage_index.keys import text_of_day
from tests.indexed import Index
from tests.ledgers import Ledger, Place, fold_of
from tests.store.test_views import Stopped, stop_at
from tests.strategies import (
    AGENCIES,
    DAY,
    TECHNOLOGIES,
    Operation,
    effort,
    operations,
)

TODAY = DAY // 86_400_000_000


def begin(place: Place) -> Index:
    store, engine = place.begin()
    return Index(Ledger(store), store, engine)


def made_anew(store: LedgerStore, size: int) -> Commitment:
    """The index over the first entries, by the pure fold and a trie in memory, in one batch."""
    fold, registers = UsageFold(), dict[bytes, list[bytes]]()
    for stored in store.read_entries(0, size, with_disclosures=True):
        try:
            entry, fact = read_stored(stored)
            keys = fold.add(
                entry.stream,
                fact,
                performer_of(stored),
                names_performer="performer" in entry.protected,
            )
        except CandourError:
            continue
        for key in keys:
            registers.setdefault(key, []).append(leaf_hash(stored.entry))
    root = insert(MemoryNodes(), EMPTY, registers, tree_size=size, kept=-1)
    return Commitment(tree_size=size, root=root.hash, total=root.total)


@effort(0.3)
@given(st.lists(operations, min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 9))
def test_root_follows_from_the_entries_alone(
    place: Place, told: list[list[Operation]], batch: int, other_batch: int
) -> None:
    """In whatever batches, with commits in between, made anew or not: the same roots, all of
    them servable for ever."""
    index = begin(place)
    kept = []
    for steps in told:
        index.ledger.tell(steps)
        index.fold(batch)
        kept.append(index.commit())
        assert made_anew(index.store, kept[-1].tree_size) == kept[-1].commitment
    for drop in (False, True):
        if drop:
            index.writer.drop()
            index.views.drop()
        index.fold(other_batch)
        for root in kept:
            found = index.roots.servable(root.tree_size)
            assert found is not None
            assert (root.commitment, root.leaf_index) == (found.commitment, found.leaf_index)
            whole = WholeQuestion(family=Family.AGENCY, first=AGENCIES[0])
            verify_total(index.reader.prove(found, whole), whole, root.commitment)


@effort(0.3)
@given(st.lists(operations, min_size=1, max_size=3), st.integers(1, 9))
def test_proven_count_is_the_answer(place: Place, told: list[list[Operation]], batch: int) -> None:
    """Withdrawn, told twice, imports taken back, links, entries that cannot be read: over all
    names of a technology, the proven counts of a day add up to the answer's certain count."""
    index = begin(place)
    for steps in told:
        index.ledger.tell(steps)
        index.fold(batch)
        root = index.commit()
        size = root.tree_size
        fold, _unread = fold_of(index.store.read_entries(0, size, with_disclosures=True))
        for agency in AGENCIES:
            for technology in TECHNOLOGIES:
                for day in (TODAY - 1, TODAY, TODAY + 1):
                    proven = sum(
                        count_of(index, root, agency, name, day)
                        for name in fold.aliases.group(technology)
                    )
                    text = text_of_day(day)
                    asked = Question.ask(
                        f'agency = "{agency}" AND technology = "{technology}"'
                        f' AND occurred >= "{text}" AND occurred <= "{text}"',
                        size,
                    )
                    assert answer(asked, fold)["count"] == proven


def count_of(index: Index, root: Any, agency: str, technology: str, day: int) -> int:
    question = CountQuestion(
        family=Family.AGENCY_TECHNOLOGY,
        first=agency,
        second=technology,
        ranges=(Days(day, day),),
    )
    (found,) = verify_count(index.reader.prove(root, question), question, root.commitment)
    return found.count


@effort(0.3)
@given(st.lists(operations, min_size=1, max_size=2), st.integers(1, 5), st.integers(0, 25))
def test_killed_in_the_middle_goes_on_from_whole_batches(
    place: Place, told: list[list[Operation]], batch: int, statement: int
) -> None:
    """Wherever it is stopped, the next one reaches the root that follows from the entries."""
    index = begin(place)
    for steps in told:
        index.ledger.tell(steps)
        views = index.views.catch_up(batch=batch)
        engine = index.writer.engine
        before = stop_at(engine, statement)
        try:
            index.writer.catch_up(views, batch=batch)
        except Stopped:
            pass
        finally:
            event.remove(engine, "before_cursor_execute", before)
    size = index.fold(batch)
    assert made_anew(index.store, size) == index.commit().commitment
