"""Does a running ledger find out that its database server was exchanged for one that is behind?

live, witnessed ─► another server at the same address ─► witnesses are asked ─► goes on, or halts
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from services.cli.failures import CommandFailed
from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2 as pb
from tests.e2e.test_restored import refused
from tests.e2e.witnessed import Watch, Watched, begin, eventually
from tests.postgres import PostgresCluster
from tests.store.test_past import copy


@pytest.fixture
def watch(tmp_path: Path, postgres_cluster: PostgresCluster) -> Iterator[Watch]:
    key = begin(tmp_path / "data", postgres_cluster.url())
    with Watch(tmp_path / "witnesses", key, ("w0",), "quorum w0\n") as found:
        yield found


def server_of(tmp_path: Path, cluster: PostgresCluster, watch: Watch) -> LocalServer:
    return LocalServer(tmp_path / "data", database_url=cluster.url(), environment=watch.environment)


def test_server_that_is_behind_gets_no_signature(
    tmp_path: Path, postgres_cluster: PostgresCluster, watch: Watch
) -> None:
    """Under a running process, and at the next start: no receipt, no checkpoint, and it is said why."""
    old = postgres_cluster.home / "old"
    postgres_cluster.stop()
    copy(postgres_cluster.data, old)
    postgres_cluster.start()
    server = server_of(tmp_path, postgres_cluster, watch)
    with server:
        watched = Watched(server)
        watched.register()
        watched.report("seen by the witness", pb.WAIT_FOR_WITNESSED)
        postgres_cluster.stop()
        shutil.rmtree(postgres_cluster.data)
        old.rename(postgres_cluster.data)
        postgres_cluster.start()
        for number in range(3):
            code, _ = refused(lambda n=number: watched.report(f"new {n}"))  # type: ignore[misc]  # mypy infers no lambda with a default
            assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION)
        status = eventually(watched.status, lambda found: "has signed" in str(found["halted"]))
        assert 0 == status["tree_size"]
        code, why = refused(lambda: watched.report("more"))
        assert (grpc.StatusCode.FAILED_PRECONDITION, True) == (code, "signs nothing more" in why)
        assert 503 == watched.get("/readyz")[0]
    with pytest.raises(CommandFailed, match="has signed a tree of 2 entries, and its database"):
        server_of(tmp_path, postgres_cluster, watch).start()


def test_witnesses_are_asked_before_another_server_is_gone_on_with(
    tmp_path: Path, postgres_cluster: PostgresCluster, watch: Watch
) -> None:
    """While they are silent nothing is appended; once they have spoken, it goes on by itself."""
    with server_of(tmp_path, postgres_cluster, watch) as server:
        watched = Watched(server)
        watched.register()
        watched.report("before", pb.WAIT_FOR_WITNESSED)
        watch.witnesses["w0"].kill()
        postgres_cluster.kill()
        postgres_cluster.start()
        for _ in range(20):  # sessions that were killed, then the change is noticed
            code, why = refused(lambda: watched.report("after"))
            assert grpc.StatusCode.UNAVAILABLE == code
            if "until enough witnesses" in why:
                break
        assert "until enough witnesses have said what they cosigned last" in why
        watch.witnesses["w0"].start()
        eventually(watched.status, lambda found: found["halted"] is None)
        assert 3 == watched.report("after", pb.WAIT_FOR_WITNESSED).receipt.leaf_index + 1
