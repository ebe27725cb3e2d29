"""Do clients that we did not write accept our log, and refuse a changed copy of it?

    ledger ──grow──► size ──► gateway, export ──► sumdb (Go's checksum database), fsck (Tessera)

Both judge what `candour serve` serves and what `candour export tiles` writes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from ledger.store.sqlite import SqliteStore
from ledger.store.tile_export import export_tiles
from ledger.tlog import decode_bundle, encode_bundle
from services.runtime.hosting import Hosted, open_ledger
from services.runtime.settings import Settings
from tests.golang import Judges
from tests.published_logs import Gateway, append_up_to, grow, publish

pytestmark = pytest.mark.timeout(900)  # the first test builds the judges

SIZES: Final = (1, 255, 256, 257, 65_536 + 300, 65_536 + 300 + 1_000)
COPIED: Final = 600  # entries of the log that is changed: full tiles, partial ones, two levels


@dataclass
class Growing:
    """A ledger that only grows, served and exported."""

    hosted: Hosted
    gateway: Gateway
    folder: Path
    notes: list[Path] = field(default_factory=list)

    @property
    def exported(self) -> Path:
        return self.folder / "log"

    @property
    def vkey(self) -> Path:
        return self.exported / "vkey"

    def grow_to(self, size: int) -> None:
        """Grow, publish, export, and keep the checkpoint."""
        note = grow(self.hosted, size)
        self.notes.append(self.folder / f"checkpoint.{size}")
        self.notes[-1].write_bytes(note)
        vkey = self.hosted.keys.checkpoint.verifier_key
        export_tiles(self.hosted.store, self.exported, vkey=vkey)


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growing]:
    folder = tmp_path_factory.mktemp("growing")
    hosted = open_ledger(Settings(data=folder / "data"))
    try:
        with Gateway(hosted) as gateway:
            yield Growing(hosted, gateway, folder)
    finally:
        hosted.close()


@pytest.mark.parametrize("size", SIZES)
def test_judges_accept_the_log(judges: Judges, growing: Growing, size: int) -> None:
    """At every size, over HTTP and as files; and it only adds to every checkpoint before."""
    growing.grow_to(size)
    stride = 1 if size < 1_000 else 101

    for log in (growing.gateway.url(growing.hosted), growing.exported):
        fsck = judges.by_fsck(log, growing.vkey)
        sumdb = judges.by_sumdb(log, growing.vkey, *growing.notes, stride=stride)
        assert fsck.accepted, fsck.said
        assert sumdb.accepted, sumdb.said
        assert f"size {size}," in sumdb.said


# --- changed copies -------------------------------------------------------------------------
@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Growing:
    """An exported log, to be copied and changed."""
    folder = tmp_path_factory.mktemp("genuine")
    hosted = open_ledger(Settings(data=folder / "data"))
    growing = Growing(hosted, Gateway(), folder)
    for size in (300, COPIED):
        growing.grow_to(size)
    hosted.close()
    return growing


@dataclass
class Copy:
    """A copy of the log in somebody's hands."""

    folder: Path

    def change(self, path: str, how: Callable[[bytes], bytes]) -> None:
        file = self.folder / path
        data = file.read_bytes()
        file.write_bytes(how(data))
        assert file.read_bytes() != data

    def entries(self, path: str, width: int, how: Callable[[list[bytes]], list[bytes]]) -> None:
        self.change(path, lambda data: encode_bundle(how(decode_bundle(data, width=width))))


