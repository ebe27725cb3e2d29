"""Does the wheel alone make a verifier? One dependency, and `candour-verify` runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ledger.verify.bundle import stamped
from tests.authority import Authority
from tests.verify.evidence import TRUST, SmallLedger, opened

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["pyproject.toml", "README.md", "LICENSE", "ledger", "services"]

# What `cryptography` itself brings.
EXPECTED = {"candour-ledger", "cryptography", "cffi", "pycparser"}


def uv(*arguments: str | Path) -> str:
    """Run the pinned uv, with the pinned setuptools for builds; return what it printed."""
    return run(sys.executable, "-m", "uv", "--quiet", *arguments)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run to the end and return stdout; a failure shows what was said."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: setuptools leaves build/ behind, and packs it next time."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / part)
    uv("build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", out, copy)
    [built] = out.glob("*.whl")
    return built


def test_wheel_holds_our_packages(wheel: Path) -> None:
    """Nothing but ledger, services and candour is packed: no tests, no benchmarks, no keys."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}

    assert {"candour", "ledger", "services"} == {
        top for top in tops if not top.endswith(".dist-info")
    }


def test_wheel_holds_the_verifier_s_page(wheel: Path) -> None:
    """All modules, style and frame that the page is made of, as they stand here."""
    folder = ROOT / "ledger" / "verify" / "page"
    parts = {path for kind in ("js", "css", "html") for path in folder.glob(f"*.{kind}")}
    with zipfile.ZipFile(wheel) as archive:
        packed = {path: archive.read(path.relative_to(ROOT).as_posix()) for path in parts}

    assert {path: path.read_bytes() for path in parts} == packed
    assert len(parts) > 20


def test_wheel_gives_the_client(wheel: Path) -> None:
    """`candour.client` is there under that name alone, typed, and imports out of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if "py.typed" in name or "top-level" in name}
    script = (
        f"import sys; sys.path.insert(0, {str(wheel)!r})\n"
        "import candour, services.client\n"
        "from candour.client import AsyncClient, Client\n"
        "print(candour.__file__, services.client.__file__)"
    )
    found = run(sys.executable, "-c", script, cwd=wheel.parent).split()

    assert {"candour/py.typed", "ledger/py.typed", "services/py.typed"} == names
    assert [f"{wheel}/candour/__init__.py", f"{wheel}/services/client/__init__.py"] == found


@pytest.fixture(scope="module")
def scripts(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of an environment that holds the wheel and one dependency."""
    venv = tmp_path_factory.mktemp("base") / "venv"
    scripts = venv / ("Scripts" if sys.platform == "win32" else "bin")
    uv("venv", "--python", sys.executable, venv)
    install = ("pip", "install", "--python", scripts / "python", wheel)
    pins = ("--constraint", ROOT / "requirements" / "dev.txt")
    uv(*install, *pins)
    installed = uv("pip", "list", "--python", scripts / "python", "--format", "json")

    assert {package["name"] for package in json.loads(installed)} == EXPECTED
    return scripts


def test_base_install_verifies(scripts: Path, tmp_path: Path) -> None:
    """A stored bundle is verified, and refused once a byte of it is another."""
    small = SmallLedger(tmp_path)
    small.live()
    bundle, trust = tmp_path / "bundle.json", tmp_path / "trust.txt"
    trust.write_text(TRUST)
    verify = (scripts / "candour-verify", bundle, "--trust", trust)
    for data in (small.listed, small.complete):
        bundle.write_bytes(data)
        assert "\nverified: " in run(*verify, cwd=tmp_path)
        bundle.write_bytes(data.replace(b'"count":', b'"count":1', 1))
        refused = subprocess.run(verify, cwd=tmp_path, capture_output=True, check=False)
        assert (1, b"") == (refused.returncode, refused.stderr)
    small.place.close()


def test_base_install_checks_no_time(scripts: Path, tmp_path: Path, authority: Authority) -> None:
    """A time stamp is passed by, and where it is demanded nothing is said of the answer."""
    small = SmallLedger(tmp_path)
    small.live()
    bundle, trust = tmp_path / "bundle.json", tmp_path / "trust.txt"
    trust.write_text(TRUST)
    found = opened(small.listed)
    bundle.write_bytes(stamped(found, authority.stamp(found["signed"].encode())))
    verify = (scripts / "candour-verify", bundle, "--trust", trust)
    assert "12  timestamps     not checked here" in run(*verify, cwd=tmp_path)
    demanding = (*verify, "--tsa-ca", authority.root)
    unusable = subprocess.run(demanding, cwd=tmp_path, capture_output=True, check=False)
    assert (2, b"") == (unusable.returncode, unusable.stderr)
    assert b"pip install rfc3161-client" in unusable.stdout
    small.place.close()
