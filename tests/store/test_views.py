"""Is each entry folded once, whoever folds, wherever they are stopped, whatever it holds?"""

from __future__ import annotations

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from ledger.store.core import NewEntry, StoredEntry
from ledger.store.view_batch import Batch
from ledger.store.view_writer import ViewWriter, unread_count
from tests.ledgers import Ledger, Place, numbered, view_rows
from tests.strategies import Operation, effort, operations


class Stopped(Exception):
    """The process ended here."""


def stop_at(engine: Engine, statement: int) -> Any:
    """Let this many statements pass, then stop; returns what to remove again."""
    passed = iter(range(statement))

    def before(*_: Any) -> None:
        if next(passed, None) is None:
            raise Stopped

    event.listen(engine, "before_cursor_execute", before)
    return before


@effort(0.3)
@given(operations, st.integers(1, 4), st.lists(st.integers(0, 30), min_size=1, max_size=4))
def test_projector_that_was_killed_resumes(
    place: Place, steps: list[Operation], batch: int, stops: list[int]
) -> None:
    """Wherever a projector ends, the next one goes on from whole batches, to the same rows."""
    store, engine = place.begin()
    Ledger(store).tell(steps)
    for statement in stops:
        before = stop_at(engine, statement)
        try:
            ViewWriter(engine, store).catch_up(batch=batch)
        except Stopped:
            pass
        finally:
            event.remove(engine, "before_cursor_execute", before)
        writer = ViewWriter(engine, store)
        assert writer.position() % batch == 0 or writer.position() == store.head().tree_size
    writer.catch_up(batch=batch)
    resumed = view_rows(engine)

    writer.drop()
    writer.catch_up(batch=10_000)
    assert view_rows(engine) == resumed


@effort(0.25)
@given(st.lists(st.tuples(operations, st.integers(0, 1)), min_size=2, max_size=4))
def test_projectors_take_turns(place: Place, told: list[tuple[list[Operation], int]]) -> None:
    """Two projectors of one ledger, now one, now the other, make the rows that one makes."""
    store, engine = place.begin()
    ledger = Ledger(store)
    writers = [ViewWriter(engine, store), ViewWriter(engine, store)]
    for steps, which in told:
        ledger.tell(steps)
        writers[which].catch_up(batch=4)
    in_turns = view_rows(engine)

    writers[0].drop()
    writers[0].catch_up(batch=10_000)
    assert view_rows(engine) == in_turns


def test_projectors_at_once_fold_each_entry_once(place: Place) -> None:
    """Two projectors racing over a growing log make the rows that one makes after it."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ended = threading.Event()

    def follow() -> None:
        writer = ViewWriter(place.engine(), place.open())
        while not ended.is_set():
            writer.catch_up(batch=3)
        writer.catch_up(batch=3)

    with ThreadPoolExecutor(2) as pool:
        followers = [pool.submit(follow) for _ in range(2)]
        for number in range(40):
            ledger.report(*(numbered(5 * number + n) for n in range(5)))
        ended.set()
        for follower in followers:
            follower.result()
    raced = view_rows(engine)

    writer = ViewWriter(engine, store)
    assert store.head().tree_size == writer.position() == 202
    writer.drop()
    writer.catch_up(batch=10_000)
    assert view_rows(engine) == raced


@effort(0.3)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.booleans())
@example([b"[" * 60_000], False)
@example([b"{}", b"[]", b"1", b'{"v":2}', b'"\\ud800"'], True)
def test_entry_of_any_bytes_never_stops_the_projector(
    place: Place, entries: list[bytes], of_a_use: bool
) -> None:
    """What cannot be folded is counted, by its leaf index, and the rest goes on."""
    store, engine = place.begin()
    kind = "tool_use/x" if of_a_use else "statement/x"
    topic = "tool_use.same_as.v1"
    store.append(
        [NewEntry.of(kind, version, topic, data) for version, data in enumerate(entries, 1)]
    )
    assert len(entries) == ViewWriter(engine, store).catch_up(batch=2)
    with engine.connect() as connection:
        for size in range(len(entries) + 1):
            assert size == unread_count(connection, size)


def test_a_batch_makes_no_circles(place: Place) -> None:
    """What was folded is let go at once: the projector looks for circles once a minute only."""
    store, engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    ledger.report(*(numbered(number) for number in range(60)))
    writer = ViewWriter(engine, store)
    writer.catch_up(batch=10, stop=20)  # what is made once, and kept, is made here
    gc.collect()
    gc.disable()
    try:
        writer.catch_up(batch=10)
        left = [found for found in gc.get_objects() if isinstance(found, Batch | StoredEntry)]
    finally:
        gc.enable()
    assert [] == left
