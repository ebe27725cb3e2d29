"""Several ledgers in one deployment: each its own, and a directory that commits to all of them."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from ledger.directory.__main__ import main as check_proof
from services.cli.local_server import LocalServer
from services.runtime.http_client import get
from tests.e2e.conftest import STORES
from tests.e2e.two_ledgers import LEDGERS, Places, Two, database_of, two
from tests.e2e.witnessed import Watch, candour, eventually

KILLS = 3
BATCH = 20


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    with database_of(request) as url:
        yield url


def test_each_has_its_own(tmp_path: Path, database_url: str | None) -> None:
    """Tree, origin, key and uses are one ledger's; what is listed of it is proven offline."""
    data = tmp_path / "data"
    with two(data, database_url) as found:
        found.register()
        found.report("main", "1", "2")
        found.report("court", "1")
        ledgers = found.await_listed()
        assert {"main": 3, "court": 2} == {name: ledgers[name].tree_size for name in LEDGERS}
        assert 3 == len({item.origin for item in ledgers.values()})
        assert 3 == len({item.vkey for item in ledgers.values()})
        assert ["directory"] == [name for name, item in ledgers.items() if item.directory]
        for name, count in {"main": 2, "court": 1}.items():
            assert count == len(found.place.json("uses", "list", "--ledger", name))

        rows = found.place.json("ledgers", "list")
        assert ["court", "main", "directory"] == [row["ledger"] for row in rows]
        assert [2, 3, None] == [row["listed"] for row in rows]
        reply = get(f"http://{found.server.http}/ledgers", most=1_000, timeout_s=10)
        assert {"ledgers": ["court", "main"], "directory": "directory"} == json.loads(reply.body)

        proof = tmp_path / "court.tlog-proof"
        told = found.place.json("directory", "proof", "--ledger", "court", "--out", proof)
        assert (ledgers["court"].origin, 2) == (told["origin"], told["tree_size"])
        good = [proof, "--trust", data / "directory.trust.txt"]
        assert 0 == check_proof(list(map(str, [*good, "--ledger-trust", data / "court.trust.txt"])))
        assert 1 == check_proof(list(map(str, [*good, "--ledger-trust", data / "trust.txt"])))
        audited = found.audit()
        assert "good" == audited["verdict"]
        assert {item.origin for item in ledgers.values() if not item.directory} == {
            item["origin"] for item in audited["ledgers"]
        }


def test_directory_is_a_log_to_read_alone(tmp_path: Path) -> None:
    """A monitor follows it as any log, from tiles; nobody reports to it or takes its name."""
    data = tmp_path / "data"
    with two(data) as found:
        found.register()

        def look() -> str:
            url, key = f"http://{found.server.http}/ledgers/directory", data / "directory.vkey"
            return candour("monitor", url, "--vkey", key, "--state", tmp_path / "seen", "--once")

        size = found.await_listed()["directory"].tree_size
        assert f"size {size}: the first look, believed" in look()
        found.report("court", "1")
        grown = found.await_listed()["directory"].tree_size
        assert f"size {grown}: adds to {size}" in look()
        with pytest.raises(grpc.RpcError) as refused:
            found.report("directory", "1")
        assert grpc.StatusCode.NOT_FOUND == refused.value.code()
        found.place.candour(
            "directory", "proof", "--ledger", "directory", "--out", tmp_path / "p", exit_code=1
        )
    assert "is the log that lists the others" in candour(
        "serve", "--ledger", "directory", "--data", tmp_path / "other", exit_code=2
    )


