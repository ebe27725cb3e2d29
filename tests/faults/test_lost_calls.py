"""The database is lost at any one call: before it got there, or after, once or until it is mended.

for every n: run ─► lost at call n ─► audit as it stands ─► the same process goes on ─► audit
"""

from __future__ import annotations

import gc
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ledger.store.core import StoreUnavailable
from tests.faults.calls import Breaker, How, broken
from tests.faults.chaos import some
from tests.faults.checks import UNAVAILABLE, as_it_stands, in_the_end, unharmed
from tests.faults.commits import Fault
from tests.faults.tally import Tally
from tests.faults.workload import go_on
from tests.faults.world import Acknowledged, World
from tests.ledgers import Place, SqlitePlace

_TRIES = 4  # to open the ledger, and to take the step that was under way


@pytest.fixture(autouse=True)
def tracebacks_go() -> Iterator[None]:
    """The suite keeps what is logged, and a traceback in it the cursors of its frames."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def kind_of(place: Place) -> str:
    """As the table calls it."""
    return "sqlite" if isinstance(place, SqlitePlace) else "postgres"


def calls_of(place: Place) -> int:
    """How many calls the whole workload makes, from opening the ledger on."""
    place.forget()
    with broken(Breaker()) as breaker:
        go_on(World(place.open(), place.engine(), 0, {}))
    return breaker.calls


def run(place: Place, breaker: Breaker, expected: list[str]) -> str:
    """One run in which one call is lost; what became of the step that it was in."""
    place.forget()
    acknowledged: Acknowledged = {}
    world: World | None = None
    became = "nobody noticed"  # as where a connection is tried before it is used
    with broken(breaker):
        for attempt in range(_TRIES):
            # A cursor in a cycle of tracebacks keeps a closed connection's lock (sqlite3_close_v2)
            # until the collector comes by, as it does by itself where a server goes on working.
            gc.collect()
            try:
                if world is None:
                    world = World(place.open(), place.engine(), attempt, acknowledged)
                go_on(world)
                break
            except UNAVAILABLE:
                breaker.mend()
                became = as_it_stands(place.open(), place.engine(), acknowledged, expected)
        assert world is not None
        in_the_end(world)
    return became


@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("how", [How.ONCE, How.FOR_GOOD])
@pytest.mark.parametrize("when", Fault)
def test_lost_call_loses_nothing_acknowledged(
    place: Place, when: Fault, how: How, tally: Tally
) -> None:
    """Whichever call is lost: what was acknowledged is there, what was not is there at most once,
    the process goes on by itself, and in the end the ledger is as if nothing had happened."""
    expected = unharmed(place)
    calls = calls_of(place)
    assert calls > 100
    few, many = (10, None) if isinstance(place, SqlitePlace) else (3, 60)
    shift = 0.1 + 0.2 * (list(Fault).index(when) + 2 * list(How).index(how))
    for nth in some(range(calls), few, chaos=many, shift=shift):
        breaker = Breaker(nth, when, how)
        became = run(place, breaker, expected)
        assert breaker.broke
        tally(f"call {how.value}, {when.value} it is made", kind_of(place), became)


def test_failed_rollback_is_told_by_what_failed_first(tmp_path: Path) -> None:
    """A disk that fails a write, and then the rollback: callers hear STORE_UNAVAILABLE, the lock on
    the file goes with the connection, and the next transaction has another."""
    place = SqlitePlace(tmp_path)
    with broken(Breaker()) as counting:
        store = place.open()
        store.claim({"name": "value"})
    calls = counting.calls
    place.forget()
    with broken(Breaker(calls - 1, Fault.BEFORE, How.FOR_GOOD)) as breaker:
        store = place.open()
        with pytest.raises(StoreUnavailable):
            store.claim({"name": "value"})
        breaker.mend()
        with closing(sqlite3.connect(place.path)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        assert {"name": "value"} == store.claim({"name": "value"})
    place.close()
