"""The projector is killed at every step of what it does, and hints are lost: views are the same.

a ledger's log ─► projector ─► killed before or after call n, of folds, commits, thinning
    ─► another projector ─► rows byte for byte as made anew; committed roots made anew
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.calls import KILLED
from tests.faults.chaos import some
from tests.faults.checks import audited, in_the_end, kept_roots
from tests.faults.commits import Fault
from tests.faults.killing import Victims, victims
from tests.faults.servers.callers import until
from tests.faults.strace import ROOT
from tests.faults.tally import Tally
from tests.faults.test_killed_calls import where
from tests.faults.test_lost_calls import kind_of
from tests.faults.victim import Job, calls_in
from tests.faults.workload import ENTRIES, go_on
from tests.faults.world import World
from tests.ledgers import Place, PostgresPlace, SqlitePlace, view_rows

_OFTEN = 150  # calls; a batch takes fewer
_MOST = 20  # kills, until there is nothing left to do


@pytest.fixture
def world(place: Place) -> World:
    """A ledger whose log is whole and whose views are gone."""
    place.forget()
    made = World(place.open(), place.engine(), 0, {})
    go_on(made)
    made.views.drop()
    return made


def projected(waiting: Victims, world: World, told: Path, at: str) -> tuple[bytes, object, int]:
    """View rows, roots and the count of calls, of a projector that nobody disturbed."""
    assert 0 == waiting.run(Job(at, str(told), projects=True))
    audited(world.store, world.engine)
    return view_rows(world.engine), kept_roots(world.engine), calls_in(told.read_text())


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("when", Fault)
def test_killed_projector_leaves_whole_batches(
    place: Place, world: World, when: Fault, tmp_path: Path, tally: Tally
) -> None:
    """Wherever it ends, views and index are those of some first entries; the next projector comes
    to the same rows and roots, byte for byte, and lets go of the same old roots."""
    told, at = tmp_path / "told", where(place)
    with victims() as waiting:
        rows, roots, calls = projected(waiting, world, told, at)
        assert calls > 80
        few, many = (6, None) if isinstance(place, SqlitePlace) else (3, 60)
        for nth in some(range(calls), few, chaos=many, shift=0.3 if when is Fault.AFTER else 0.7):
            world.views.drop()
            assert KILLED == waiting.run(Job(at, str(told), nth, when.value, projects=True))
            audited(world.store, world.engine)
            assert 0 == waiting.run(Job(at, str(told), projects=True))
            assert rows == view_rows(world.engine)
            assert roots == kept_roots(world.engine)
            tally(
                f"projector killed, {when.value} a call", kind_of(place), "the same rows and roots"
            )
    in_the_end(world)


@pytest.mark.timeout(300)
def test_projector_that_is_killed_again_and_again_gets_there(
    place: Place, world: World, tmp_path: Path, tally: Tally
) -> None:
    """Each one does a batch at least, so that the work comes to its end."""
    told, at = tmp_path / "told", where(place)
    with victims() as waiting:
        rows, roots, _ = projected(waiting, world, told, at)
        world.views.drop()
        kills = 0
        while kills < _MOST:
            status = waiting.run(Job(at, str(told), _OFTEN, projects=True))
            if status == 0:
                break
            assert status == KILLED
            kills += 1
            audited(world.store, world.engine)
    assert 1 < kills < _MOST
    assert rows == view_rows(world.engine)
    assert roots == kept_roots(world.engine)
    tally(f"projector killed at every call {_OFTEN}", kind_of(place), "got there")


@contextmanager
def projector_without_hints(at: str) -> Iterator[None]:
    """The real process, to which nobody says that there is anything new."""
    postgres = at.startswith("postgresql")
    options = ["--data", "." if postgres else at, "--ledger", "main"]
    process = subprocess.Popen(
        [sys.executable, "-m", "services.projector", *options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        env={**os.environ, "CANDOUR_DATABASE_URL": at if postgres else ""},
    )
    with process:
        yield
        assert process.poll() is None
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def test_lost_hints_cost_a_poll(place: Place, world: World, tally: Tally) -> None:
    """Not one hint arrives, by pipe or NOTIFY: views and index follow the log all the same."""
    with projector_without_hints(where(place)):
        until(lambda: world.views.position() == ENTRIES, "views without a hint")
        world.report(*range(100, 140))
        until(lambda: world.views.position() == ENTRIES + 40, "views of what came later")
        until(lambda: world.index.position() == ENTRIES + 40, "the usage index too")
    audited(world.store, world.engine)
    if isinstance(place, PostgresPlace):
        tally("NOTIFY lost", "postgres", "found by polling")
    tally("hint to the projector lost", kind_of(place), "found by polling")
