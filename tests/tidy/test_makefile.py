"""Does plain `make` tell of every target, and do the guides speak only of targets that there are?

Makefile ──► targets, each with a line ══ help's list ══ the operator's guide's table
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
MAKEFILE: Final = (ROOT / "Makefile").read_text("utf-8")
# What an engineer expects without looking: setting up, trying, judging, operating, releasing.
EXPECTED: Final = frozenset(
    {"help", "setup", "run", "demo", "test", "test-all", "lint", "typecheck", "proto", "bench"}
    | {
        "ha-test",
        "restore-drill",
        "migrate",
        "audit",
        "doctor",
        "manifests-check",
        "sbom",
        "release",
    }
)
_TARGET: Final = re.compile(r"^([a-z][a-z-]*):(?!=)(.*)$", re.M)


def targets() -> dict[str, str]:
    """Every target that is no file, with its line; "" where it has none."""
    return {name: rest.partition(" ## ")[2].strip() for name, rest in _TARGET.findall(MAKEFILE)}


def test_each_target_says_what_it_does() -> None:
    """Each target has a line of its own, is phony, and is in the list that plain `make` prints."""
    said = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True).stdout
    (phony,) = re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.M)

    assert EXPECTED <= targets().keys()
    assert [] == [name for name, line in targets().items() if not line]
    assert set(phony.split()) == targets().keys()
    assert targets() == dict(re.findall(r"^  make (\S+) +(.+)$", said, re.M))


def test_each_target_but_two_has_its_environment_first() -> None:
    """On a fresh machine a target makes .venv by itself, or says by the same way what is missing."""
    alone = {name for name, rest in _TARGET.findall(MAKEFILE) if "setup" not in rest.split("##")[0]}

    assert {"help", "setup", "clean"} == alone


def test_documents_name_targets_that_there_are() -> None:
    """A `make …` in the README, a guide or below deploy/ is one; the operator's guide has them all."""
    guide = ROOT / "docs" / "guides" / "operator.md"
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    for page in pages:
        text = page.read_text("utf-8")
        named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]+)(?=[`\s;,.])", text, re.M))
        assert named <= targets().keys(), page.name
    table = guide.read_text("utf-8").partition("## Make\n")[2].partition("\n## ")[0]
    assert targets().keys() - {"help"} == set(
        re.findall(r"^\| `make ([a-z-]+)[^`]*` \|", table, re.M)
    )
