"""The power is cut, between any two syncs: what was acknowledged is on the disk.

one run under strace ─► all its writes and syncs ─► disks as a cut at each place leaves them
    ─► audit as it stands ─► the ledger goes on ─► audit
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import delete

from ledger.store import usage_tables
from services.runtime.keys import key_paths, open_keys
from tests.faults.chaos import CHAOS, some
from tests.faults.checks import as_it_stands, audited, in_the_end, kept_roots, unharmed
from tests.faults.disk import Cut, Disk
from tests.faults.strace import Call, need_strace, record
from tests.faults.tally import Tally
from tests.faults.victim import GAVE_UP, Job, acknowledged_in
from tests.faults.workload import STEPS, go_on
from tests.faults.world import World
from tests.ledgers import Place, SqlitePlace

_CUTS = 6 if CHAOS else 1  # by chance, at each place
_TOLD = "told"


def acknowledgements(calls: list[Call]) -> Iterator[int]:
    """The place after each."""
    for number, call in enumerate(calls):
        if call.path.endswith(f"/{_TOLD}") and call.name == "write":
            yield number + 1


def places(calls: list[Call]) -> Iterator[int]:
    """Before each sync, when most is unsynced; after each acknowledgement; and in the end."""
    syncs = {number for number, call in enumerate(calls) if call.name == "sync"}
    yield from sorted({*syncs, *acknowledgements(calls), len(calls)})


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("checkpoint_pages", [1_000, 5])
def test_power_cut_loses_nothing_acknowledged(
    tmp_path: Path, checkpoint_pages: int, tally: Tally
) -> None:
    """Whatever of the unsynced writes is on the disk, all that was acknowledged is, once, under
    the keys it was signed with; what is built on it comes back from it."""
    need_strace()
    expected = unharmed(SqlitePlace(_made(tmp_path / "unharmed")))
    data = _made(tmp_path / "data")
    job = Job(str(data), str(data / _TOLD), keys=True, checkpoint_pages=checkpoint_pages)
    calls = record(["tests.faults.victim", job.text()], folder=data, trace=tmp_path / "trace")
    cuts = [
        (place, how, seed)
        for place in places(calls)
        for how, seeds in ((Cut.NOTHING, 1), (Cut.SOME, _CUTS), (Cut.ALL, 1))
        for seed in range(seeds)
    ]
    assert len(cuts) > 150
    tried = some(cuts, 12, shift=0.9 if checkpoint_pages > 100 else 0.3)
    if checkpoint_pages > 100:  # and at every acknowledgement, when all that is not synced is lost
        told = set(acknowledgements(calls))
        bare = [cut for cut in cuts if cut[0] in told and cut[1] is Cut.NOTHING]
        tried = [cut for cut in cuts if cut in {*tried, *bare}]
    keys = [path.read_bytes() for path in key_paths(data, "main")]
    disk, done = Disk(data), 0
    for number, (place, how, seed) in enumerate(tried):
        for call in calls[done:place]:
            disk.do(call)
        done = place
        found = _made(tmp_path / f"cut-{number}")
        disk.cut(how, Random(f"{place} {how} {seed}"), found)
        became = start_again(found, disk.content(_TOLD).decode(), expected, keys)
        tally("power cut", f"sqlite, {how.value}", became)


def start_again(data: Path, told: str, expected: list[str], keys: list[bytes]) -> str:
    """After the cut; what became of the step that was under way."""
    acknowledged = acknowledged_in(told)
    if acknowledged:
        assert keys == [path.read_bytes() for path in key_paths(data, "main")]
    place = SqlitePlace(data)
    became = as_it_stands(place.open(), place.engine(), acknowledged, expected)
    world = World(place.open(), place.engine(), 1, acknowledged)
    go_on(world)
    in_the_end(world)
    place.close()
    return became


def test_root_that_a_power_cut_took_is_kept_anew(place: Place) -> None:
    """The log commits to a root, and the views have lost that they keep it, as SQLite's may: the
    next batch keeps it before it goes beyond it."""
    place.forget()
    world = World(place.open(), place.engine(), 0, {})
    for step in STEPS[: [step.name for step in STEPS].index("a root") + 1]:
        world.acknowledged[step.name] = step.do(world)
    kept = kept_roots(world.engine)
    with world.engine.begin() as connection:
        connection.execute(delete(usage_tables.roots))

    after = World(place.open(), place.engine(), 1, world.acknowledged)
    after.report(50, 51)
    after.fold(100)

    assert kept == kept_roots(after.engine)
    audited(after.store, after.engine)


def test_power_cut_leaves_the_keys(tmp_path: Path, tally: Tally) -> None:
    """Once a ledger's keys are handed out, no power cut takes them, or the folder they lie in;
    before that, the next start makes what is missing."""
    need_strace()
    data = _made(tmp_path / "data")
    job = Job(str(data), str(data / _TOLD), keys=True, tries=0)
    calls = record(
        ["tests.faults.victim", job.text()],
        folder=data,
        trace=tmp_path / "trace",
        status=GAVE_UP,
    )
    keys = [path.read_bytes() for path in key_paths(data, "main")]
    disk = Disk(data)
    for number, call in enumerate(calls):
        disk.do(call)
        for how in Cut:
            found = _made(tmp_path / f"cut-{number}-{how.name}")
            disk.cut(how, Random(number), found)
            if number == len(calls) - 1:
                assert keys == [path.read_bytes() for path in key_paths(found, "main")]
            open_keys(found, "main", origin=None)
            tally("power cut", f"keys, {how.value}", "all there, or made")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
