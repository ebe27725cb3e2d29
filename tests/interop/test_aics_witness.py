"""Do a witness and a log of others' making get along with ours? PyPI aics-witness, both ways.

    our publisher ──add-checkpoint──► aics-witness serve       aics feeder ──► our witness

Young, and by one author: a second opinion, never the only judge. It needs Python 3.12, so it runs
in an interpreter of its own: CANDOUR_TEST_AICS_PYTHON, or a venv made where there is a newer one.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from ledger.tlog import (
    Signature,
    VerifierKey,
    claimed_checkpoint,
    open_witnessed,
    parse_note,
    parse_trust_policy,
    verify_cosignature,
)
from services.publisher.cosigning import Collector
from services.publisher.witness_client import WitnessAhead, WitnessRefused, submit
from services.runtime.http_client import get
from tests.services.witness.harness import served
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG, ORIGIN

pytestmark = [pytest.mark.aics, pytest.mark.timeout(600)]

PINNED: Final = ("aics-witness==0.1.0", "aics-tlog==0.2.1")
VARIABLE: Final = "CANDOUR_TEST_AICS_PYTHON"
HONEST = MemoryLog(700)
FORK = MemoryLog(700, forked_at=300)

# What it is told on stdin, and what it gives back: lines of the witness, or its refusal.
FEEDER: Final = """
import base64, json, sys
from aics_witness import FeederError, WitnessClient
told = json.load(sys.stdin)
with WitnessClient(told["url"], told["vkey"], max_attempts=1) as client:
    for step in told["steps"]:
        proofs = {int(old): list(map(base64.b64decode, proof)) for old, proof in step["proofs"].items()}
        try:
            said = client.submit(step["note"].encode(), lambda old, new: proofs[old])
        except FeederError as error:
            said = type(error).__name__
        print(json.dumps(said), flush=True)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has aics-witness."""
    if given := os.environ.get(VARIABLE):
        return given
    newer = next(filter(_is_new_enough, _candidates()), None)
    if newer is None:
        pytest.skip(f"needs aics-witness: no Python 3.12 or newer here, and no {VARIABLE}")
    folder = tmp_path_factory.mktemp("aics")
    made = folder / "bin" / "python"
    for command in (
        [newer, "-m", "venv", str(folder)],
        [str(made), "-m", "pip", "install", "-q", *PINNED],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if done.returncode != 0:
            pytest.skip(f"needs aics-witness: {done.stderr.strip()[-200:]}")
    return str(made)


def _candidates() -> Iterator[str]:
    """On PATH, and those that pyenv keeps beside it."""
    yield from filter(None, map(shutil.which, ("python3.14", "python3.13", "python3.12")))
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(versions.glob("3.1[2-9]*/bin/python"), reverse=True))


def _is_new_enough(python: str) -> bool:
    """It runs, which a shim on PATH need not, and is new enough."""
    test = "import sys, venv; sys.exit(sys.version_info < (3, 12))"
    return subprocess.run([python, "-c", test], capture_output=True, check=False).returncode == 0


@contextmanager
def their_witness(python: str, folder: Path) -> Iterator[tuple[VerifierKey, str]]:
    """`aics-witness serve`, watching LOG: its key and URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"

    def command(*arguments: str) -> list[str]:
        return [python, "-m", "aics_witness", *arguments, "--config", str(folder / "w.json")]

    def run(*arguments: str) -> str:
        done = subprocess.run(command(*arguments), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    key = VerifierKey.parse(run("init", "--name", "aics.example/w", "--listen", address))
    run("add-log", "--origin", ORIGIN, "--vkey", LOG.verifier_key.format())
    with subprocess.Popen(command("serve"), stderr=subprocess.DEVNULL) as serving:
        try:
            _await(address)
            yield key, f"http://{address}"
        finally:
            serving.terminate()


def _await(address: str) -> None:
    host, port = address.split(":")
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_their_witness_cosigns_ours(python: str, tmp_path: Path) -> None:
    """From nothing, from where it stands, and again; our policy accepts its lines."""
    with their_witness(python, tmp_path) as (key, url):
        text = f"log {LOG.verifier_key.format()}\nwitness a {key.format()} {url}\nquorum a\n"
        policy = parse_trust_policy(text.encode())
        for sizes in ((9, 256, 256), (300, 700)):  # the second collector knows nothing of it
            with closing(Collector(policy, HONEST.tree, _undoubted)) as collector:
                for size in sizes:
                    note = collector.collect(HONEST.note(size), size)
                    assert "a" in open_witnessed(note, policy, ORIGIN).cosigned


def test_their_witness_refuses_what_ours_does(python: str, tmp_path: Path) -> None:
    """An older tree and a fork, told so that our client knows which; and it shows our signature."""
    with their_witness(python, tmp_path) as (key, url):

        def ask(log: MemoryLog, size: int) -> None:
            submit(
                url,
                key,
                note=log.note(size),
                old_size=0,
                prove=lambda old: log.proof(old, size),
            )

        ask(HONEST, 512)
        with pytest.raises(WitnessAhead) as ahead:
            ask(HONEST, 300)
        assert 512 == ahead.value.cosigned_size
        for size in (512, 700):
            with pytest.raises(WitnessRefused) as refused:
                ask(FORK, size)
            assert refused.value.status in (409, 422)
        where = f"{url}/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
        reply = get(where, most=10_000, timeout_s=10)
        assert (200, HONEST.checkpoint(512)) == (reply.status, claimed_checkpoint(reply.body))


def test_their_log_is_cosigned_by_ours(python: str, tmp_path: Path) -> None:
    """Their client takes our 409 and our lines; of a fork it hears our refusal."""
    steps: list[tuple[MemoryLog, int]] = [(HONEST, 9), (HONEST, 300), (HONEST, 300), (HONEST, 600)]
    with served(tmp_path, clock=int(time.time())) as server:
        key = server.service.verifier_key
        said = _fed(python, server.url, key, [*steps, (FORK, 700), (HONEST, 300)])

    for (log, size), lines in zip(steps, said, strict=False):
        note = log.note(size)
        [line] = _lines(note, lines)
        assert verify_cosignature(log.checkpoint(size), line, key) > 0
    assert ["WitnessRejected", "WitnessAhead"] == said[len(steps) :]


def _fed(python: str, url: str, key: VerifierKey, steps: list[tuple[MemoryLog, int]]) -> list[Any]:
    told = {
        "url": url,
        "vkey": key.format(),
        "steps": [
            {
                "note": log.note(size).decode(),
                "proofs": {
                    old: [b64encode(sibling).decode() for sibling in log.proof(old, size)]
                    for old in (9, 300, 600)
                    if old <= size
                },
            }
            for log, size in steps
        ],
    }
    done = subprocess.run(
        [python, "-c", FEEDER], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def _lines(note: bytes, lines: str) -> list[Signature]:
    own = len(parse_note(note)[1])
    return parse_note(note + lines.encode())[1][own:]


def _undoubted(*doubted: object) -> None:
    raise AssertionError(doubted)