def flipped(at: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


BUNDLE, LAST_BUNDLE = "tile/entries/001", "tile/entries/002.p/88"
CHANGES: Final[dict[str, Callable[[Copy], None]]] = {
    "an entry is changed": lambda copy: copy.change(BUNDLE, flipped(5)),
    "an entry is dropped": lambda copy: copy.entries(BUNDLE, 256, lambda rows: rows[1:]),
    "an entry is put in": lambda copy: copy.entries(LAST_BUNDLE, 88, lambda rows: [b"x", *rows]),
    "two entries change places": lambda copy: copy.entries(
        LAST_BUNDLE, 88, lambda rows: [rows[1], rows[0], *rows[2:]]
    ),
    "an entry stands twice": lambda copy: copy.entries(
        LAST_BUNDLE, 88, lambda rows: [rows[0], rows[0], *rows[2:]]
    ),
    "a bundle is cut": lambda copy: copy.change(LAST_BUNDLE, lambda data: data[:-1]),
    "a bundle is gone": lambda copy: (copy.folder / BUNDLE).unlink(),
    "a leaf hash is changed": lambda copy: copy.change("tile/0/000", flipped(1_000)),
    "a leaf hash at the edge is changed": lambda copy: copy.change("tile/0/002.p/88", flipped(0)),
    "a hash above is changed": lambda copy: copy.change("tile/1/000.p/2", flipped(40)),
    "a tile is cut": lambda copy: copy.change("tile/0/001", lambda data: data[:-32]),
    "a tile is gone": lambda copy: (copy.folder / "tile/0/001").unlink(),
    "the root is changed": lambda copy: copy.change(
        "checkpoint", lambda data: data.replace(data.split(b"\n")[2], b"A" * 43 + b"=")
    ),
    "the size is changed": lambda copy: copy.change(
        "checkpoint", lambda data: data.replace(b"\n600\n", b"\n599\n")
    ),
    "the signature is changed": lambda copy: copy.change("checkpoint", flipped(-20)),
    "the origin is changed": lambda copy: copy.change("checkpoint", flipped(3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_judges_refuse_a_changed_copy(
    judges: Judges, genuine: Growing, tmp_path: Path, change: str
) -> None:
    """Both of them, whatever was changed."""
    copy = Copy(tmp_path / "log")
    shutil.copytree(genuine.exported, copy.folder)
    CHANGES[change](copy)

    assert not judges.by_fsck(copy.folder, genuine.vkey).accepted
    sumdb = judges.by_sumdb(copy.folder, genuine.vkey, *genuine.notes)
    assert (False, "refused: ") == (sumdb.accepted, sumdb.said[:9])


def other_history(growing: Growing, folder: Path, size: int) -> Path:
    """A log of other entries under the same key: what its operator could sign."""
    folder.mkdir()
    store = SqliteStore(folder / "main.db")
    signer = growing.hosted.keys.checkpoint
    append_up_to(store, size, story="other")
    publish(store, signer)
    export_tiles(store, folder / "log", vkey=signer.verifier_key)
    store.close()
    return folder / "log"


def test_judges_refuse_another_history(judges: Judges, genuine: Growing, tmp_path: Path) -> None:
    """Entries and all hashes above them changed alike do not lead to the signed root; and a
    second history, though signed, does not add to the checkpoint that somebody kept."""
    other = other_history(genuine, tmp_path / "other", COPIED)
    rewritten = tmp_path / "rewritten"
    shutil.copytree(other, rewritten)
    shutil.copy(genuine.exported / "checkpoint", rewritten / "checkpoint")

    assert not judges.by_fsck(rewritten, genuine.vkey).accepted
    assert not judges.by_sumdb(rewritten, genuine.vkey).accepted
    assert judges.by_fsck(other, genuine.vkey).accepted  # alone it looks like any log
    assert judges.by_sumdb(other, genuine.vkey).accepted
    for note in genuine.notes:
        assert not judges.by_sumdb(other, genuine.vkey, note).accepted


def test_judges_accept_the_copy(judges: Judges, genuine: Growing) -> None:
    """Unchanged, that is: or what is above would say nothing."""
    assert judges.by_fsck(genuine.exported, genuine.vkey).accepted
    assert judges.by_sumdb(genuine.exported, genuine.vkey, *genuine.notes).accepted


def test_judges_refuse_another_key(judges: Judges, genuine: Growing, tmp_path: Path) -> None:
    """A log is its key's alone."""
    vkey = tmp_path / "vkey"
    vkey.write_text(open_ledger_key(tmp_path / "data"))

    assert not judges.by_fsck(genuine.exported, vkey).accepted
    assert not judges.by_sumdb(genuine.exported, vkey).accepted


def open_ledger_key(data: Path) -> str:
    hosted = open_ledger(Settings(data=data))
    hosted.close()
    return hosted.keys.checkpoint.verifier_key.format()
