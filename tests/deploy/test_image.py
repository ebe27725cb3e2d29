"""Does what the Dockerfile installs make a server? Its steps, without the engine.

requirements/server.txt, hashed ──► a virtual environment ◄── the wheel, alone
                                            └──► candour serve ──► probe says ready
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.local_server import LocalServer
from tests.deploy.tools import DEPLOY, ROOT, run

PARTS = ("pyproject.toml", "README.md", "LICENSE", "ledger", "services", "requirements")
DOCKERFILE = (DEPLOY / "images" / "Dockerfile").read_text("utf-8")


def uv(*arguments: str | Path, cwd: Path = ROOT) -> None:
    done = run(sys.executable, "-m", "uv", "--quiet", *arguments, cwd=cwd)
    assert done.code == 0, done.said


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/opt/candour, as the image has it."""
    folder = tmp_path_factory.mktemp("image")
    source, venv = folder / "source", folder / "venv"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, source / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, source / part)
    uv("venv", "--python", sys.executable, venv)
    python = ("--python", venv / "bin" / "python")
    uv("pip", "sync", *python, "--require-hashes", "requirements/server.txt", cwd=source)
    pins = ("--require-hashes", "--build-constraints", "requirements/dev.txt")
    uv("build", "--wheel", *python, *pins, "--out-dir", folder, ".", cwd=source)
    [wheel] = folder.glob("*.whl")
    uv("pip", "install", *python, "--no-deps", wheel)
    return venv


def test_server_starts_from_its_own_lock(environment: Path, tmp_path: Path) -> None:
    """With the hashed packages of server.txt and no others, a ledger is served and probed ready."""
    server = LocalServer(tmp_path / "data")
    server._command[:3] = [str(environment / "bin" / "candour")]
    probe = (environment / "bin" / "python", "-m", "services.runtime.probe")
    with server:
        for what in ("livez", "readyz"):
            asked = (*probe, what, "--http", server.http, "--wait", "30")
            assert 0 == subprocess.run(asked, cwd=tmp_path, check=False).returncode


def test_nothing_to_build_or_test_with_is_in_it(environment: Path) -> None:
    """No installer, no test runner, no linter: what is not there needs no update at night."""
    site = next((environment / "lib").glob("python3*")) / "site-packages"
    unwanted = {"pip", "setuptools", "uv", "pytest", "ruff", "mypy", "buf_bin", "playwright"}

    assert not {path.name for path in site.iterdir()} & unwanted


def test_image_copies_what_the_ignore_file_lets_through() -> None:
    """Each thing that is copied into the build is let through, and nothing else is."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source.rstrip("/")
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for source in line.split()[1:-1]
    }

    assert "*" in lines
    assert allowed == copied


def test_image_runs_as_nobody_in_particular() -> None:
    """The last user is a number that is not root, and health is asked of the ledger itself."""
    users = [line.split()[1] for line in DOCKERFILE.splitlines() if line.startswith("USER ")]

    assert users[-1] == "10001:10001"
    assert '"services.runtime.probe", "readyz"' in DOCKERFILE
