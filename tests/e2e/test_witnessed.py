"""Is only what witnesses vouch for shown, and does a ledger that lost its history stay silent?

report ─► held back while too few witnesses answer ─► published when they are back
an old backup ─► the witness remembers ─► nothing is published, appended or signed
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from ledger.ingest.sample import sample_export
from ledger.tlog import claimed_checkpoint
from services.cli.failures import CommandFailed
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2 as pb
from tests.e2e.conftest import STORES, run
from tests.e2e.witnessed import Watch, Watched, begin, eventually
from tests.postgres import create_database, drop_database

TWO_OF_THREE = "group two 2 w0 w1 w2\nquorum two\n"


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """A fresh database for PostgreSQL, nothing for SQLite."""
    if request.param == "sqlite":
        yield None
        return
    server_url = request.getfixturevalue("postgres_server")
    url = create_database(server_url)
    yield url
    drop_database(server_url, url)


def test_two_of_three_publish(tmp_path: Path, database_url: str | None) -> None:
    """With one witness down all goes on; with two it is held back, said why, and caught up."""
    data = tmp_path / "data"
    key = begin(data, database_url)
    with (
        Watch(tmp_path, key, ("w0", "w1", "w2"), TWO_OF_THREE) as watch,
        LocalServer(data, database_url=database_url, environment=watch.environment) as server,
    ):
        watched = Watched(server)
        # What was published before anybody had to cosign it is cosigned now.
        assert 0 == watched.published().checkpoint.tree_size
        watched.register()
        note = watched.report("1", pb.WAIT_FOR_WITNESSED).checkpoint
        found = watched.await_published(2)
        assert found.checkpoint == claimed_checkpoint(note.encode())

        watch.witnesses["w0"].kill()
        watched.report("2", pb.WAIT_FOR_WITNESSED)
        assert {"w1", "w2"} == set(watched.published().cosigned)

        watch.witnesses["w1"].kill()
        with pytest.raises(grpc.RpcError) as late:
            watched.report("3", pb.WAIT_FOR_PUBLISHED, timeout_s=3)
        assert grpc.StatusCode.UNAVAILABLE == late.value.code()
        assert "quorum two is not met" in str(late.value.details())
        status = eventually(watched.status, lambda found: found["held_back"] is not None)
        assert 4 == status["tree_size"]
        assert 3 == status["published"]["tree_size"] == watched.published().checkpoint.tree_size
        assert "w1" in status["held_back"]["reason"]
        assert 3 == status["witnesses"]["w1"]["tree_size"]
        assert status["witnesses"]["w1"]["failure"]
        assert (200, b"ok\n") == watched.get("/readyz")

        watch.witnesses["w0"].start()
        watched.await_published(4)
        status = eventually(watched.status, lambda found: found["held_back"] is None)
        assert status["witnesses"]["w0"]["failure"] is None


def test_commands_wait_for_witnesses(tmp_path: Path) -> None:
    """A register command and an import that waited are under a checkpoint the quorum has signed."""
    data = tmp_path / "data"
    key = begin(data)
    export = tmp_path / "export.csv"
    export.write_bytes(sample_export(3))
    with (
        Watch(tmp_path, key, ("w0",), "quorum w0\n") as watch,
        LocalServer(data, environment=watch.environment) as server,
    ):
        watched = Watched(server)
        common = ("--wait", "witnessed", "--format", "json", "--target", server.grpc)
        done = run("candour", "agencies", "register", "Sampleton PD", *common)
        assert 0 == done.exit_code, done.err
        assert done.json["leaf_index"] < watched.published().checkpoint.tree_size
        who = ("--agency", "Sampleton PD", "--technology", "Platewatch")
        done = run("candour", "import", "flock", export, *who, *common)
        assert (0, 3) == (done.exit_code, done.json["accepted"]), done.err
        found = watched.published()
        assert {"w0"} == set(found.cosigned)
        assert (
            8 <= found.checkpoint.tree_size
        )  # agency, technology, source, file, its rows, its end


def test_evidence_names_its_witnesses(tmp_path: Path) -> None:
    """An answer under a witnessed checkpoint is verified offline by the trust file written for it."""
    data = tmp_path / "data"
    key = begin(data)
    with (
        Watch(tmp_path, key, ("w0",), "quorum w0\n") as watch,
        LocalServer(data, environment=watch.environment) as server,
    ):
        watched = Watched(server)
        watched.register()
        watched.report("1", pb.WAIT_FOR_WITNESSED)
        bundle = tmp_path / "bundle.json"
        proven = run("candour", "prove", "uses", "--out", bundle, "--target", server.grpc)
        assert 0 == proven.exit_code, proven.err
        verified = run("candour-verify", bundle, "--trust", data / "trust.txt")
        assert 0 == verified.exit_code, verified.out
        assert "cosigned by w0 at 20" in verified.out
        assert "the same history" not in verified.out

        other = (data / "trust.txt").read_text().replace("quorum w0", "group g all w0 w1\nquorum g")
        with Watch(tmp_path / "more", key, ("w1",), "quorum w1\n") as more:
            line = more.witnesses["w1"].policy_line()
        (tmp_path / "trust.txt").write_text(other.replace("group g", f"{line}group g"))
        refused = run("candour-verify", bundle, "--trust", tmp_path / "trust.txt")
        assert 1 == refused.exit_code, refused.out
        assert "cosigned by w0, which does not make quorum g" in refused.out


def restored(tmp_path: Path, watch: Watch) -> Path:
    """A ledger whose newest reports are gone, with all that is witnessed of them."""
    data, backup = tmp_path / "data", tmp_path / "backup"
    with LocalServer(data, environment=watch.environment) as server:
        Watched(server).register()
        Watched(server).report("kept", pb.WAIT_FOR_WITNESSED)
    shutil.copytree(data, backup)
    with LocalServer(data, environment=watch.environment) as server:
        for number in range(3):
            Watched(server).report(f"lost {number}", pb.WAIT_FOR_WITNESSED)
    shutil.rmtree(data)
    shutil.copytree(backup, data)
    return data


@pytest.mark.parametrize("reports", [0, 1, 6])
def test_restored_backup_is_silenced(tmp_path: Path, reports: int) -> None:
    """Started unconfirmed: as soon as a witness answers, whatever was added meanwhile."""
    key = begin(tmp_path / "data")
    with Watch(tmp_path, key, ("w0",), "quorum w0\n") as watch:
        data = restored(tmp_path, watch)
        watch.witnesses["w0"].kill()
        environment = {**watch.environment, "CANDOUR_START_UNCONFIRMED": "1"}
        with LocalServer(data, environment=environment) as server:
            watched = Watched(server)
            for number in range(reports):
                watched.report(f"new {number}")
            watch.witnesses["w0"].start()
            status = eventually(watched.status, lambda found: found["halted"] is not None)
            assert "has signed a tree of 5 entries" in status["halted"]
            assert 2 == watched.published().checkpoint.tree_size
            code, body = watched.get("/readyz")
            assert 503 == code
            assert b"has signed a tree of 5 entries" in body
            with pytest.raises(grpc.RpcError) as refused:
                watched.report("more")
            assert grpc.StatusCode.FAILED_PRECONDITION == refused.value.code()
            time.sleep(1)
            assert 2 + reports == watched.status()["tree_size"]


@pytest.mark.postgres
def test_two_servers_overtake_each_other(tmp_path: Path, postgres_url: str) -> None:
    """On one ledger, with the same witnesses: neither takes the other for a fork."""
    here, there = tmp_path / "here", tmp_path / "there"
    key = begin(here, postgres_url)
    shutil.copytree(here, there)
    with (
        Watch(tmp_path, key, ("w0", "w1"), "group both all w0 w1\nquorum both\n") as watch,
        LocalServer(here, database_url=postgres_url, environment=watch.environment) as first,
        LocalServer(there, database_url=postgres_url, environment=watch.environment) as second,
    ):
        servers = [Watched(first), Watched(second)]
        servers[0].register()
        with ThreadPoolExecutor(8) as callers:
            told = callers.map(
                lambda number: servers[number % 2].report(str(number), pb.WAIT_FOR_WITNESSED),
                range(80),
            )
            assert 80 == len({answer.receipt.leaf_index for answer in told})
        for watched in servers:
            assert 81 == watched.await_published(81).checkpoint.tree_size
            assert watched.status()["halted"] is None
            eventually(watched.status, lambda found: found["held_back"] is None)


def test_policy_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """A server does not start, and fall back to publishing without witnesses."""
    policy = tmp_path / "policy"
    for text, reason in [
        ("quorum none\n", "must name 1 to 32 witnesses"),
        ("nonsense\n", "line 1"),
        (None, "No such file"),
    ]:
        policy.unlink(missing_ok=True)
        if text is not None:
            policy.write_text(text)
        with pytest.raises(CommandFailed, match=reason):
            LocalServer(
                tmp_path / "data", environment={"CANDOUR_WITNESS_POLICY": str(policy)}
            ).start()
