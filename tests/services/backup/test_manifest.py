"""Is a manifest read back as it was written, and nothing else taken for one?"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from services.backup.manifest import (
    NAME,
    BackupDamaged,
    BackupFile,
    Manifest,
    newest_backup,
    read_manifest,
    write_manifest,
)

MANIFEST = Manifest(
    ledger="main",
    origin="o/main",
    vkey="k",
    schema="1",
    store="sqlite",
    tree_size=3,
    root="ab" * 32,
    checkpoint=None,
    counts={"entries": 3},
    left_out=("keys",),
    files={"log/log.db": BackupFile("cd" * 32, 7)},
    made_at="2026-11-24T11:42:39Z",
    release="0.1.0",
)


def test_manifest_round_trip(tmp_path: Path) -> None:
    """Written and read, it is the same; nobody else may read the file."""
    write_manifest(tmp_path, MANIFEST)
    assert MANIFEST == read_manifest(tmp_path)
    assert 0o600 == (tmp_path / NAME).stat().st_mode & 0o777


@pytest.mark.parametrize(
    "change",
    [
        {"format": "candour-backup/2"},
        {"files": {"../keys/main.secret": {"sha256": "cd" * 32, "bytes": 7}}},
        {"files": {"log/log.db": {"sha256": "", "bytes": 7}}},
        {"ledger": "../main"},
        {"root": "ab"},
        {"tree_size": "3"},
        {"made_at": "yesterday"},
        {"more": 1},
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    """Another format, a file outside the folder, a hash or time that is none, an unknown member."""
    write_manifest(tmp_path, MANIFEST)
    found = {**json.loads((tmp_path / NAME).read_text()), **change}
    (tmp_path / NAME).write_text(json.dumps(found))
    with pytest.raises(BackupDamaged):
        read_manifest(tmp_path)


def test_newest_backup_is_the_last_whole_one(tmp_path: Path) -> None:
    """Of this ledger: drafts, broken ones and those of another ledger do not count."""
    made = {
        "old": MANIFEST,
        "new": replace(MANIFEST, made_at="2026-11-24T12:00:00.5Z"),
        "of-another": replace(MANIFEST, origin="o/court", made_at="2026-11-25T12:00:00Z"),
        ".draft.partial": replace(MANIFEST, made_at="2026-11-26T12:00:00Z"),
    }
    for name, manifest in made.items():
        (tmp_path / name).mkdir()
        write_manifest(tmp_path / name, manifest)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / NAME).write_text("{")

    assert (tmp_path / "new", made["new"]) == newest_backup(tmp_path, "o/main")
    assert newest_backup(tmp_path, "o/none") is None