def test_directory_alone_is_witnessed(tmp_path: Path) -> None:
    """One witness for all ledgers: without it the directory is held back, and no ledger is."""
    data = tmp_path / "data"
    with two(data):
        pass
    key = (data / "directory.vkey").read_text().strip()
    with Watch(tmp_path, key, ("w0",), "quorum w0\n") as watch:
        policy = watch.environment["CANDOUR_WITNESS_POLICY"]
        with two(data, CANDOUR_DIRECTORY_WITNESS_POLICY=policy) as found:
            found.register()
            found.await_listed()
            proof = tmp_path / "p"
            found.place.candour("directory", "proof", "--ledger", "court", "--out", proof)
            told = candour(
                *("directory", "verify", proof, "--trust", data / "directory.trust.txt"),
                *("--ledger-trust", data / "court.trust.txt"),
            )
            assert "cosigned by w0" in told
            watch.witnesses["w0"].kill()
            found.report("court", "1")
            ledgers = eventually(found.ledgers, lambda all_: all_["court"].listed_tree_size == 2)
            assert 2 == ledgers["court"].checkpoint_tree_size
            reply = get(
                f"http://{found.server.http}/ledgers/directory/status", most=9_999, timeout_s=9
            )
            status = json.loads(reply.body)
            assert status["published"]["tree_size"] < status["tree_size"]
            assert 200 == get(f"http://{found.server.http}/readyz", most=99, timeout_s=9).status
            watch.witnesses["w0"].start()
            found.await_listed()


def test_ledger_is_named_where_it_must_be(tmp_path: Path) -> None:
    """A command without --ledger speaks of the only one, or asks which."""
    data = tmp_path / "data"
    with two(data, ledgers=("court",)) as found:
        found.place.candour("agencies", "register", "A")
        assert {"court": 1} == {name: item.tree_size for name, item in found.ledgers().items()}
    with two(data, ledgers=("court", "third")) as found:
        told = found.place.candour("agencies", "register", "B", exit_code=1).err
        assert "serves court, third. Say which with --ledger NAME" in told


# --- kill -9 ----------------------------------------------------------------------------
def _report_until_killed(found: Two, ledger: str, unsent: list[str], places: Places) -> None:
    """Report batch after batch to one ledger; what got no answer goes back to `unsent`."""
    while True:
        ids = unsent[:BATCH]
        del unsent[:BATCH]
        while len(ids) < BATCH:
            ids.append(f"{ledger}-{random.getrandbits(64):x}")
        try:
            results = found.report(ledger, *ids, timeout_s=10)
        except grpc.RpcError:
            unsent += ids
            return
        for own_id, result in zip(ids, results, strict=True):
            place = (result.receipt.leaf_index, result.receipt.leaf_hash)
            assert places.setdefault(own_id, place) == place


@pytest.mark.timeout(300)
def test_killed_server_loses_nothing_of_either(tmp_path: Path, database_url: str | None) -> None:
    """What was acknowledged stands in its ledger, once; the directory lists all that is kept."""
    data = tmp_path / "data"
    places: dict[str, Places] = {ledger: {} for ledger in LEDGERS}
    unsent: dict[str, list[str]] = {ledger: [] for ledger in LEDGERS}
    for number in range(KILLS):
        environment = {"CANDOUR_LEDGERS": " ".join(LEDGERS)}
        server = LocalServer(data, database_url=database_url, environment=environment)
        server.start()
        found = Two(server, database_url)
        if number == 0:
            found.register()
        reporters = [
            threading.Thread(
                target=_report_until_killed, args=(found, ledger, unsent[ledger], places[ledger])
            )
            for ledger in LEDGERS
        ]
        for reporter in reporters:
            reporter.start()
        time.sleep(0.3 + 1.2 * random.random())  # publication and listing come in between
        server.kill()
        for reporter in reporters:
            reporter.join()
        found.close()
    with two(data, database_url) as found:
        for ledger in LEDGERS:
            late = {own_id: found.report(ledger, own_id)[0] for own_id in unsent[ledger]}
            assert places[ledger], "something was acknowledged"
            for start in range(0, len(places[ledger]), 1_000):
                ids = list(places[ledger])[start : start + 1_000]
                for own_id, result in zip(ids, found.report(ledger, *ids), strict=True):
                    place = (result.receipt.leaf_index, result.receipt.leaf_hash)
                    assert places[ledger][own_id] == place
            size = found.ledgers()[ledger].tree_size
            assert size >= 1 + len(places[ledger] | late)  # roots of the index are entries too
        found.await_listed()
        audited = found.audit()
        assert "good" == audited["verdict"], audited
        for ledger in LEDGERS:
            found.place.candour("audit", "--ledger", ledger)
