"""A call on SQLite's files fails, or is the process's last: every write, sync, truncation, removal.

run under strace ─► call n fails (EIO, ENOSPC) ─► the step is refused, and taken again ─► audit
                 └► killed in call n           ─► another process goes on              ─► audit
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.chaos import some
from tests.faults.checks import as_it_stands, in_the_end, unharmed
from tests.faults.strace import counts, inject, need_strace, record
from tests.faults.tally import Tally
from tests.faults.victim import Job, acknowledged_in, refusals_in
from tests.faults.workload import STEPS, go_on
from tests.faults.world import World
from tests.ledgers import SqlitePlace

_PAGES = 5  # the write-ahead log moves into the file all the time
_WRITTEN = ("pwrite64", "fdatasync", "ftruncate", "unlink")
# What a disk may answer to each, and how many of its calls are tried in `make chaos`.
_ERRORS = {"pwrite64": ("EIO", "ENOSPC"), "fdatasync": ("EIO",), "ftruncate": ("EIO",)}
_TRIED = {"pwrite64": 40, "fdatasync": 1_000, "ftruncate": 20, "unlink": 20}


def victim(data: Path) -> list[str]:
    job = Job(str(data), str(data / "told"), checkpoint_pages=_PAGES)
    return ["tests.faults.victim", job.text()]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """How often an unharmed victim makes each call, wherever; the n-th is always the same one."""
    need_strace()
    folder = tmp_path_factory.mktemp("unharmed")
    trace = folder / "trace"
    data = folder / "data"
    data.mkdir()
    record(victim(data), folder=data, trace=trace)
    return counts(trace)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return unharmed(SqlitePlace(tmp_path_factory.mktemp("expected")))


def _numbers(call: str, calls: Counter[str], few: int = 2) -> list[int]:
    shift = 0.3 + 0.1 * _WRITTEN.index(call)
    return some(range(1, calls[call] + 1), few, chaos=_TRIED[call], shift=shift)


@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("call", list(_ERRORS))
def test_failed_call_is_refused_and_taken_again(
    call: str, calls: Counter[str], expected: list[str], tmp_path: Path, tally: Tally
) -> None:
    """Whichever call fails, callers are told that the store is not available, or nothing was lost
    by it; the same process goes on, and nothing of it is to be seen in the end."""
    for error in _ERRORS[call]:
        for nth in _numbers(call, calls, 3 if call == "fdatasync" else 2):
            data = tmp_path / f"{error}-{nth}"
            data.mkdir()
            fault = f"{call}:error={error}:when={nth}"
            status = inject(victim(data), fault, trace=tmp_path / "trace")
            said = (data / "told").read_text() if (data / "told").exists() else ""
            assert status == 0, (fault, said[-500:])
            acknowledged = acknowledged_in(said)
            assert len(acknowledged) == len(STEPS)
            place = SqlitePlace(data)
            as_it_stands(place.open(), place.engine(), acknowledged, expected)
            in_the_end(World(place.open(), place.engine(), 1, acknowledged))
            place.close()
            result = "refused, taken again" if refusals_in(said) else "nobody noticed"
            tally(f"{call} answers {error}", "sqlite", result)


@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("call", _WRITTEN)
def test_killed_in_a_call_on_its_files(
    call: str, calls: Counter[str], expected: list[str], tmp_path: Path, tally: Tally
) -> None:
    """In whichever call the process is killed: the next one finds all that was acknowledged."""
    for nth in _numbers(call, calls):
        data = tmp_path / str(nth)
        data.mkdir()
        fault = f"{call}:signal=KILL:when={nth}"
        status = inject(victim(data), fault, trace=tmp_path / "trace")
        assert status == -9, fault
        said = (data / "told").read_text() if (data / "told").exists() else ""
        acknowledged = acknowledged_in(said)
        place = SqlitePlace(data)
        became = as_it_stands(place.open(), place.engine(), acknowledged, expected)
        world = World(place.open(), place.engine(), 1, acknowledged)
        go_on(world)
        in_the_end(world)
        place.close()
        tally(f"killed in {call}", "sqlite", became)
