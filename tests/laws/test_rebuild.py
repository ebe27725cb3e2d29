"""Law 8: views can be dropped and rebuilt from the log to the same bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ledger.store.view_writer import ViewWriter
from tests.ledgers import Ledger, Place, view_rows
from tests.strategies import Operation, effort, operations


@effort(0.35)
@given(st.lists(operations, min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 9))
def test_views_are_the_same_in_whatever_batches_they_are_made(
    place: Place, told: list[list[Operation]], batch: int, other_batch: int
) -> None:
    """Rows depend on the entries alone: not on batches, on pauses, nor on being made anew."""
    store, engine = place.begin()
    ledger, writer = Ledger(store), ViewWriter(engine, store)
    for steps in told:
        ledger.tell(steps)
        writer.catch_up(batch=batch)
    followed = view_rows(engine)

    for size in (other_batch, 10_000):
        writer.drop()
        assert writer.catch_up(batch=size) == store.head().tree_size
        assert followed == view_rows(engine)
