"""Does a ledger whose database was set back stay silent, from its first moment on?

live ─► backup ─► more reports, witnessed ─► restore ─► start: witnesses are asked before all else
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import psycopg
import pytest

from services.cli.failures import CommandFailed
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2 as pb
from tests.e2e.conftest import STORES
from tests.e2e.witnessed import Watch, Watched, begin, eventually
from tests.postgres import create_database, drop_database, find_binaries

SCHEMA = "candour_main"


@dataclass(frozen=True)
class Kept:
    """A data directory, its database, and how an operator backs both up."""

    data: Path
    database_url: str | None

    @property
    def backup(self) -> Path:
        return self.data.with_name("backup")

    def server(self, environment: Mapping[str, str]) -> LocalServer:
        return LocalServer(self.data, database_url=self.database_url, environment=environment)

    def back_up(self) -> None:
        """As docs/guides/operator.md says."""
        if self.database_url is None:
            shutil.copytree(self.data, self.backup)
            return
        dump = ("pg_dump", "--format", "custom", "--schema", SCHEMA, "--file", self.backup)
        _postgres(*dump, self.database_url)

    def restore(self) -> None:
        if self.database_url is None:
            shutil.rmtree(self.data)
            shutil.copytree(self.backup, self.data)
            return
        with psycopg.connect(self.database_url) as connection:
            connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE".encode())
        _postgres("pg_restore", "--exit-on-error", "--dbname", self.database_url, self.backup)


def _postgres(program: str, *arguments: object) -> None:
    command = [str(find_binaries() / program), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert 0 == done.returncode, done.stderr


@pytest.fixture(params=STORES)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "sqlite":
        yield Kept(tmp_path / "data", None)
        return
    server_url = request.getfixturevalue("postgres_server")
    url = create_database(server_url)
    yield Kept(tmp_path / "data", url)
    drop_database(server_url, url)


@pytest.fixture
def watch(kept: Kept, tmp_path: Path) -> Iterator[Watch]:
    key = begin(kept.data, kept.database_url)
    with Watch(tmp_path, key, ("w0", "w1", "w2"), "group two 2 w0 w1 w2\nquorum two\n") as found:
        yield found


def set_back(kept: Kept, watch: Watch) -> None:
    """Two entries are kept, three more are witnessed and lost."""
    with kept.server(watch.environment) as server:
        Watched(server).register()
        Watched(server).report("kept", pb.WAIT_FOR_WITNESSED)
    kept.back_up()
    with kept.server(watch.environment) as server:
        for number in range(3):
            Watched(server).report(f"lost {number}", pb.WAIT_FOR_WITNESSED)
    kept.restore()


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as found:
        call()
    return found.value.code(), str(found.value.details())


def test_restored_ledger_signs_nothing_while_witnesses_are_silent(kept: Kept, watch: Watch) -> None:
    """No receipt, no checkpoint, no entry before they have spoken; and none when they have."""
    set_back(kept, watch)
    with pytest.raises(CommandFailed, match="has signed a tree of 5 entries, and its database"):
        kept.server(watch.environment).start()  # with all of them there, it is not even served
    for witness in watch.witnesses.values():
        witness.kill()
    with kept.server(watch.environment) as server:
        watched = Watched(server)
        code, why = refused(lambda: watched.report("new"))
        assert grpc.StatusCode.UNAVAILABLE == code
        assert "until enough witnesses have said what they cosigned last" in why
        assert "--start-unconfirmed" in why
        assert 503 == watched.get("/readyz")[0]
        watch.witnesses["w1"].start()
        status = eventually(watched.status, lambda found: "has signed" in str(found["halted"]))
        assert 2 == status["tree_size"]
        assert grpc.StatusCode.FAILED_PRECONDITION == refused(lambda: watched.report("more"))[0]
        ready, body = watched.get("/readyz")
        assert (503, True) == (ready, b"has signed a tree of 5 entries" in body)
        assert 2 == watched.published().checkpoint.tree_size


def test_honest_ledger_goes_on_when_enough_have_spoken(kept: Kept, watch: Watch) -> None:
    """One of three may stay silent for good; with two of them silent nothing is known."""
    with kept.server(watch.environment) as server:
        Watched(server).register()
        Watched(server).report("1", pb.WAIT_FOR_WITNESSED)
    watch.witnesses["w0"].kill()
    watch.witnesses["w1"].kill()
    with kept.server(watch.environment) as server:
        watched = Watched(server)
        assert grpc.StatusCode.UNAVAILABLE == refused(lambda: watched.report("2"))[0]
        watch.witnesses["w1"].start()
        eventually(watched.status, lambda found: found["halted"] is None)
        assert 3 == watched.report("2", pb.WAIT_FOR_WITNESSED).receipt.leaf_index + 1
        assert (200, b"ok\n") == watched.get("/readyz")


def test_operator_may_go_on_without_them(kept: Kept, watch: Watch) -> None:
    """Reports are taken at once, and publication waits as it always does."""
    with kept.server(watch.environment) as server:
        Watched(server).register()
    for witness in watch.witnesses.values():
        witness.kill()
    environment = {**watch.environment, "CANDOUR_START_UNCONFIRMED": "1"}
    with kept.server(environment) as server:
        watched = Watched(server)
        watched.report("1")
        status = eventually(watched.status, lambda found: found["held_back"] is not None)
        assert (2, None) == (status["tree_size"], status["halted"])
