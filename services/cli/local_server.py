"""How is a ledger served for a while, by a process of its own? For the demo and for tests.

LocalServer(data) ──`candour serve`, free ports──► grpc, http addresses ──SIGTERM──► exit 0
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from services.cli.failures import CommandFailed
from services.cli.options import DEFAULT_LEDGER

START_S: Final = 60  # it is ready within 5 s; a loaded machine takes longer
STOP_S: Final = 30  # to commit what it accepted
_POLL_S: Final = 0.02
_ADDRESS: Final = re.compile(r"^(grpc|http) +(?:http://)?(\S+)$", re.M)
_READY: Final = re.compile(r"^ready$", re.M)
_SHOWN_LINES: Final = 10


class LocalServer:
    """A `candour serve` process. Use it as a context manager.

    Args:
        data: Its data directory; what it says goes into `serve.log` there.
        database_url: Of PostgreSQL; None for SQLite.
        grpc, http: Where to serve; port 0 picks a free one.
        environment: Added to ours.
        release: Folder with the sources of another release; None for ours.
    Raises:
        CommandFailed: It did not come up, or did not end cleanly.
    """

    def __init__(
        self,
        data: Path,
        *,
        database_url: str | None = None,
        grpc: str = "127.0.0.1:0",
        http: str = "127.0.0.1:0",
        environment: Mapping[str, str] | None = None,
        release: Path | None = None,
    ) -> None:
        self.data, self.log = data, data / "serve.log"
        self.grpc = self.http = ""
        self._release = release  # Python looks for modules first where it is started
        self._command = [sys.executable, "-m", "services.cli", "serve", "--data", str(data)]
        self._command += ["--grpc", grpc, "--http", http]
        # A URL may hold a password, so it is not put on a command line.
        own = {"CANDOUR_DATABASE_URL": database_url or "", "CANDOUR_LEDGER": DEFAULT_LEDGER}
        unset = ("CANDOUR_LEDGERS", "CANDOUR_DIRECTORY", "CANDOUR_DIRECTORY_AT", "CANDOUR_ROUTES")
        own |= dict.fromkeys(unset, "")
        self._environment = {**os.environ, **own, **(environment or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.kill()

    def start(self) -> None:
        """Start it, and wait until it says where it serves."""
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  our own program
                self._command, stdout=log, stderr=log, env=self._environment, cwd=self._release
            )
        deadline = time.monotonic() + START_S
        while not _READY.search(self._said()):
            if self.process.poll() is not None:
                raise self._failed(f"`candour serve` ended with {self.process.returncode}")
            if time.monotonic() > deadline:
                self.kill()
                raise self._failed(f"`candour serve` was not ready within {START_S} s")
            time.sleep(_POLL_S)
        addresses = dict(_ADDRESS.findall(self._said()))
        self.grpc, self.http = addresses["grpc"], addresses["http"]

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._failed(f"`candour serve` did not end within {STOP_S} s") from None
        if code != 0:
            raise self._failed(f"`candour serve` ended with {code}")

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def _failed(self, sentence: str) -> CommandFailed:
        return CommandFailed("\n".join([sentence, *self._said().splitlines()[-_SHOWN_LINES:]]))
