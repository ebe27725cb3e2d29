"""The spool: in order, once, until done, whatever the disk or a crash does."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from services.client.errors import (
    SpoolDamaged,
    SpoolFailed,
    SpoolFull,
    SpoolInUse,
    SpoolOfAnotherLedger,
)
from services.client.settings import Settings
from services.client.spool import Place, Spool

PARENT = "ledgers/main"


@contextmanager
def spool(folder: Path, parent: str = PARENT, **settings: Any) -> Iterator[Spool]:
    opened = Spool(folder, parent, Settings(**settings))
    try:
        yield opened
    finally:
        opened.close()


def keep(to: Spool, *uses: bytes) -> None:
    cost = sum(map(to.cost_of, uses))
    to.reserve(cost)
    to.append(list(uses), reserved=cost, kept=lambda place: None)


def rest(of: Spool) -> list[tuple[Place, list[bytes]]]:
    """All that can be taken."""
    taken = []
    while some := of.take():
        taken += some
    return taken


def uses_in(of: Spool) -> list[bytes]:
    return [use for _, uses in rest(of) for use in uses]


def test_next_start_takes_what_is_not_done(tmp_path: Path) -> None:
    """In the order it was kept, over several files; what is done has left the disk."""
    with spool(tmp_path, segment_bytes=1) as first:
        for number in range(5):
            keep(first, b"%d" % number, b"%d again" % number)
        taken = rest(first)
        assert [b"0", b"0 again"] == taken[0][1]
        for place, _ in taken[:2]:
            first.done(place)
    with spool(tmp_path, segment_bytes=1) as second:
        keep(second, b"new")
        expected = [b"2", b"2 again", b"3", b"3 again", b"4", b"4 again", b"new"]
        taken = rest(second)
        assert expected == [use for _, uses in taken for use in uses]
        for place, _ in taken:
            second.done(place)
    assert ["lock"] == os.listdir(tmp_path)


def test_one_file_torn_at_every_byte(tmp_path: Path) -> None:
    """Whatever is left of the last record, those before it are taken, and the next is kept whole."""
    with spool(tmp_path / "whole") as whole:
        keep(whole, b"one", b"two")
        synced = whole.size_bytes
        keep(whole, b"three")
    [path] = (tmp_path / "whole").glob("*.spool")
    data = path.read_bytes()
    for kept in range(synced, len(data)):
        folder = tmp_path / str(kept)
        folder.mkdir()
        (folder / path.name).write_bytes(data[:kept])
        with spool(folder) as opened:
            keep(opened, b"four")
            assert [b"one", b"two", b"four"] == uses_in(opened)
        with spool(folder) as again:
            assert [b"one", b"two", b"four"] == uses_in(again)


def test_damage_is_told_and_kept(tmp_path: Path) -> None:
    """A changed byte before the last record refuses the spool, and changes nothing on disk."""
    with spool(tmp_path) as first:
        keep(first, b"one")
        keep(first, b"two")
    [path] = tmp_path.glob("*.spool")
    data = bytearray(path.read_bytes())
    data[60] ^= 1
    path.write_bytes(data)
    with pytest.raises(SpoolDamaged) as refused:
        Spool(tmp_path, PARENT, Settings())

    assert (path, 0) == (refused.value.path, refused.value.offset)
    assert bytes(data) == path.read_bytes()


def test_frames_are_sent_together(tmp_path: Path) -> None:
    """Small batches that waited make requests of the usual size."""
    with spool(tmp_path, batch_uses=4) as opened:
        for number in range(6):
            keep(opened, b"%d" % number)
        assert [4, 2, 0] == [sum(len(uses) for _, uses in opened.take()) for _ in range(3)]


def test_one_client_a_folder(tmp_path: Path) -> None:
    """A second one is refused while the first has it."""
    with spool(tmp_path), pytest.raises(SpoolInUse):
        Spool(tmp_path, PARENT, Settings())
    with spool(tmp_path):
        pass


def test_uses_stay_with_their_ledger(tmp_path: Path) -> None:
    """A spool that holds uses for one ledger is not sent to another."""
    with spool(tmp_path) as first:
        keep(first, b"one")
    with pytest.raises(SpoolOfAnotherLedger, match="ledgers/main, not for ledgers/other"):
        Spool(tmp_path, "ledgers/other", Settings())
    with spool(tmp_path) as again:
        assert [b"one"] == uses_in(again)


def test_full_spool_says_so(tmp_path: Path) -> None:
    """Room is promised before anything is taken; it comes back when uses are done."""
    with spool(tmp_path, spool_bytes=1_000, segment_bytes=1) as opened:
        keep(opened, b"x" * 500)
        with pytest.raises(SpoolFull):
            opened.reserve(opened.cost_of(b"x" * 500))
        [(place, _)] = rest(opened)
        keep(opened, b"y")
        opened.done(place)
        opened.reserve(opened.cost_of(b"x" * 500))


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """Folder and files are for their owner, whatever the umask: they hold names in the clear."""
    folder = tmp_path / "spool"
    before = os.umask(0)
    try:
        with spool(folder) as opened:
            keep(opened, b"one")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    finally:
        os.umask(before)

    assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
    assert {"lock": 0o600, "00000000000000000001.spool": 0o600} == modes


@pytest.mark.parametrize("fails", ["write", "fsync"])
def test_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """A record that could not be synced is not kept, and those before and after it are."""
    with spool(tmp_path) as opened:
        keep(opened, b"one")
        write = os.write

        def broken(file: int, *data: Any) -> int:
            if data:
                write(file, data[0][:20])
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, fails, broken)
            for _ in range(2):
                with pytest.raises(SpoolFailed, match="No space left"):
                    keep(opened, b"lost")
        keep(opened, b"two")
        assert [b"one", b"two"] == uses_in(opened)
    with spool(tmp_path) as again:
        assert [b"one", b"two"] == uses_in(again)


def test_idle_spool_is_emptied(tmp_path: Path) -> None:
    """What the ledger has leaves the disk while the client runs on; what it lacks stays."""
    with spool(tmp_path) as opened:
        keep(opened, b"one")
        opened.tidy()
        [(place, _)] = rest(opened)
        opened.done(place)
        opened.tidy()
        assert (0, ["lock"]) == (opened.size_bytes, os.listdir(tmp_path))
        keep(opened, b"two")
        assert [b"two"] == uses_in(opened)
