"""Several front-ends of one ledger: how tests start them with shared keys, and load all of them.

keys ──copied──► FrontEnd ×n: `candour serve`, each in a directory of its own, on one PostgreSQL
Writers: a client SDK each, with a spool, until the block is left ──► receipts by id
"""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, Self

import grpc

from services.cli.local_server import LocalServer
from services.client import Client, Receipt, Settings
from services.pb.candour.v1 import ingest_pb2, ingest_pb2_grpc, registry_pb2, registry_pb2_grpc
from services.pb.candour.v1.proofs_pb2 import GetTreeHeadRequest
from services.pb.candour.v1.proofs_pb2_grpc import ProofsServiceStub
from services.runtime.keys import open_keys
from tests.e2e.reporting_client import refused, use

WAIT_S: Final = 120.0
PAUSE_S: Final = 0.03  # between two uses of one writer: tens a second, on a shared machine
# Whatever is counted, a bundle about it rests on a root of the usage index and on all of its history.
PROVE_COUNT: Final = (
    *("prove", "count", "--agency", "agencies/a", "--technology", "technologies/t"),
    *("--from", "2026-01-01", "--to", "2026-01-31"),
)
ANY_SIZE: Final = ("--min-tree-size", "1")  # for whoever checks it
QUICK: Final = Settings(max_delay_s=0.5)


def make_keys(folder: Path, ledgers: Sequence[str] = ("main",)) -> Path:
    """Keys as an operator puts them into a secret, made before any front-end; their folder."""
    for ledger in ledgers:
        open_keys(folder, ledger)
    return folder / "keys"


class FrontEnd:
    """A front-end in an empty directory, with nothing but keys; it keeps its addresses.

    Args:
        environment: Where its ledgers live, which those are; it may be changed between starts.
        release: As of LocalServer.
    """

    def __init__(
        self,
        data: Path,
        keys: Path,
        environment: Mapping[str, str],
        *,
        release: Path | None = None,
    ) -> None:
        self.data, self.environment = data, dict(environment)
        self._release = release
        self.server: LocalServer | None = None
        data.mkdir()
        shutil.copytree(keys, data / "keys")

    def start(self) -> Self:
        """A new process, at the addresses that clients know."""
        known = self.server
        where = {} if known is None else {"grpc": known.grpc, "http": known.http}
        self.server = LocalServer(
            self.data, environment=self.environment, release=self._release, **where
        )
        self.server.start()
        return self

    @property
    def running(self) -> LocalServer:
        assert self.server is not None, "it was started"
        return self.server

    @property
    def grpc(self) -> str:
        return self.running.grpc

    def kill(self) -> None:
        if self.server is not None:
            self.server.kill()


def register(target: str, ledger: str = "main") -> None:
    with grpc.insecure_channel(target) as channel:
        registry_pb2_grpc.RegistryServiceStub(channel).RegisterAgency(
            registry_pb2.RegisterAgencyRequest(
                parent=f"ledgers/{ledger}",
                agency=registry_pb2.Agency(name="agencies/a", display_name="A"),
            )
        )


def head(target: str, ledger: str = "main") -> int:
    with grpc.insecure_channel(target) as channel:
        request = GetTreeHeadRequest(parent=f"ledgers/{ledger}")
        return ProofsServiceStub(channel).GetTreeHead(request).tree_size


def report_again(target: str, ids: Sequence[str], ledger: str = "main") -> dict[str, int]:
    """Where each use stands; fails where one is not recorded already."""
    found: dict[str, int] = {}
    with grpc.insecure_channel(target) as channel:
        stub = ingest_pb2_grpc.IngestServiceStub(channel)
        for some in (ids[start : start + 1_000] for start in range(0, len(ids), 1_000)):
            request = ingest_pb2.BatchReportToolUsesRequest(
                parent=f"ledgers/{ledger}", tool_uses=[use(one) for one in some]
            )
            results = stub.BatchReportToolUses(request).results
            assert all(result.receipt.duplicate for result in results)
            found |= dict(zip(some, (result.receipt.leaf_index for result in results), strict=True))
    return found


class Writers:
    """One client a front-end, each reporting uses of its own until told to stop."""

    def __init__(self, targets: Sequence[str], folder: Path, ledger: str, prefix: str) -> None:
        self.futures: dict[str, Future[Receipt]] = {}
        self._stop = threading.Event()
        self._stack = ExitStack()
        self._threads = []
        for number, target in enumerate(targets):
            client = self._stack.enter_context(
                Client(
                    target,
                    ledger=ledger,
                    spool=folder / f"spool-{ledger}-{prefix}{number}",
                    on_refused=refused,
                    settings=QUICK,
                )
            )
            arguments = (client, f"{prefix}{number}")
            self._threads.append(threading.Thread(target=self._write, args=arguments))
        for thread in self._threads:
            thread.start()

    def _write(self, client: Client, prefix: str) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            one = f"{prefix}-{number}"
            self.futures[one] = client.report(use(one))
            time.sleep(PAUSE_S)

    def receipts(self) -> int:
        """How many there are by now."""
        return sum(future.done() for future in list(self.futures.values()))

    def await_more(self, count: int = 50) -> None:
        """Return once so many more have come."""
        wanted, deadline = self.receipts() + count, time.monotonic() + WAIT_S
        while self.receipts() < wanted:
            assert time.monotonic() < deadline, "no more receipts come"
            time.sleep(0.02)

    def end(self) -> dict[str, int]:
        """Stop, and wait for every receipt: where each use stands."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        found = {one: future.result(WAIT_S).leaf_index for one, future in self.futures.items()}
        self._stack.close()
        return found

    def give_up(self) -> None:
        """Whatever the test ended with, no thread outlives it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        with suppress(Exception):
            self._stack.close()


@contextmanager
def writers(
    targets: Sequence[str], folder: Path, *, ledger: str = "main", prefix: str = "w"
) -> Iterator[Writers]:
    """They write until the block is left, or `end` is called."""
    started = Writers(targets, folder, ledger, prefix)
    try:
        yield started
    finally:
        started.give_up()
