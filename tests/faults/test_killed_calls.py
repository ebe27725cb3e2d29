"""The process is killed at any one call to its database: before it got there, or after.

for every n: run in a process of its own ─► gone at call n ─► audit as it stands
    ─► another process goes on ─► audit
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.calls import KILLED
from tests.faults.chaos import some
from tests.faults.checks import as_it_stands, in_the_end, unharmed
from tests.faults.commits import Fault
from tests.faults.killing import victims
from tests.faults.tally import Tally
from tests.faults.test_lost_calls import calls_of, kind_of
from tests.faults.victim import Job, acknowledged_in
from tests.faults.workload import go_on
from tests.faults.world import World
from tests.ledgers import Place, PostgresPlace, SqlitePlace


def where(place: Place) -> str:
    """As a job names it."""
    if isinstance(place, PostgresPlace):
        return place.url
    assert isinstance(place, SqlitePlace)
    return str(place.path.parent)


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("when", Fault)
def test_killed_process_loses_nothing_acknowledged(
    place: Place, when: Fault, tmp_path: Path, tally: Tally
) -> None:
    """At whichever call the process ends, the next one finds what was acknowledged, and whole
    steps of the rest; it goes on, and the ledger is in the end as if nothing had happened."""
    expected = unharmed(place)
    calls, told = calls_of(place), tmp_path / "told"
    with victims() as waiting:
        few, many = (12, None) if isinstance(place, SqlitePlace) else (4, 60)
        for nth in some(range(calls), few, chaos=many, shift=0.3 if when is Fault.AFTER else 0.7):
            place.forget()
            assert KILLED == waiting.run(Job(where(place), str(told), nth, when.value))
            acknowledged = acknowledged_in(told.read_text())
            became = as_it_stands(place.open(), place.engine(), acknowledged, expected)
            world = World(place.open(), place.engine(), 1, acknowledged)
            go_on(world)
            in_the_end(world)
            tally(f"process killed, {when.value} a call", kind_of(place), became)
