"""How does a test run the last release? From git, by the same Python and libraries as ours.

    git archive LAST_RELEASE ──► a folder ──`python -m services.cli`, started there──► its own modules

There is no tag yet: the commit that the first one will follow stands for release 0.1.0.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.conftest import Ran

LAST_RELEASE: Final = "3fc73132c8302127404155fcfe6ad5f2d1566e9e"
ROOT: Final = Path(__file__).resolve().parents[2]
_RUN_S: Final = 120


def unpack(folder: Path) -> Path:
    """Its sources, below a folder; fails where git has them not, for a full clone has."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs git: this is no clone, so the last release is not here")
    archive, sources = folder / "last.tar", folder / "last"
    command = ["git", "archive", "--output", str(archive), LAST_RELEASE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"the last release, {LAST_RELEASE}, is not in this clone: fetch all of it"
        pytest.fail(f"{said} (git fetch --unshallow): {done.stderr}", pytrace=False)
    with tarfile.open(archive) as packed:
        packed.extractall(sources, filter="data")
    archive.unlink()
    return sources


def run_last(sources: Path, module: str, *arguments: object, **environment: str) -> Ran:
    """A module of the last release, run to its end."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=sources,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=_RUN_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
