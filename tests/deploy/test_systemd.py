"""Are the units what systemd takes, how much could a service do, and does it get the time to end?

units ──copied into a root of their own──► systemd-analyze verify     says nothing
                                      └──► systemd-analyze security   below the budget
candour serve ──strace──► every system call ──► allowed by the unit's filter
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from configparser import RawConfigParser
from pathlib import Path

import pytest

from ledger.limits import COSIGN_GRACE_S, COSIGN_ROUND_S, DRAIN_S, STATEMENT_TIMEOUT_S
from services.cli.local_server import LocalServer
from services.runtime import probe
from tests.deploy.tools import DEPLOY, Done, need, run

UNITS = DEPLOY / "systemd"
STARTED = (
    *("candour.service", "candour-proxy.service", "candour-witness.service"),
    *("candour-monitor@main.service", "candour-monitor@main.timer"),
    *("candour-backup.service", "candour-backup.timer", "candour-bridge.service"),
    *("candour-audit@main.service", "candour-audit@main.timer"),
    *("candour-pgbackrest@full.service", "candour-pgbackrest-full.timer"),
    *("candour-pgbackrest@diff.service", "candour-pgbackrest-diff.timer"),
)
# Of 100; a service without any sandbox has 96. What is left is the network that each one is for.
EXPOSURE = 12
SYSTEM_UNITS = Path("/usr/lib/systemd/system")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A file system with systemd's own units, ours, and something where our programs would be."""
    need("systemd-analyze")
    (tmp_path / "usr/lib/systemd").mkdir(parents=True)
    shutil.copytree(SYSTEM_UNITS, tmp_path / "usr/lib/systemd/system", symlinks=True)
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.d/*.conf")):
        for path in re.findall(r"^Exec\w+=/(\S+)", unit.read_text("utf-8"), re.M):
            program = tmp_path / path
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
    shutil.copytree(UNITS, tmp_path / "etc/systemd/system")
    return tmp_path


def verify(root: Path, *units: str) -> Done:
    return run(need("systemd-analyze"), "verify", f"--root={root}", "--man=no", *units)


def test_units_are_what_systemd_takes(root: Path) -> None:
    """systemd reads every unit and drop-in without a word; it would name a misspelt key."""
    assert Done(0, "") == verify(root, *STARTED)
    unit = root / "etc/systemd/system/candour.service"
    unit.write_text(unit.read_text("utf-8").replace("ProtectSystem=", "ProtectSytem="))
    assert "Unknown key 'ProtectSytem'" in verify(root, *STARTED).said


@pytest.mark.parametrize("name", [path.name for path in sorted(UNITS.glob("*.service"))])
def test_exposure_is_within_the_budget(name: str) -> None:
    """What a service could do to its machine stays below the budget; without its walls it is far above."""
    check = ("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}")
    done = run(need("systemd-analyze"), *check, UNITS / name)

    assert done.code == 0, done.said[-300:]


def test_budget_notices_a_wall_that_fell(tmp_path: Path) -> None:
    """A unit that may gain privileges is over the budget."""
    unit = tmp_path / "candour.service"
    text = (UNITS / "candour.service").read_text("utf-8")
    unit.write_text(text.replace("CapabilityBoundingSet=\n", ""))
    check = ("security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}")

    assert run(need("systemd-analyze"), *check, unit).code != 0


def settings(name: str) -> dict[str, str]:
    """The [Service] section; of a key that stands twice, the last."""
    parser = RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNITS / name)
    return dict(parser["Service"])


def test_server_gets_the_time_to_drain() -> None:
    """SIGTERM's time covers: both servers' drain, a commit that is slow, the last round of witnesses."""
    least = 2 * DRAIN_S + STATEMENT_TIMEOUT_S + COSIGN_ROUND_S + COSIGN_GRACE_S
    given = int(settings("candour.service")["TimeoutStopSec"].removesuffix("s"))
    compose = (DEPLOY / "compose/compose.yaml").read_text("utf-8")
    pod = (DEPLOY / "k8s/pod/pod.yaml").read_text("utf-8")
    grace = re.search(r"stop_grace_period: (\d+)s", compose)
    period = re.search(r"terminationGracePeriodSeconds: (\d+)", pod)
    pause = re.search(r"sleep: \{seconds: (\d+)\}", pod)

    assert grace is not None
    assert period is not None
    assert pause is not None
    assert least <= given
    assert given <= int(grace[1])
    assert given <= int(period[1]) - int(pause[1])


def test_server_makes_no_call_that_its_unit_forbids(tmp_path: Path) -> None:
    """A server that starts, answers, projects and ends needs only what SystemCallFilter= allows."""
    strace, trace = need("strace"), tmp_path / "trace"
    allowed = calls_allowed("candour.service")
    server = LocalServer(tmp_path / "data")
    options = ["-f", "-qq", "-e", "signal=none", "-o", str(trace)]
    server._command = [strace, *options, *server._command]
    with server:
        assert 0 == probe.main(["readyz", "--http", server.http, "--wait", "30"])
        end_traced(server)
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text("utf-8", "replace"), re.M))

    assert {"setpriority", "accept4"} <= made
    # SQLite asks for a file's owner only where it runs as root, and goes on where it may not.
    assert made - {"fchown"} <= allowed


def end_traced(server: LocalServer) -> None:
    """SIGTERM to the server itself, which is strace's child; strace then ends with its status."""
    assert server.process is not None
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    for child in children.read_text().split():
        subprocess.run(["kill", "-TERM", child], check=True)
    assert 0 == server.process.wait(60)


def calls_allowed(unit: str) -> set[str]:
    """What the unit's SystemCallFilter= lines leave, by systemd's own lists."""
    said = run(need("systemd-analyze"), "syscall-filter", "--no-pager").said
    groups: dict[str, set[str]] = {}
    for line in said.splitlines():
        if line.startswith("@"):
            groups[line.strip()] = current = set()
        elif (name := line.strip()) and not name.startswith("#"):
            current.add(name)

    def calls(name: str) -> set[str]:
        return set().union(*map(calls, groups[name])) if name.startswith("@") else {name}

    left: set[str] = set()
    for names in re.findall(r"^SystemCallFilter=(.*)$", (UNITS / unit).read_text("utf-8"), re.M):
        found = set().union(*map(calls, names.removeprefix("~").split()))
        left = left - found if names.startswith("~") else left | found
    return left


def command_of(unit: str, key: str) -> list[str]:
    """A command line as systemd runs it, for the instance `main`."""
    (found,) = re.findall(rf"^{key}=(.*)$", (UNITS / unit).read_text("utf-8"), re.M)
    return shlex.split(found.replace("%i", "main"))


def test_timers_back_up_and_audit_what_is_served(tmp_path: Path) -> None:
    """The units' own commands: a backup that restores but for keys, and an audit that says how it ended."""
    data, backups, metrics = (tmp_path / name for name in ("data", "backups", "metrics"))
    metrics.mkdir()
    moved = {
        "/opt/candour/bin/candour": str(Path(sys.executable).parent / "candour"),
        "/var/lib/candour-backups": str(backups),
        "/var/cache/candour-metrics": str(metrics),
    }

    def ran(unit: str) -> str:
        words = " ".join(command_of(unit, "ExecStart"))
        for old, new in moved.items():
            words = words.replace(old, new)
        done = run(*words.split(), CANDOUR_DATA=str(data), CANDOUR_DATABASE_URL="")
        assert done.code == 0, done.said
        return done.said

    with LocalServer(data):
        assert '"left_out": ["keys"]' in " ".join(ran("candour-backup.service").split())
        ran("candour-audit@.service")
    [made] = backups.iterdir()
    assert {"log", "disclosures"} <= {path.name for path in made.iterdir()}
    said = (metrics / "candour-audit-main.prom").read_text("utf-8")
    assert 'candour_audit_findings{ledger="main",claim="entry"} 0\n' in said
    assert 0o644 == (metrics / "candour-audit-main.prom").stat().st_mode & 0o777


def test_retention_takes_old_backups_alone(tmp_path: Path) -> None:
    """What is older than 35 days goes, folders below the backups alone; what is newer stays."""
    command = " ".join(command_of("candour-backup.service.d/retention.conf", "ExecStartPost"))
    backups = tmp_path / "backups"
    for name, days in (("old", 37), ("new", 34)):
        (backups / name / "log").mkdir(parents=True)
        made_at = time.time() - days * 86_400
        os.utime(backups / name, (made_at, made_at))
    os.utime(backups, (0, 0))
    done = run(*shlex.split(command.replace("/var/lib/candour-backups", str(backups))))

    assert Done(0, "") == done
    assert ["new"] == [path.name for path in backups.iterdir()]
