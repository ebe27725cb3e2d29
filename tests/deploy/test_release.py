"""Is a release the same bytes for whoever builds it, and is there none of a state not meant for one?"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from tests.deploy.tools import DEPLOY, ROOT, run

PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"
[project]
name = "small"
version = "1.2.3"
[tool.setuptools]
py-modules = ["small"]
"""


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = spec_from_file_location("release", DEPLOY / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small project that may be released."""
    root = tmp_path / "repository"
    root.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "small.py").write_text("NAME = 'small'\n")
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-11-24\n\n- All.\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "All")
    git(root, "tag", "v1.2.3")
    return root


def git(root: Path, *arguments: str) -> None:
    own = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *own, *arguments], cwd=root, check=True, capture_output=True)


def test_release_is_the_same_bytes_again(
    release: ModuleType, repository: Path, tmp_path: Path
) -> None:
    """Another checkout, at another time, of the same commit: the same wheel and source archive."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repository), str(clone))
    release.check_releasable(repository, release.version_of(repository))
    first = release.build_twice(repository, tmp_path / "first")
    second = release.build_twice(clone, tmp_path / "second")

    assert ["small-1.2.3-py3-none-any.whl", "small-1.2.3.tar.gz"] == [one.name for one in first]
    assert [one.read_bytes() for one in first] == [one.read_bytes() for one in second]
    assert "" == run("sha256sum", "--quiet", "-c", "SHA256SUMS", cwd=tmp_path / "first").said


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("changelog", "no heading"),
        ("tree", "not committed"),
        ("tag", "no tag v1.2.3"),
    ],
)
def test_state_that_is_not_meant_for_it_is_refused(
    release: ModuleType, repository: Path, spoil: str, said: str
) -> None:
    """No heading in the changelog, changes in the tree, no tag: no release, and it says which."""
    if spoil == "changelog":
        (repository / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    elif spoil == "tree":
        (repository / "small.py").write_text("NAME = 'other'\n")
    else:
        git(repository, "tag", "-d", "v1.2.3")
    with pytest.raises(release.NotReleasable, match=said):
        release.check_releasable(repository, "1.2.3")


def test_bill_of_materials_lists_what_a_server_has(tmp_path: Path) -> None:
    """`make sbom` names each package of the lock with its version and its hashes."""
    if Path(sys.executable).parent.parent != ROOT / ".venv":
        pytest.skip("make works on the repository's own .venv")
    # Whatever a pin's date says: this is no time to install anything.
    done = run("make", "--old-file=.venv/.stamp", "sbom", f"OUT={tmp_path}")
    assert done.code == 0, done.said
    found = json.loads((tmp_path / "candour.cdx.json").read_text("utf-8"))
    locked = {
        tuple(line.split(" ")[0].split("=="))
        for line in (ROOT / "requirements" / "server.txt").read_text("utf-8").splitlines()
        if line[:1].isalnum()
    }

    assert locked == {(one["name"], one["version"]) for one in found["components"]}
    assert all(one["externalReferences"][0]["hashes"] for one in found["components"])
