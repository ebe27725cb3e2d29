"""Which programs judge deploy/, and what if one is not here? Found, or named with how to get it.

    need("promtool") ──► its path        missing ──► DeployToolMissing: skipped and counted, or
                                                     failed where CANDOUR_REQUIRE_DEPLOY_TOOLS=1

Linters that come by pip lie beside this Python; the others are the system's, and Kustomize is
kubectl's own or the program of that name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pytest

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_DEPLOY_TOOLS"  # "1": what cannot run fails
MISSING: Final = "needs a tool for deploy/"

ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
RUN_S: Final = 120  # the slowest takes five seconds here; a loaded machine takes longer

HOW_TO_GET: Final = {
    # Debian's kubernetes-client is too old for these overlays.
    "kubectl": "go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1, or kubectl 1.27 or newer",
    "nginx": "apt-get install nginx-light",
    "openssl": "apt-get install openssl",
    "promtool": "apt-get install prometheus",
    "shellcheck": "make setup",
    "strace": "apt-get install strace",
    "systemd-analyze": "apt-get install systemd",
}


@dataclass(frozen=True)
class Done:
    """What a tool said, and whether it was content."""

    code: int
    said: str


def need(tool: str) -> str:
    """The path of a tool; the test is skipped, or fails, where there is none."""
    beside = Path(sys.executable).parent / tool
    found = str(beside) if beside.exists() else shutil.which(tool)
    return found or missing(tool, HOW_TO_GET.get(tool, "make setup"))


def missing(tool: str, how: str) -> NoReturn:
    """Skip and be counted; fail where every tool is asked for."""
    said = f"{MISSING}: no {tool} here: {how}"
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"{said} ({REQUIRE_VARIABLE}=1)", pytrace=False)
    pytest.skip(said)


def kustomize() -> list[str]:
    """The command that renders an overlay."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return [need("kubectl"), "kustomize"]


def run(
    *command: str | Path, cwd: Path = ROOT, within_s: float = RUN_S, **environment: str
) -> Done:
    """Run a tool to its end; both outputs as one text."""
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=within_s,
    )
    return Done(done.returncode, done.stdout)
