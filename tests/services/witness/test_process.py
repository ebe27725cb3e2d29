"""Does `python -m services.witness` say who it is, and keep what it vouched for when it is killed?"""

from __future__ import annotations

import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.tlog import open_checkpoint, parse_trust_policy
from services.witness.__main__ import main
from tests.services.witness.harness import ask, body, process
from tests.tlog.logs import WITNESSES, MemoryLog
from tests.tlog.strategies import LOG, ORIGIN

HONEST = MemoryLog(40)
FORK = MemoryLog(40, forked_at=5)
LATEST = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"


def test_first_line_is_a_policy_line(tmp_path: Path) -> None:
    """Whoever believes this witness can copy it; SIGTERM ends the process in peace."""
    with process(tmp_path, "--name", "w.example/1") as running:
        name = running.key.name
        line = f"witness {name} {running.key.format()} {running.url}\nquorum {name}\n"
        [witness] = parse_trust_policy(line.encode()).witnesses
        assert (witness.key, witness.url) == (running.key, running.url)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0


def test_what_it_answered_it_remembers_after_a_kill(tmp_path: Path) -> None:
    """At any moment: the next process has cosigned no less than anybody saw."""
    old = 0
    for size in (9, 20, 40):
        with process(tmp_path) as running:
            if old:
                kept = open_checkpoint(ask(running.url, "GET", LATEST).body, [LOG.verifier_key])
                assert HONEST.checkpoint(old) == kept.checkpoint
                fork = ask(running.url, "POST", "/add-checkpoint", body(FORK, 40, old=old))
                assert fork.status == 422
            reply = ask(running.url, "POST", "/add-checkpoint", body(HONEST, size, old=old))
            assert reply.status == 200
            running.process.kill()
            running.process.wait(20)
        old = size


@pytest.mark.parametrize(
    ("log", "listen", "reason"),
    [
        ("nonsense", "127.0.0.1:0", "vkey"),
        (WITNESSES[0].verifier_key.format(), "127.0.0.1:0", "0x01"),
        (LOG.verifier_key.format(), "127.0.0.1", "HOST:PORT"),
        (LOG.verifier_key.format(), "127.0.0.1:99999", "HOST:PORT"),
        (LOG.verifier_key.format(), "192.0.2.1:0", "address"),
    ],
)
def test_what_it_cannot_use_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], log: str, listen: str, reason: str
) -> None:
    """In a line, and ends with 1."""
    assert main(["--data", str(tmp_path), "--listen", listen, "--log", log]) == 1
    err = capsys.readouterr().err
    assert reason in err
    assert err.count("\n") == 1


def test_it_needs_nothing_but_the_base_install() -> None:
    """Neither a database library, gRPC nor any other service of ours is loaded."""
    script = "import sys, services.witness.__main__; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()

    extras = {"eventsourcing", "google", "grpc", "msgspec", "psycopg", "sqlalchemy", "starlette"}
    assert not extras & {name.partition(".")[0] for name in loaded}
    services = {name for name in loaded if name.startswith("services.")}
    assert all(name.startswith("services.witness") for name in services)
