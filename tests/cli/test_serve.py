"""Do flags and environment of `candour serve` become its settings?"""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli import host
from services.cli.main import main
from services.runtime.settings import Settings


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that it would have served with."""
    found: list[Settings] = []

    def run(settings: Settings) -> int:
        found.append(settings)
        return 0

    monkeypatch.setattr(host, "run", run)
    return found


def test_entries_are_published_where_it_is_said(
    given: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a flag or by the environment; else they stay on this machine."""
    command = ["serve", "--data", str(tmp_path)]
    monkeypatch.delenv("CANDOUR_PUBLISH_ENTRIES", raising=False)
    main(command)
    main([*command, "--publish-entries"])
    for said in ("true", "1", "false"):
        monkeypatch.setenv("CANDOUR_PUBLISH_ENTRIES", said)
        main(command)

    assert [False, True, True, True, False] == [settings.publish_entries for settings in given]


def test_ledgers_are_named_by_flags_or_environment(
    given: list[Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several, one, or the default; the newer variable goes before the older one."""
    command = ["serve", "--data", str(tmp_path)]
    for name in ("CANDOUR_LEDGERS", "CANDOUR_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    main(command)
    main([*command, "--ledger", "a", "--ledger", "b"])
    monkeypatch.setenv("CANDOUR_LEDGER", "c")
    main(command)
    for said in ("d e", "d,e", "d, e"):
        monkeypatch.setenv("CANDOUR_LEDGERS", said)
        main(command)

    expected = [("main",), ("a", "b"), ("c",), ("d", "e"), ("d", "e"), ("d", "e")]
    assert expected == [settings.names for settings in given]
    assert 2 == main([*command, "--ledger", "directory"])


def test_directory_is_kept_where_it_makes_sense(given: list[Settings], tmp_path: Path) -> None:
    """Beside several ledgers, or where its key is already; as one says, where one does."""
    command = ["serve", "--data", str(tmp_path), "--ledger", "a"]
    main(command)
    main([*command, "--ledger", "b"])
    main([*command, "--ledger", "b", "--no-directory"])
    main([*command, "--directory"])
    assert [False, True, False, True] == [settings.keeps_directory for settings in given]

    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "directory.checkpoint.pem").touch()
    main(command)
    assert given[-1].keeps_directory


def test_directory_may_live_elsewhere(given: list[Settings], tmp_path: Path) -> None:
    """In a folder with keys of its own, or in another database."""
    command = ["serve", "--data", str(tmp_path), "--directory", "--directory-at"]
    main([*command, str(tmp_path / "x")])
    main([*command, "postgresql://h/d"])
    places = [(own.data, own.database_url) for own in (item.of_directory() for item in given)]
    assert [(tmp_path / "x", None), (tmp_path, "postgresql://h/d")] == places
