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
