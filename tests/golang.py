"""Where do tests get the judges that others wrote in Go? Built once a session, at pinned versions.

    find_go ──go build in tests/interop/<judge>──► binary ──judged──► accepted, or not in time

Modules come through the ordinary proxy, checked against go.sum; Go keeps what it built, so a
second session links only. `fsck` can hang on a corrupt log, and says failure with status 0:
only its own word for success within a time limit counts.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_GO"  # "1": what cannot run fails

INTEROP: Final = Path(__file__).parent / "interop"
LEAST_GO: Final = (1, 24)  # for `tool` lines in go.mod, and what the judges ask for
BUILD_S: Final = 280  # the first time compiles some hundred packages on two cores
JUDGE_S: Final = 60


class GoMissing(Exception):
    """There is no Go, an old one, or no way to the modules; says which."""


@dataclass(frozen=True)
class Verdict:
    """What a judge said of a log."""

    accepted: bool
    said: str


@dataclass(frozen=True)
class Judges:
    """Programs of strangers that judge a log: by URL, or by folder."""

    sumdb: Path
    fsck: Path

    def by_sumdb(self, log: str | Path, vkey: Path, *old: Path, stride: int = 1) -> Verdict:
        """golang.org/x/mod/sumdb: its note, its proofs, from our tiles."""
        olds = [argument for file in old for argument in ("-old", file)]
        done = _run([self.sumdb, "-vkey", vkey, "-stride", str(stride), *olds, log])
        return Verdict(done.accepted and done.said.startswith("verified: "), done.said)

    def entry_by_sumdb(self, proof: Path, entry: Path, vkey: Path) -> Verdict:
        """Likewise one entry, by its C2SP tlog-proof."""
        done = _run([self.sumdb, "-vkey", vkey, "-proof", proof, "-entry", entry])
        return Verdict(done.accepted and done.said.startswith("verified: "), done.said)

    def by_fsck(self, log: str | Path, vkey: Path) -> Verdict:
        """Tessera's fsck: every tile derived from the entries, and compared."""
        url = log if isinstance(log, str) else log.resolve().as_uri()
        # As many workers as it may have to say no: one that stops lets the others wait for ever.
        flags = ["--ui=false", "--logtostderr", "-N", "32"]
        done = _run([self.fsck, *flags, "--public_key", vkey, "--storage_url", url])
        failed = "fsck failed" in done.said
        return Verdict(
            done.accepted and not failed and "Successfully fsck'd" in done.said, done.said
        )


def build_judges(into: Path) -> Judges:
    """Compile both.

    Raises:
        GoMissing: It cannot be done here.
    """
    go = find_go()
    packages = {"sumdb": ".", "fsck": "github.com/transparency-dev/tessera/cmd/fsck"}
    for name, package in packages.items():
        _build(go, INTEROP / name, package, into / name)
    return Judges(into / "sumdb", into / "fsck")


def find_go() -> str:
    """The `go` of PATH, new enough. Raises GoMissing."""
    go = shutil.which("go")
    if go is None:
        raise GoMissing("no `go` on PATH")
    version = subprocess.run(
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, timeout=JUDGE_S
    ).stdout.strip()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < LEAST_GO:
        least = ".".join(map(str, LEAST_GO))
        raise GoMissing(f"{go} is {version or 'of no known version'}; {least} is the least")
    return go


def _build(go: str, module: Path, package: str, binary: Path) -> None:
    environment = {
        **os.environ,
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
    }
    command = [go, "build", "-buildvcs=false", "-trimpath", "-o", str(binary), package]
    done = subprocess.run(
        command,
        cwd=module,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_S,
    )
    if done.returncode != 0:
        raise GoMissing(f"{module.name} cannot be built: {done.stderr.strip()[-2_000:]}")


def _run(command: list[str | Path]) -> Verdict:
    try:
        done = subprocess.run(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=JUDGE_S,
        )
    except subprocess.TimeoutExpired:
        return Verdict(False, f"no verdict within {JUDGE_S} s")
    return Verdict(done.returncode == 0, done.stdout)
