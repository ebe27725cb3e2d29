"""Does a judge's silence, crash or empty word ever pass for a yes, or an old Go for a new one?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import golang
from tests.golang import GoMissing, Judges, find_go


def script(folder: Path, name: str, text: str) -> Path:
    """A program that says what a test wants."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("does", "accepted"),
    [
        ('echo "verified: Successfully fsck\'d log"', True),
        ('echo "verified: Successfully fsck\'d log"; exit 2', False),
        ('echo "fsck failed: Successfully fsck\'d log"', False),
        ("echo 'refused: all is well'", False),
        ("true", False),
        ('echo "verified: Successfully fsck\'d log"; exec sleep 60', False),
    ],
)
def test_only_a_clear_yes_in_time_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, accepted: bool
) -> None:
    """fsck says failure with status 0, and hangs on some damage."""
    monkeypatch.setattr(golang, "JUDGE_S", 1)
    program = script(tmp_path, "judge", does)
    judges = Judges(sumdb=program, fsck=program)
    verdicts = [judges.by_sumdb(tmp_path, tmp_path), judges.by_fsck(tmp_path, tmp_path)]

    if "fsck failed" in does:  # not sumdb's words
        verdicts.pop(0)
    assert {accepted} == {verdict.accepted for verdict in verdicts}


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("go1.24", True),
        ("go1.26.8", True),
        ("go2.0", True),
        ("go1.23.9", False),
        ("go1.19.8", False),
        ("", False),
    ],
)
def test_go_is_new_enough_or_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, found: bool
) -> None:
    """By its own word; Debian's is often older."""
    go = script(tmp_path, "go", f"echo {version}")
    monkeypatch.setenv("PATH", str(tmp_path))
    if found:
        assert str(go) == find_go()
        return
    with pytest.raises(GoMissing, match=str(go)):
        find_go()


def test_where_there_is_no_go_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is anything downloaded in its place."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GoMissing, match="no `go`"):
        find_go()
