"""Does an audit over tiles see what no other sees: tiles above, files, servers, its own state?"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from ledger.audit.slices import SliceAudit
from ledger.audit.state import StateRefused
from ledger.errors import CandourError, Malformed
from ledger.tlog import (
    Checkpoint,
    Cosigner,
    Signer,
    add_signatures,
    claimed_checkpoint,
    parse_trust_policy,
    sign_checkpoint,
)
from services.audit import tiles, workers
from services.audit.sources import Folder, Server, Source, SourceFailed, source_of
from services.audit.tiles import TileAudit
from tests.audit.copies import KEY, SIZE, as_tiles, copy_of, honest
from tests.audit.logs import entry, write_tiles
from tests.published_logs import files

TWO_SLICES: Final = 65_536 + 300


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_tiles(copy_of(honest()), tmp_path_factory.mktemp("genuine") / "log")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    write_tiles(folder, [entry(number) for number in range(TWO_SLICES)])
    return folder


def flipped(at: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = path.read_bytes()
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])

    return change


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BUNDLE, LAST_BUNDLE = "tile/entries/001", "tile/entries/002.p/88"
# Which file, what is done to it, which check fails, and where it points.
CHANGES: Final[list[tuple[str, Callable[[Path], None], str, int | str | None]]] = [
    (BUNDLE, flipped(0), "entries", 256),  # a length
    (BUNDLE, flipped(500), "leaf hashes", 256),
    (BUNDLE, cut, "entries", 256),
    (BUNDLE, longer, "entries", 256),
    (BUNDLE, Path.unlink, "entries", 256),
    (BUNDLE, a_folder, "entries", 256),
    (LAST_BUNDLE, longer, "entries", 512),
    (LAST_BUNDLE, flipped(500), "leaf hashes", 512),
    ("tile/0/000", flipped(33), "leaf hashes", 1),
    ("tile/0/001", cut, "leaf hashes", 256),
    ("tile/0/001", Path.unlink, "leaf hashes", 256),
    ("tile/0/002.p/88", flipped(0), "leaf hashes", 512),
    ("tile/0/002.p/88", longer, "leaf hashes", 512),
    ("tile/0/002.p/88", Path.unlink, "leaf hashes", 512),
    ("tile/1/000.p/2", flipped(40), "tiles", "1/0"),
    ("tile/1/000.p/2", longer, "tiles", "1/0"),
    ("tile/1/000.p/2", Path.unlink, "tiles", "1/0"),
    ("checkpoint", flipped(-20), "checkpoint", None),
    ("checkpoint", flipped(3), "checkpoint", None),
    ("checkpoint", cut, "checkpoint", None),
]


@pytest.mark.parametrize(("path", "change", "check", "where"), CHANGES)
def test_every_changed_file_is_named(
    genuine: Path,
    tmp_path: Path,
    path: str,
    change: Callable[[Path], None],
    check: str,
    where: int | str | None,
) -> None:
    """Over files and over HTTP, by the same sentence."""
    copy = tmp_path / "log"
    shutil.copytree(genuine, copy)
    change(copy / path)
    report = TileAudit(Folder(copy), KEY).run()

    assert check in [item.name for item in report.checks if item.outcome == "differs"]
    assert where in [item.where for item in report.findings]
    if change is not a_folder:  # Python's server lists a folder where a file should be
        with files(copy) as address:
            assert (
                report.to_object() == TileAudit(Server(f"http://{address}"), KEY).run().to_object()
            )


def test_tiles_of_all_levels_are_compared(large: Path, tmp_path: Path) -> None:
    """One that stands above two full levels, and one of 256 hashes."""
    for path, where in (("tile/2/000.p/1", "2/0"), ("tile/1/000", "1/0"), ("tile/0/255", 65_280)):
        copy = tmp_path / "log"
        shutil.copytree(large, copy)
        flipped(5)(copy / path)

        assert [where] == [item.where for item in TileAudit(Folder(copy), KEY).run().findings]
        shutil.rmtree(copy)


def test_processes_find_what_one_finds(large: Path) -> None:
    """However many they are."""
    alone = TileAudit(Folder(large), KEY, workers=1).run()

    assert alone.good
    assert alone.to_object() == TileAudit(Folder(large), KEY, workers=2).run().to_object()


def test_partial_tiles_may_be_gone_once_full_ones_are_there(tmp_path: Path) -> None:
    """A log that has grown meanwhile still shows the tree that was signed before."""
    folder = as_tiles(copy_of(honest(300)), tmp_path / "log")
    note = (folder / "checkpoint").read_bytes()
    shutil.copytree(as_tiles(copy_of(honest()), tmp_path / "new"), folder, dirs_exist_ok=True)
    (folder / "checkpoint").write_bytes(note)
    for path in ("tile/entries/001.p", "tile/0/001.p"):
        shutil.rmtree(folder / path)
    report = TileAudit(Folder(folder), KEY).run()

    assert (300, []) == (report.tree_size, report.findings)


# --- whom to believe --------------------------------------------------------------------------
def policy(lines: str) -> bytes:
    return f"log {KEY.format()}\n{lines}".encode()


def test_quorum_of_the_trust_file_is_demanded(genuine: Path, tmp_path: Path) -> None:
    """A checkpoint that too few witnesses saw is refused, and one that they saw names them."""
    copy = tmp_path / "log"
    shutil.copytree(genuine, copy)
    witness = Cosigner("watch.example", bytes([7]) * 32)
    vkey = witness.verifier_key.format()
    trust = parse_trust_policy(policy(f"witness court {vkey}\nquorum court\n"))
    report = TileAudit(Folder(copy), trust).run()
    assert ["checkpoint"] == [item.name for item in report.checks if item.outcome == "differs"]

    note = (copy / "checkpoint").read_bytes()
    line = witness.cosign(claimed_checkpoint(note), cosigned_at=1_700_000_000)
    (copy / "checkpoint").write_bytes(add_signatures(note, [line]))
    report = TileAudit(Folder(copy), trust).run()
    assert report.good
    assert "cosigned by court" in report.checks[0].detail


def test_older_checkpoint_of_another_log_is_no_question(genuine: Path) -> None:
    """It says nothing of this one, so the audit does not run."""
    other = Signer("other/main", bytes([5]) * 32)
    for note in (sign_checkpoint(Checkpoint("other/main", 1, bytes(32)), other), b"no note"):
        with pytest.raises(CandourError):
            TileAudit(Folder(genuine), KEY, note).run()


# --- servers ------------------------------------------------------------------------------------
def test_source_names_what_it_reads() -> None:
    """A URL, a file: URL with escapes, or a path; nothing else."""
    assert Server("http://127.0.0.1:1/ledgers/main") == source_of(
        "http://127.0.0.1:1/ledgers/main/"
    )
    assert Folder(Path("/a b")) == source_of("file:///a%20b") == source_of("/a b")
    for text in ("ftp://example/x", "file://elsewhere/x"):
        with pytest.raises(Malformed):
            source_of(text)


def test_where_no_log_is_nothing_is_said_of_one(tmp_path: Path) -> None:
    """Neither yes nor no."""
    with pytest.raises(SourceFailed, match="is this a log's prefix"):
        TileAudit(Folder(tmp_path), KEY).run()


def test_log_that_shows_no_entries_is_not_accused(genuine: Path, tmp_path: Path) -> None:
    """It cannot be audited, and that is all; one that has lost some of them is another thing."""
    copy = tmp_path / "log"
    shutil.copytree(genuine, copy)
    (copy / "tile/entries/000").unlink()
    assert [0] == [item.where for item in TileAudit(Folder(copy), KEY).run().findings]

    shutil.rmtree(copy / "tile/entries")
    with pytest.raises(SourceFailed, match="hashes and no entries"):
        TileAudit(Folder(copy), KEY).run()


# --- going on -----------------------------------------------------------------------------------
class Broken(Exception):
    """The audit is killed."""


def broken_off(source: Source, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audit one slice of two, and end."""
    audited = workers.audit_one

    def first_only(*arguments: object) -> SliceAudit:
        if arguments[1].index:  # type: ignore[attr-defined]
            raise Broken
        return audited(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(workers, "audit_one", first_only)
        with pytest.raises(Broken):
            TileAudit(source, KEY, state=state).run()


def test_audit_goes_on_where_it_ended(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done is not done again, and the report is that of an audit in one go."""
    state = tmp_path / "state"
    broken_off(Folder(large), state, monkeypatch)
    seen: list[int] = []
    audited = workers.audit_one

    def noted(*arguments: object) -> SliceAudit:
        seen.append(arguments[1].index)  # type: ignore[attr-defined]
        return audited(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(workers, "audit_one", noted)
    report = TileAudit(Folder(large), KEY, state=state).run()
    assert [1] == seen
    assert TileAudit(Folder(large), KEY).run().to_object() == report.to_object()

    seen.clear()
    again = TileAudit(Folder(large), KEY, state=state).run()
    assert ([], report.to_object()) == (seen, again.to_object())


def test_differences_are_kept_in_the_state(
    large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first part found, the whole report says; a commitment, too, is judged once."""
    copy, state = tmp_path / "log", tmp_path / "state"
    shutil.copytree(large, copy)
    flipped(500)(copy / "tile/entries/001")
    broken_off(Folder(copy), state, monkeypatch)
    reports = [TileAudit(Folder(copy), KEY, state=some).run() for some in (state, state, None)]

    assert 256 in [item.where for item in reports[0].findings]
    assert reports[0].to_object() == reports[1].to_object() == reports[2].to_object()


def test_usage_index_is_not_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What became of it is kept as well."""
    said = {"index": "usage-index/1", "tree_size": 2, "root": "00" * 32, "total": 12}
    commits = entry(
        3, event=said, topic="usage_index.committed.v1", stream="usage_index/main", protected={}
    )
    write_tiles(tmp_path / "log", [entry(0), entry(1), entry(2), commits])
    state = tmp_path / "state"
    first = TileAudit(Folder(tmp_path / "log"), KEY, state=state).run()
    monkeypatch.setattr(tiles, "UsageAudit", None)
    second = TileAudit(Folder(tmp_path / "log"), KEY, state=state).run()

    assert [3] == [item.where for item in first.findings]
    assert first.to_object() == second.to_object()


def test_state_of_a_tree_that_grew_goes_on_with_it(tmp_path: Path) -> None:
    """The tree that it began with is audited, and what came in since is said to be left out."""
    folder, state = tmp_path / "log", tmp_path / "state"
    as_tiles(copy_of(honest(256)), folder)
    TileAudit(Folder(folder), KEY, state=state).run()
    shutil.rmtree(folder)
    as_tiles(copy_of(honest(512)), folder)
    report = TileAudit(Folder(folder), KEY, state=state).run()

    assert (256, []) == (report.tree_size, report.findings)
    assert any("256 to 511" in item for item in report.not_checked)


@pytest.mark.parametrize(
    "how",
    [
        lambda: copy_of([entry(number + 1) for number in range(SIZE)]),
        lambda: copy_of([entry(number + 1) for number in range(SIZE + 100)]),
        lambda: copy_of(honest(300)),
        lambda: replace(copy_of(honest()), note=_other_log()),
    ],
    ids=["another root", "another history", "shorter", "another log"],
)
def test_state_of_another_tree_is_refused(
    genuine: Path, tmp_path: Path, how: Callable[[], object]
) -> None:
    """It would vouch for what it has not seen."""
    state = tmp_path / "state"
    TileAudit(Folder(genuine), KEY, state=state).run()
    before = state.read_bytes()
    as_tiles(how(), tmp_path / "other")  # type: ignore[arg-type]
    with pytest.raises(StateRefused, match="state"):
        TileAudit(Folder(tmp_path / "other"), KEY, state=state).run()
    assert before == state.read_bytes()


def _other_log() -> bytes:
    signer = Signer("other/main", bytes([5]) * 32)
    return sign_checkpoint(Checkpoint("other/main", SIZE, bytes(32)), signer)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"format":"candour-audit-state/1"}', b"\xff"]
)
def test_file_that_is_no_state_is_refused(genuine: Path, tmp_path: Path, data: bytes) -> None:
    """And left as it is."""
    state = tmp_path / "state"
    state.write_bytes(data)
    with pytest.raises(StateRefused):
        TileAudit(Folder(genuine), KEY, state=state).run()
    assert data == state.read_bytes()


def test_nothing_is_left_behind(
    genuine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a state file, an audit leaves no file at all."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)

    assert TileAudit(Folder(genuine), KEY).run().good
    assert [] == list(tmp_path.iterdir())
