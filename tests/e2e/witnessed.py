"""How is a ledger run that witnesses watch? Real processes, their policy, and how they come and go.

begin(data) ──vkey──► Watch: `candour witness serve` ×n ──policy file──► `candour serve`
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

import grpc

from ledger.tlog import WitnessedCheckpoint, open_witnessed, parse_trust_policy
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import common_pb2, ingest_pb2, ingest_pb2_grpc, registry_pb2
from services.pb.candour.v1.registry_pb2_grpc import RegistryServiceStub
from services.runtime.http_client import get

T = TypeVar("T")
PARENT: Final = "ledgers/main"
AGENCY: Final = "agencies/sampleton"
SOON_S: Final = 30  # a shared machine; on an idle one a round or two


def begin(data: Path, database_url: str | None = None) -> str:
    """Make a ledger's keys, as an operator does before any witness knows it: its vkey."""
    with LocalServer(data, database_url=database_url):
        pass
    return (data / "main.vkey").read_text().strip()


@dataclass
class WitnessProcess:
    """`candour witness serve`, which can end and come back where it was."""

    data: Path
    log: str
    listen: str = "127.0.0.1:0"
    replay: str = ""  # where it fetches entries, if it looks at them
    line: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "services.cli", "witness", "serve"]
        command += ["--data", str(self.data), "--listen", self.listen, "--log", self.log]
        command += ["--replay", self.replay] if self.replay else []
        self.process = subprocess.Popen(
            [*command, "--name", f"{self.data.name}.example/witness"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.line = self.process.stdout.readline()
        self.listen = urlsplit(self.line.split()[-1]).netloc  # where its policy line says it is

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def policy_line(self) -> str:
        """Under the name of its folder."""
        _, _, key, url = self.line.split()
        return f"witness {self.data.name} {key} {url}\n"


@dataclass
class Watch:
    """Witnesses of one log, and a policy over them. Use it as a context manager."""

    folder: Path
    log: str
    names: tuple[str, ...]
    quorum: str
    replays: Mapping[str, str] = field(default_factory=dict)  # by name, where entries are
    witnesses: dict[str, WitnessProcess] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        for name in self.names:
            self.witnesses[name] = WitnessProcess(
                self.folder / name, self.log, replay=self.replays.get(name, "")
            )
            self.witnesses[name].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for witness in self.witnesses.values():
            witness.kill()

    @property
    def environment(self) -> dict[str, str]:
        """What `candour serve` is told."""
        path = self.folder / "witness-policy.txt"
        lines = [witness.policy_line() for witness in self.witnesses.values()]
        path.write_text("".join([*lines, self.quorum]))
        return {"CANDOUR_WITNESS_POLICY": str(path)}


@dataclass(frozen=True)
class Watched:
    """A running server, asked from outside."""

    server: LocalServer

    def get(self, path: str) -> tuple[int, bytes]:
        reply = get(f"http://{self.server.http}{path}", most=1_000_000, timeout_s=10)
        return reply.status, reply.body

    def status(self) -> Any:
        code, body = self.get("/ledgers/main/status")
        assert code == 200
        return json.loads(body)

    def published(self) -> WitnessedCheckpoint:
        """The newest published checkpoint, as a reader with trust.txt opens it."""
        code, note = self.get("/ledgers/main/checkpoint")
        assert code == 200
        policy = parse_trust_policy((self.server.data / "trust.txt").read_bytes())
        origin = next(log.key.name for log in policy.logs)
        return open_witnessed(note, policy, origin)

    def report(
        self,
        own_id: str,
        wait_for: ingest_pb2.WaitFor.ValueType = ingest_pb2.WAIT_FOR_COMMITTED,
        timeout_s: float = 40,
    ) -> ingest_pb2.ReportToolUseResponse:
        use = common_pb2.ToolUse(
            agency=AGENCY,
            technology="technologies/reader",
            source="sources/s",
            source_event_id=own_id,
            capture=common_pb2.CAPTURE_LIVE,
        )
        request = ingest_pb2.ReportToolUseRequest(parent=PARENT, tool_use=use, wait_for=wait_for)
        with grpc.insecure_channel(self.server.grpc) as channel:
            stub = ingest_pb2_grpc.IngestServiceStub(channel)
            return stub.ReportToolUse(request, timeout=timeout_s)

    def register(self) -> None:
        agency = registry_pb2.Agency(name=AGENCY, display_name="Sampleton")
        with grpc.insecure_channel(self.server.grpc) as channel:
            RegistryServiceStub(channel).RegisterAgency(
                registry_pb2.RegisterAgencyRequest(parent=PARENT, agency=agency)
            )

    def await_published(self, tree_size: int) -> WitnessedCheckpoint:
        return eventually(self.published, lambda found: found.checkpoint.tree_size >= tree_size)


def eventually(ask: Callable[[], T], good: Callable[[T], bool]) -> T:
    """What is found, once it is good."""
    deadline = time.monotonic() + SOON_S
    while True:
        found = ask()
        if good(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def candour(*arguments: object, exit_code: int = 0) -> str:
    """A command in a process of its own; stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "CANDOUR_WITNESS_POLICY": ""},
        check=False,
        timeout=60,
    )
    assert exit_code == done.returncode, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr
