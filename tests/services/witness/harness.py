"""How do tests run a witness? In this process for a look inside, or in one of its own to kill it."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ledger.tlog import Submission, VerifierKey
from services.witness.server import WitnessServer
from services.witness.service import Judge, WitnessService
from tests.tlog.logs import MemoryLog
from tests.tlog.strategies import LOG

NOW = 1_700_000_000


def body(log: MemoryLog, size: int, *, old: int = 0, proof: Sequence[bytes] | None = None) -> bytes:
    """An add-checkpoint request; with the log's own proof unless another is given."""
    hashes = log.proof(old, size) if proof is None and old <= size else proof or ()
    return Submission(old, tuple(hashes), log.note(size)).marshal()


@contextmanager
def served(
    data: Path,
    logs: Sequence[VerifierKey] = (LOG.verifier_key,),
    *,
    clock: int = NOW,
    judge: Judge | None = None,
) -> Iterator[WitnessServer]:
    """A witness on a free port of this machine."""
    with (
        closing(
            WitnessService(data, logs, name="w.example", clock=lambda: clock, judge=judge)
        ) as service,
        WitnessServer("127.0.0.1", 0, service) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True, slots=True)
class Process:
    """A running `python -m services.witness`, and its policy line in parts."""

    process: subprocess.Popen[str]
    key: VerifierKey
    url: str


@contextmanager
def process(data: Path, *arguments: str, log: VerifierKey = LOG.verifier_key) -> Iterator[Process]:
    """A witness in a process of its own, killed in the end if it still runs."""
    command = [sys.executable, "-m", "services.witness", "--data", str(data)]
    command += ["--listen", "127.0.0.1:0", "--log", log.format(), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            word, name, vkey, url = running.stdout.readline().split()
            key = VerifierKey.parse(vkey)
            assert (word, name) == ("witness", key.name)
            yield Process(running, key, url)
        finally:
            running.kill()


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    content_type: str | None
    body: bytes


def ask(url: str, method: str, path: str, data: bytes | None = None) -> Reply:
    """One request on a connection of its own."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)) as connection:
        connection.request(method, path, data)
        response = connection.getresponse()
        return Reply(response.status, response.getheader("Content-Type"), response.read())
