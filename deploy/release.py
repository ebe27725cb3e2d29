"""What do we hand out as a release? Source and wheel, the same bytes for whoever builds them again.

    version, CHANGELOG, tag, clean tree ──► git archive HEAD ──► sdist, wheel ──► SHA256SUMS
                                                    └── built twice: other bytes are a refusal

    python deploy/release.py [--out dist] [--draft]      `make release`; uploads nothing

Times in the archives are the commit's (SOURCE_DATE_EPOCH), files are in order, owners are nobody.
Needs git, and the pinned uv and setuptools of `make setup`. A draft may be of any state.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
_BUILD_S: Final = 300  # setuptools takes five seconds; a loaded machine ten times as long


class NotReleasable(Exception):
    """The state of the repository is not one to hand out; says what to do."""


def main() -> int:
    """Returns the process's exit status."""
    parser = argparse.ArgumentParser(description="Build a release; nothing is uploaded.")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where to (dist)")
    parser.add_argument("--draft", action="store_true", help="whatever the state is")
    options = parser.parse_args()
    try:
        version = version_of(ROOT)
        if not options.draft:
            check_releasable(ROOT, version)
        built = build_twice(ROOT, options.out)
    except NotReleasable as refused:
        sys.stderr.write(f"no release: {refused}\n")
        return 1
    sys.stdout.write("".join(f"{digest(path)}  {path.name}\n" for path in built))
    draft = " (a draft)" if options.draft else ""
    sys.stdout.write(f"{version}{draft} in {options.out}; check it: sha256sum -c SHA256SUMS\n")
    return 0


def version_of(root: Path) -> str:
    """As pyproject.toml has it."""
    with (root / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def check_releasable(root: Path, version: str) -> None:
    """Raises NotReleasable: the changelog, the tag or the tree does not speak of this version."""
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}$"
    if not re.search(heading, (root / "CHANGELOG.md").read_text("utf-8"), re.M):
        raise NotReleasable(f"CHANGELOG.md has no heading `## [{version}] - YYYY-MM-DD`")
    if _git(root, "status", "--porcelain"):
        raise NotReleasable("the tree has changes that are not committed")
    if f"v{version}" not in _git(root, "tag", "--points-at", "HEAD").split():
        raise NotReleasable(f"HEAD has no tag v{version}: git tag -s v{version}")


def build_twice(root: Path, out: Path) -> list[Path]:
    """Sdist and wheel of HEAD, and SHA256SUMS, in `out`.

    Raises:
        NotReleasable: It cannot be built, or a second build gave other bytes.
    """
    epoch = _git(root, "log", "-1", "--format=%ct")
    with tempfile.TemporaryDirectory() as folder:
        first, second = (_build(root, Path(folder) / name, int(epoch)) for name in "ab")
        for name, content in first.items():
            if second.get(name) != content:
                raise NotReleasable(f"{name} is not reproducible: two builds differ")
    out.mkdir(parents=True, exist_ok=True)
    built = []
    for name, content in sorted(first.items()):
        built.append(out / name)
        built[-1].write_bytes(content)
    sums = "".join(f"{digest(path)}  {path.name}\n" for path in built)
    (out / "SHA256SUMS").write_text(sums)
    return built


def _build(root: Path, folder: Path, epoch: int) -> dict[str, bytes]:
    """The files of one build, by name, from a copy of HEAD in `folder`."""
    source, out = folder / "source", folder / "out"
    source.mkdir(parents=True)
    archive = _run(["git", "archive", "HEAD"], root)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(source, filter="data")
    uv = [sys.executable, "-m", "uv", "--quiet", "build", "--no-build-isolation"]
    command = [*uv, "--python", sys.executable, "--out-dir", str(out), str(source)]
    _run(command, root, SOURCE_DATE_EPOCH=str(epoch))
    made = sorted(path for path in out.iterdir() if path.name.endswith((".whl", ".tar.gz")))
    return {path.name: _settled(path, epoch) for path in made}


def _settled(path: Path, epoch: int) -> bytes:
    """A source archive with times, owners and order that follow from its content; a wheel as is."""
    if not path.name.endswith(".tar.gz"):
        return path.read_bytes()
    raw = io.BytesIO()
    with (
        tarfile.open(path) as old,
        tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda found: found.name):
            member.mtime, member.uid, member.gid = epoch, 0, 0
            member.uname = member.gname = ""
            member.mode = 0o755 if member.mode & 0o111 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    return gzip.compress(raw.getvalue(), compresslevel=9, mtime=epoch)


def digest(path: Path) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(root: Path, *arguments: str) -> str:
    return _run(["git", *arguments], root).decode().strip()


def _run(command: list[str], cwd: Path, **environment: str) -> bytes:
    """What it printed. Raises NotReleasable where it failed."""
    old = os.umask(0o022)  # modes go into the wheel
    try:
        done = subprocess.run(  # noqa: S603  git and uv, with arguments of ours
            command,
            cwd=cwd,
            env={**os.environ, **environment},
            capture_output=True,
            check=False,
            timeout=_BUILD_S,
        )
    except FileNotFoundError:
        raise NotReleasable(f"there is no {command[0]} here") from None
    finally:
        os.umask(old)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[-1_000:]
        raise NotReleasable(f"{' '.join(command[:3])} failed: {said}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
