"""Does a ledger come back from its backups, and stay silent where it is too old?

    serve, witnessed ─► early backup, under load ─► more reports ─► late backup ─► disk lost
      early backup ─► held to the witness: short ─► not servable, and no server starts on it
      early backup, nobody asked ─► servable as far as it knows ─► its witness stops it at start
      early backup without disclosures and keys ─► readable, audited, says what it lost
      late backup ─► held to the witness: whole ─► served, known reports stay known, it grows

`make restore-drill` runs it on both stores and prints the table; a test runs each.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import grpc

from services.cli.failures import CommandFailed
from services.cli.local_server import LocalServer
from services.cli.main import main as candour
from services.pb.candour.v1 import ingest_pb2 as pb
from tests.e2e.witnessed import Watch, Watched, begin

_WITNESSED = pb.WAIT_FOR_WITNESSED
_EARLY, _BETWEEN = 5, 4

# Says what a step found.
Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One line of the table."""

    store: str
    step: str
    found: str
    good: bool
    seconds: float


@dataclass
class Drill:
    """One drill on one store.

    Args:
        folder: Empty.
        new_database: Makes an empty database and gives its URL; None for SQLite.
        lose_database: Takes one away with all that is in it.
    """

    folder: Path
    new_database: Callable[[], str] | None = None
    lose_database: Callable[[str], None] | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def store(self) -> str:
        return "SQLite" if self.new_database is None else "PostgreSQL"

    def run(self) -> list[Step]:
        """All of it; a step that is not good ends it."""
        data, url = self.folder / "data", self._database()
        key = begin(data, url)
        with Watch(self.folder / "witnesses", key, ("w0",), "quorum w0\n") as watch:
            early, late, seen = self._live(data, url, watch)
            witness = f"http://{watch.witnesses['w0'].listen}"
            with self._step("kill the server, lose its database and its disk") as told:
                # A projector may outlive its server for a moment, and write meanwhile.
                shutil.rmtree(data.rename(self.folder / "lost"), ignore_errors=True)
                if url is not None and self.lose_database is not None:
                    self.lose_database(url)
                told("nothing is left but backups and the witness")
            self._short(early, witness, watch.environment, seen)
            self._nobody_asked(early, watch.environment, seen)
            self._without(early)
            self._whole(late, witness, watch.environment, seen)
        return self.steps

    # --- the ledger's life --------------------------------------------------------
    def _live(self, data: Path, url: str | None, watch: Watch) -> tuple[Path, Path, int]:
        """The early and the late backup, and how many entries the witness saw."""
        server = LocalServer(data, database_url=url, environment=watch.environment)
        server.start()
        try:
            watched = Watched(server)
            with self._step(f"report {_EARLY} uses, witnessed") as told:
                watched.register()
                for number in range(_EARLY):
                    watched.report(f"early {number}", _WITNESSED)
                told(f"{watched.published().checkpoint.tree_size} entries")
            with self._step("candour backup, while uses are reported") as told, _load(watched):
                early = self._back_up(data, url)
                told(f"{self._manifest(early)['tree_size']} entries in {early.name}")
            with self._step(f"report {_BETWEEN} uses more, witnessed") as told:
                for number in range(_BETWEEN):
                    watched.report(f"between {number}", _WITNESSED)
                seen = watched.published().checkpoint.tree_size
                told(f"{seen} entries")
            with self._step("candour backup, once more") as told:
                late = self._back_up(data, url)
                told(f"{self._manifest(late)['tree_size']} entries in {late.name}")
                assert seen == self._manifest(late)["tree_size"]
        finally:
            server.kill()
        assert seen > self._manifest(early)["tree_size"]
        return early, late, seen

    def _back_up(self, data: Path, url: str | None) -> Path:
        out = self.folder / "backups"
        _, rows = self._json("backup", "--data", data, "--out", out, url=url)
        return Path(rows[0]["folder"])

    def _manifest(self, backup: Path) -> Any:
        return json.loads((backup / "manifest.json").read_text())

    # --- what comes back ------------------------------------------------------------
    def _short(self, backup: Path, witness: str, environment: Mapping[str, str], seen: int) -> None:
        held = self._manifest(backup)["tree_size"]
        data, url = self.folder / "short", self._database()
        with self._step("restore the early backup, held to the witness") as told:
            code, found = self._restore(backup, data, url, "--witness-checkpoint", witness)
            assert (1, False, seen - held) == (code, found["servable"], found["missing_entries"])
            told(f"not servable: {seen - held} of {seen} entries are missing; exit status {code}")
        with self._step("candour serve on it, its witness policy left out") as told:
            told(refused(data, url, {}, f"has signed a tree of {seen} entries"))

    def _nobody_asked(self, backup: Path, environment: Mapping[str, str], seen: int) -> None:
        data, url = self.folder / "unasked", self._database()
        with self._step("restore the early backup, nobody asked") as told:
            code, found = self._restore(backup, data, url)
            assert (0, True) == (code, found["servable"])
            assert any("no checkpoint that others kept" in one for one in found["not_known"])
            told("servable as far as it knows, and says that it does not know")
        with self._step("candour serve on it, with its witness policy") as told:
            told(refused(data, url, environment, f"has signed a tree of {seen} entries"))

    def _without(self, backup: Path) -> None:
        data, url = self.folder / "without", self._database()
        with self._step("restore without disclosures and keys") as told:
            parts = ("--without", "disclosures", "--without", "keys")
            code, found = self._restore(backup, data, url, *parts)
            assert (0, "good", 4) == (code, found["audit"], len(found["lost"]))
            told(f"audit good; {found['lost'][0]}")
        with self._step("candour audit, candour serve on it") as told:
            code, report = self._json("audit", "--data", data, url=url)
            assert (0, True) == (code, report["counts"]["erased"] > 0)
            said = refused(data, url, {}, "is missing; restore it")
            told(f"{report['counts']['erased']} values count as erased; {said}")

    def _whole(self, backup: Path, witness: str, environment: Mapping[str, str], seen: int) -> None:
        data, url = self.folder / "whole", self._database()
        with self._step("restore the late backup, held to the witness") as told:
            code, found = self._restore(backup, data, url, "--witness-checkpoint", witness)
            assert (0, True, seen) == (code, found["servable"], found["tree_size"])
            told(f"servable: {seen} entries, none missing, audit {found['audit']}")
        with self._step("serve it: send a use again, report a new one") as told:
            with LocalServer(data, database_url=url, environment=environment) as server:
                watched = Watched(server)
                again = once_confirmed(lambda: watched.report("early 0", _WITNESSED))
                new = watched.report("after", _WITNESSED)
                assert (1, seen) == (again.receipt.leaf_index, new.receipt.leaf_index)
            told(f"known at entry {again.receipt.leaf_index}; new at {seen}, witnessed")
        with self._step("candour audit, candour doctor") as told:
            assert 0 == self._json("audit", "--data", data, url=url)[0]
            policy = ("--witness-policy", environment["CANDOUR_WITNESS_POLICY"])
            ports = ("--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
            backups = ("--backups", self.folder / "backups")
            code, looks = self._json("doctor", "--data", data, *policy, *ports, *backups, url=url)
            bad = [look for look in looks if look["outcome"] == "bad"]
            assert not bad, bad
            told(f"audit good; doctor: {code}, of {len(looks)} looks none is bad")

    # --- how it is done -------------------------------------------------------------
    def _database(self) -> str | None:
        return None if self.new_database is None else self.new_database()

    def _restore(self, backup: Path, data: Path, url: str | None, *more: object) -> tuple[int, Any]:
        return self._json("restore", backup, "--data", data, *more, url=url)

    def _json(self, *arguments: object, url: str | None) -> tuple[int, Any]:
        """Exit status and JSON of a command, in this process."""
        told = {"CANDOUR_DATABASE_URL": url or "", "CANDOUR_WITNESS_POLICY": ""}
        out, err = io.StringIO(), io.StringIO()
        command = [str(argument) for argument in (*arguments, "--format", "json")]
        with patch.dict(os.environ, told), redirect_stdout(out), redirect_stderr(err):
            code = candour(command)
        assert out.getvalue(), err.getvalue()
        return code, json.loads(out.getvalue())

    def _step(self, step: str) -> AbstractContextManager[Tell]:
        return timed(self.steps, self.store, step)


@contextmanager
def timed(steps: list[Step], store: str, step: str) -> Iterator[Tell]:
    """A line of the table, with what the block tells, or with how it failed."""
    began, said = time.monotonic(), list[str]()
    try:
        yield said.append
    except BaseException as error:
        found = " ".join(str(error).split()) or type(error).__name__
        steps.append(Step(store, step, found, False, time.monotonic() - began))
        raise
    steps.append(Step(store, step, said[0], True, time.monotonic() - began))


def refused(data: Path, url: str | None, environment: Mapping[str, str], why: str) -> str:
    """What `candour serve` says as it refuses to start."""
    server, said = LocalServer(data, database_url=url, environment=environment), ""
    try:
        server.start()
    except CommandFailed as failed:
        said = failed.sentence
    finally:
        server.kill()
    assert why in said, said or f"a server started on {data}"
    return "it does not start: " + said.splitlines()[-1].strip()


@contextmanager
def _load(watched: Watched) -> Iterator[None]:
    """Reports come in, one after the other, until the block is left; at least one did."""
    ended, began = threading.Event(), threading.Event()

    def report() -> None:
        number = 0
        while not ended.is_set() or not began.is_set():
            watched.report(f"meanwhile {number}")
            number += 1
            began.set()

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    began.wait(60)
    try:
        yield
    finally:
        ended.set()
        thread.join(60)


def once_confirmed(
    report: Callable[[], pb.ReportToolUseResponse],
) -> pb.ReportToolUseResponse:
    """What is answered once the witnesses were heard."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return report()
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
