"""Is a witness's one file private, its own, and never two things at once?"""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.errors import Malformed
from ledger.tlog import COSIGNATURE_TYPE, Cosigner
from services.witness.database import MemoryRefused
from services.witness.memory import FILE_NAME, ClockWentBack, Cosigned, Memory
from tests.services.witness.harness import NOW
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import ORIGIN

HONEST = MemoryLog(9)
FORK = MemoryLog(9, forked_at=2)


def swap(memory: Memory, old: Cosigned, log: MemoryLog, size: int, now: int = NOW) -> bool:
    new = memory.swap(old, log.checkpoint(size), note=log.note(size), clock=lambda: now)
    return new is not None


def test_first_start_makes_a_private_file_and_a_key(tmp_path: Path) -> None:
    """For its owner alone, whatever the umask; the files that SQLite makes beside it too."""
    before = os.umask(0)
    try:
        memory = Memory(tmp_path / "deep" / "data")
        memory.know([ORIGIN])
    finally:
        os.umask(before)

    files = list((tmp_path / "deep" / "data").iterdir())
    assert tmp_path / "deep" / "data" / FILE_NAME in files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert memory.cosigner.verifier_key.key_type == COSIGNATURE_TYPE
    memory.close()


def test_key_and_name_stay(tmp_path: Path) -> None:
    """Given, left out, or made up after the key; another name is refused."""
    for name in ("w.example/1", None):
        data = tmp_path / str(name).replace("/", "-")
        first = Memory(data, name)
        key = first.cosigner.verifier_key
        first.close()
        assert name in (None, key.name)
        for again in (None, key.name):
            memory = Memory(data, again)
            assert key == memory.cosigner.verifier_key
            memory.close()
        with pytest.raises(MemoryRefused, match="a new name needs a new key"):
            Memory(data, "other.example")
    assert key.name.startswith("candour.local/witness/")


def test_two_witnesses_have_two_keys(tmp_path: Path) -> None:
    """A key is made, not derived."""
    memories = [Memory(tmp_path / str(n), "w.example") for n in range(2)]
    one, two = (memory.cosigner.verifier_key for memory in memories)

    assert one != two
    for memory in memories:
        memory.close()


def test_bad_name_leaves_nothing_behind(tmp_path: Path) -> None:
    """The next start may choose a better one."""
    with pytest.raises(Malformed):
        Memory(tmp_path, "two words")
    memory = Memory(tmp_path, "w.example")
    assert memory.cosigner.verifier_key.name == "w.example"
    memory.close()


def test_readable_by_others_is_refused(tmp_path: Path) -> None:
    """Before the key is read."""
    Memory(tmp_path).close()
    (tmp_path / FILE_NAME).chmod(0o640)

    with pytest.raises(MemoryRefused, match="chmod 600"):
        Memory(tmp_path)


def test_what_is_no_witness_is_refused(tmp_path: Path) -> None:
    """Garbage, and a file of a version to come."""
    path = tmp_path / FILE_NAME
    path.write_bytes(b"no database, by far" * 100)
    path.chmod(0o600)
    with pytest.raises(MemoryRefused, match="not a database"):
        Memory(tmp_path)
    path.unlink()
    Memory(tmp_path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(MemoryRefused, match="version 2"):
        Memory(tmp_path)


def test_commits_are_synced(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: what is cosigned survives a power cut."""
    memory = Memory(tmp_path)
    pragmas = [
        memory._db.execute(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous")
    ]

    assert pragmas == ["wal", 2]
    memory.close()


def test_only_what_was_there_is_swapped(tmp_path: Path) -> None:
    """Two opened from one file: the second is told that it came late, and changes nothing."""
    one, two = Memory(tmp_path), Memory(tmp_path)
    one.know([ORIGIN])
    nothing = two.last(ORIGIN)
    assert nothing == Cosigned()

    assert swap(one, nothing, HONEST, 5)
    assert not swap(two, nothing, FORK, 5)
    five = two.last(ORIGIN)
    assert (five.tree_size, five.root, five.cosigned_at) == (5, HONEST.root(5), NOW)
    two.know([ORIGIN])
    assert five == one.last(ORIGIN)
    assert swap(two, five, HONEST, 9)
    assert not swap(one, five, HONEST, 7)
    assert one.last(ORIGIN).tree_size == 9
    one.close()
    two.close()


def test_swap_takes_no_time_from_before(tmp_path: Path) -> None:
    """The last cosignature's second may come again, an earlier one may not."""
    memory = Memory(tmp_path)
    memory.know([ORIGIN])
    assert swap(memory, Cosigned(), HONEST, 5)
    with pytest.raises(ClockWentBack) as back:
        swap(memory, memory.last(ORIGIN), HONEST, 9, NOW - 1)

    assert (back.value.now, back.value.cosigned_at) == (NOW - 1, NOW)
    assert memory.last(ORIGIN).tree_size == 5
    assert swap(memory, memory.last(ORIGIN), HONEST, 9, NOW)
    memory.close()


def test_many_first_starts_make_one_key(tmp_path: Path) -> None:
    """Whoever comes first; all others find it."""

    def start(n: int) -> Cosigner:
        memory = Memory(tmp_path)
        memory.close()
        return memory.cosigner

    with ThreadPoolExecutor(8) as pool:
        keys = {cosigner.verifier_key for cosigner in pool.map(start, range(16))}
    assert len(keys) == 1
