"""Do the exported files make up the log, whenever one looks, and never another's?"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import VerificationFailed
from ledger.store.core import LedgerStore
from ledger.store.sqlite import SqliteStore
from ledger.store.tile_export import Exported, ExportRefused, TileMismatch, export_tiles
from ledger.tlog import Signer, VerifierKey
from tests.ledgers import ORIGIN, SIGNER, Place
from tests.published_logs import append_up_to, ask, check_whole_log, files, publish

VKEY = SIGNER.verifier_key
OTHER = Signer(ORIGIN, b"\1" * 32)


def export(store: LedgerStore, out: Path, *, vkey: VerifierKey = VKEY, **named: Any) -> Exported:
    return export_tiles(store, out, vkey=vkey, **named)


def grown(store: LedgerStore, size: int, *, story: str = "", signer: Signer = SIGNER) -> bytes:
    append_up_to(store, size, story=story)
    return publish(store, signer)


def verified_size(out: Path) -> int:
    """How many leaves the files hold for certain."""
    note = (out / "checkpoint").read_bytes()
    return check_whole_log(lambda path: (out / path).read_bytes(), note=note, vkey=VKEY)


def contents(out: Path) -> dict[str, bytes]:
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in out.rglob("*")
        if file.is_file()
    }


def new_store(folder: Path) -> SqliteStore:
    folder.mkdir()
    return SqliteStore(folder / "main.db")


def test_exported_log_verifies_at_any_file_server(place: Place, tmp_path: Path) -> None:
    """Nothing but the files is needed: a checkpoint, its key, and tiles down to the entries."""
    store, _ = place.begin()
    note = grown(store, 600)
    told: list[tuple[int, int]] = []
    done = export(store, tmp_path / "log", told=lambda *how_far: told.append(how_far))

    def read(path: str) -> bytes:
        answer = ask(address, f"/{path}")
        assert 200 == answer.status, path
        return answer.body

    assert Exported(tree_size=600, written=7, kept=0, collected=0) == done
    assert [(256, 600), (512, 600), (600, 600)] == told
    with files(tmp_path / "log") as address:
        assert 600 == check_whole_log(read, note=read("checkpoint"), vkey=VKEY)
        assert (note, f"{VKEY.format()}\n".encode()) == (read("checkpoint"), read("vkey"))
        assert 404 == ask(address, "/tile/0/003").status


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512])
def test_any_size_is_exported(tmp_path: Path, size: int) -> None:
    """An empty log is a checkpoint alone."""
    store = new_store(tmp_path / "data")
    grown(store, size)
    export(store, tmp_path / "log")
    store.close()

    assert size == verified_size(tmp_path / "log")
    assert (size > 0) == (tmp_path / "log" / "tile").exists()


def test_what_is_new_is_written_and_what_is_full_collected(place: Place, tmp_path: Path) -> None:
    """A full tile is written once; a partial one stays until the full one is there."""
    store, out = place.begin()[0], tmp_path / "log"
    for size in (300, 310):
        grown(store, size)
        export(store, out)
    before = {path: (out / path).stat() for path in contents(out) if path != "checkpoint"}
    assert {"tile/0/001.p/44", "tile/0/001.p/54", "tile/1/000.p/1"} < set(before)
    assert 2 == (out / "checkpoint").read_bytes().count(b"\n") - 3  # blank and signature

    grown(store, 520)
    done = export(store, out)
    gone = {path for path in before if not (out / path).exists()}
    assert (4, gone) == (done.collected, {path for path in before if path.startswith(_GONE)})
    for path in before.keys() - gone:
        after = (out / path).stat()
        assert (before[path].st_ino, before[path].st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert 520 == verified_size(out)
    assert {"tile/1/000.p/1", "tile/1/000.p/2"} < set(contents(out))
    assert not any(path.name.startswith(".") for path in out.rglob("*"))

    again = export(store, out)
    assert (0, 7, 0) == (again.written, again.kept, again.collected)


_GONE = ("tile/0/001.p/", "tile/entries/001.p/")


@pytest.mark.parametrize("allowed", range(6))  # of the files: five tiles, and the checkpoint
def test_export_that_breaks_off_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    """Wherever it breaks off, what the old checkpoint speaks of is there, and the rest follows."""
    store, out = new_store(tmp_path / "data"), tmp_path / "log"
    grown(store, 300)
    export(store, out)
    grown(store, 520)
    replace, left = Path.replace, iter(range(allowed))

    def broken(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", broken)
        with pytest.raises(OSError, match="No space"):
            export(store, out)
    assert 300 == verified_size(out)

    done = export(store, out)
    store.close()
    assert (520, 5 - allowed, 2 + allowed) == (verified_size(out), done.written, done.kept)


def test_entries_can_be_left_out_and_added(tmp_path: Path) -> None:
    """A copy of hashes alone proves what it is asked; the bundles may come later."""
    store, out = new_store(tmp_path / "data"), tmp_path / "log"
    grown(store, 600)
    assert 4 == export(store, out, entries=False).written
    assert not (out / "tile" / "entries").exists()
    done = export(store, out)
    store.close()

    assert (3, 4) == (done.written, done.kept)
    assert 600 == verified_size(out)


def test_directory_of_another_log_is_left_alone(tmp_path: Path) -> None:
    """Of another key, of another history, or ahead of us: refused, and nothing is changed."""
    store, out = new_store(tmp_path / "data"), tmp_path / "log"
    grown(store, 300)
    export(store, out)
    before = contents(out)

    cases = [
        ("another ledger", 400, "", OTHER),
        ("another history", 400, "other", SIGNER),
        ("another history", 300, "other", SIGNER),
        ("restored from a backup", 299, "", SIGNER),
    ]
    for number, (reason, size, story, signer) in enumerate(cases):
        other = new_store(tmp_path / f"other{number}")
        grown(other, size, story=story, signer=signer)
        with pytest.raises(ExportRefused, match=reason):
            export(other, out, vkey=signer.verifier_key)
        other.close()
        assert before == contents(out)
    (out / "vkey").unlink()
    with pytest.raises(ExportRefused, match="no vkey"):
        export(store, out)
    store.close()


def test_two_exports_do_not_write_at_once(tmp_path: Path) -> None:
    """The second is refused: it might put an older checkpoint over a newer one."""
    store, out = new_store(tmp_path / "data"), tmp_path / "log"
    grown(store, 3)
    out.mkdir()
    held = os.open(out, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(ExportRefused, match="another export"):
        export(store, out)
    os.close(held)

    export(store, out)
    store.close()
    assert 3 == verified_size(out)


def test_nothing_unpublished_or_unsigned_is_exported(tmp_path: Path) -> None:
    """No checkpoint, or one that its key did not sign: no directory either."""
    store, out = new_store(tmp_path / "data"), tmp_path / "log"
    append_up_to(store, 3)
    with pytest.raises(ExportRefused, match="nothing is published"):
        export(store, out)
    publish(store, OTHER)
    with pytest.raises(VerificationFailed):
        export(store, out)
    store.close()

    assert not out.exists()


_HASH = (
    "UPDATE tile_hashes SET hashes = CAST(X'00' || substr(hashes, 2) AS BLOB)"
    " WHERE level = ? AND tile = ?"
)


@pytest.mark.parametrize(
    ("damage", "values", "named"),
    [
        (_HASH, (0, 0), "tile/0/000"),
        (_HASH, (0, 2), "the tree"),
        (_HASH, (1, 0), "the tree"),
        ("DELETE FROM tile_hashes WHERE level = ? AND tile = ?", (0, 1), "tile/0/001"),
        ("UPDATE entries SET entry = X'00' WHERE leaf_index = ?", (7,), "tile/entries/000"),
        ("DELETE FROM entries WHERE leaf_index = ?", (599,), "tile/entries/002.p/88"),
    ],
)
def test_damaged_log_is_not_exported(
    tmp_path: Path, damage: str, values: tuple[int, ...], named: str
) -> None:
    """What does not lead to the checkpoint is named, and there is no checkpoint then."""
    store, out = new_store(tmp_path / "data"), tmp_path / "log"
    grown(store, 600)
    store._writer.execute(damage, values)
    with pytest.raises(TileMismatch, match=named):
        export(store, out)
    store.close()

    assert not (out / "checkpoint").exists()
