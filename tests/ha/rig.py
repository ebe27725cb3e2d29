"""What runs in a failover test? The cluster, a real server on it, a witness, and who reports.

Cluster ◄──DSN of three hosts── candour serve ◄──SDK── Load
                                    └──checkpoints──► candour witness serve, whose quorum is asked for
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ledger.store.postgres import PostgresStore
from ledger.tlog import Checkpoint, VerifierKey
from services.cli.local_server import LocalServer
from tests.e2e.witnessed import Watch, Watched, begin
from tests.ha.cluster import Cluster
from tests.ha.judging import Judge, Judgement, witnessed_last
from tests.ha.load import Load

SOON_S: Final = 60.0


class Rig:
    """All of it, running. Use it as a context manager.

    Args:
        folder: For the server's data and the witness's.
        cluster: Running; closing it stays with whoever started it.
        rate: Uses a second.
        witnessed: False: nobody cosigns, which saves some seconds.
    """

    def __init__(
        self, folder: Path, cluster: Cluster, rate: float, *, witnessed: bool = True
    ) -> None:
        self.folder, self.cluster, self.rate = folder, cluster, rate
        self.watch: Watch | None = None
        self._witnessed, self._judged = witnessed, 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            url, data = self.cluster.url(), self.folder / "data"
            environment: Mapping[str, str] = {}
            if self._witnessed:
                watch = Watch(self.folder / "witnesses", begin(data, url), ("w0",), "quorum w0\n")
                self.watch = stack.enter_context(watch)
                environment = watch.environment
            self.server = LocalServer(data, database_url=url, environment=environment)
            stack.callback(self.server.kill)
            self.server.start()
            self.watched = Watched(self.server)
            self.watched.register()
            self.key = VerifierKey.parse((data / "main.vkey").read_text().strip())
            self._judge = Judge(self.key)
            self.load = Load(self.server.grpc, self.rate)
            stack.callback(self.load.close)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def status(self) -> Any:
        """What the server says of the ledger."""
        return self.watched.status()

    @property
    def halted(self) -> str:
        """Why the server appends and signs nothing; blank where it does, or cannot say now."""
        code, body = self.watched.get("/ledgers/main/status")
        return str(json.loads(body)["halted"] or "") if code == 200 else ""

    def witnessed(self) -> list[Checkpoint]:
        """What the witness cosigned last; nothing where nobody does."""
        if self.watch is None:
            return []
        found = witnessed_last(self.watch.witnesses["w0"].line.split()[-1], self.key)
        return [] if found is None else [found]

    def await_published(self) -> None:
        """What is committed is cosigned, too; without it an event could lose nothing witnessed."""
        deadline = time.monotonic() + SOON_S
        while True:
            status = self.status
            if status["tree_size"] == self.watched.published().checkpoint.tree_size:
                return
            assert time.monotonic() < deadline, status
            time.sleep(0.1)

    def judge(self) -> Judgement:
        """Of what was acknowledged since it was asked last; the load is paused."""
        told = self.load.acknowledged[self._judged :]
        self._judged += len(told)
        store = PostgresStore(self.cluster.url(), create=False)
        try:
            return self._judge.judge(store, told, self.load.offered, self.witnessed())
        finally:
            store.close()
