"""Is nothing lost when the leader of the database is killed? The shortest event of `make ha-test`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.store.postgres import PostgresStore
from tests.ha.cluster import Cluster
from tests.ha.events import await_going_on
from tests.ha.network import Loopback, Namespaces, NetworkRefused, Side
from tests.ha.programs import MISSING, REQUIRE_VARIABLE, PatroniMissing, Programs
from tests.ha.rig import Rig
from tests.laws.trees import check_tree

pytestmark = [pytest.mark.patroni, pytest.mark.timeout(300)]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three nodes on loopback, which works as anybody."""
    try:
        Programs.find()
    except PatroniMissing as missing:
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(f"{MISSING} ({REQUIRE_VARIABLE}=1): {missing}", pytrace=False)
        pytest.skip(f"{MISSING}: {missing}")
    with Cluster(Loopback()) as running:
        yield running


def test_killed_leader_loses_nothing_acknowledged(cluster: Cluster, tmp_path: Path) -> None:
    """PostgreSQL's leader dies by SIGKILL under load; another leads, and all that was acknowledged is
    there, once, in one tree that every checkpoint is of."""
    with Rig(tmp_path, cluster, rate=50, witnessed=False) as rig:
        rig.load.resume()
        assert rig.load.await_acknowledged(50, within_s=60)
        old = cluster.leader()
        cluster.nodes[old].kill_postgres()
        assert old != cluster.await_leader_but(old)
        await_going_on(rig)
        rig.load.pause()
        rig.await_published()
        found = rig.judge()
        store = PostgresStore(cluster.url(), create=False)
        try:
            check_tree(store)
        finally:
            store.close()

        assert ([], 0, 0, True) == (rig.load.failed, found.doubled, found.inconsistent, found.whole)
        assert rig.load.offered == found.acknowledged == found.found


def test_pulled_cable_lets_nothing_through() -> None:
    """A node whose cable is pulled reaches nobody and is told nothing; put back, it does again."""
    try:
        network = Namespaces()
    except NetworkRefused as refused:
        pytest.skip(f"needs network namespaces: {refused}")
    try:
        assert _reaches(network, 1, network.address(2))
        network.pull(1, Side.PEERS)
        assert not _reaches(network, 1, network.address(2))
        assert _reaches(network, 2, network.address(3))
        network.plug(1)
        assert _reaches(network, 1, network.address(2))
    finally:
        network.close()


def _reaches(network: Namespaces, node: int, address: str) -> bool:
    """True where a refusal, which is an answer, comes back within moments."""
    script = (
        "import socket, sys; s = socket.socket(); s.settimeout(2)\n"
        f"try: s.connect(({address!r}, 9))\n"
        "except ConnectionRefusedError: sys.exit(0)\n"
        "except OSError: sys.exit(1)"
    )
    command = network.inside(node, [sys.executable, "-c", script])
    return subprocess.run(command, check=False).returncode == 0
