"""Does `candour verifier-page` write the page, whole, and say how to know it again?"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from ledger.verify.page import assemble_page
from services.cli.main import main


def test_page_is_written_with_its_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The bytes that the server serves, and their SHA-256."""
    out = tmp_path / "verify.html"

    assert 0 == main(["verifier-page", "--out", str(out), "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    assert assemble_page().html.encode() == out.read_bytes()
    assert hashlib.sha256(out.read_bytes()).hexdigest() == said["sha256"]


def test_folder_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sentence, and nothing is left behind."""
    assert 1 == main(["verifier-page", "--out", str(tmp_path / "no" / "verify.html")])
    assert "No such file or directory" in capsys.readouterr().err
    assert [] == list(tmp_path.iterdir())
