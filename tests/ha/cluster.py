"""How do tests get a PostgreSQL that fails over? Three nodes of deploy/postgres, on this machine.

    Cluster ──etcd ×3, then Patroni ×3──► a leader and a standby that has all ──► url() of all three

It runs as an unprivileged user, and does not outlive us: a watchdog kills what works below its
folder when our pipe to it closes.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import sql

from tests.ha.network import NODES, Network, best_network
from tests.ha.node import Node
from tests.ha.programs import Programs
from tests.postgres import unprivileged

T = TypeVar("T")
DATABASE: Final = "candour"  # and the role of the ledger, as patroni.yml's pg_hba names them
START_S: Final = 120  # three times initdb or a copy, on a loaded machine
PORT: Final = 5432
_REST_S: Final = 3
_POLL_S: Final = 0.1
_WATCHDOG: Final = """read -r _ || { for process in /proc/[0-9]*; do
  case "$(readlink "$process/cwd")" in "$1"/*) kill -9 "${process#/proc/}" ;; esac
done; rm -rf "$1"; } 2>/dev/null"""


class ClusterFailed(Exception):
    """The cluster did not come to where it should be; carries what it says of itself."""


@dataclass(frozen=True, slots=True)
class Member:
    """What Patroni says of one node."""

    name: str
    role: str  # leader, sync_standby, replica
    state: str

    @property
    def number(self) -> int:
        return int(self.name.removeprefix("db"))

    @property
    def runs(self) -> bool:
        return self.state in ("running", "streaming")


class Cluster:
    """Three nodes. Use it as a context manager.

    Args:
        network: The best one that we may make, if none is given.
    Raises:
        PatroniMissing: A program is not here.
        ClusterFailed: It does not come up.
    """

    def __init__(self, network: Network | None = None) -> None:
        programs = Programs.find()
        self.network = best_network() if network is None else network
        self._owner = unprivileged()
        self._passwords = {
            name: secrets.token_urlsafe(18)
            for name in ("superuser", "replication", "rewind", "restapi", DATABASE)
        }
        self.home = Path(tempfile.mkdtemp(prefix="candour-ha-")).resolve()
        self.nodes = {
            number: Node(
                number,
                self.home / f"db{number}",
                self.network,
                programs,
                self._owner,
                self._values(),
                self._secrets(),
            )
            for number in range(1, NODES + 1)
        }
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", self.home],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
        )

    def _values(self) -> dict[str, str]:
        at = {n: self.network.address(n) for n in range(1, NODES + 1)}
        return {
            "CANDOUR_ETCD": ",".join(f"{address}:2379" for address in at.values()),
            "CANDOUR_ETCD_MEMBERS": ",".join(f"db{n}=http://{at[n]}:2380" for n in at),
            "CANDOUR_NODES": self.network.nodes,
            "CANDOUR_FRONT_ENDS": self.network.front_ends,
            "CANDOUR_WATCHDOG": "off",  # it would reset this machine
        }

    def _secrets(self) -> dict[str, str]:
        names = {
            "superuser": "postgres",
            "replication": "replicator",
            "rewind": "rewinder",
            "restapi": "operator",
        }
        users = {f"PATRONI_{kind.upper()}_USERNAME": user for kind, user in names.items()}
        return users | {f"PATRONI_{kind.upper()}_PASSWORD": self._passwords[kind] for kind in names}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Return once there are a leader, and all standbys, and the ledger's database."""
        if self._owner:
            os.chown(self.home, self._owner["user"], self._owner["group"])
        for node in self.nodes.values():
            node.prepare()
            node.start_etcd()
        for node in self.nodes.values():
            node.start_patroni()
        self.await_whole()
        with self.superuser(self.leader()) as connection:
            connection.autocommit = True
            role, password = sql.Identifier(DATABASE), sql.Literal(self._passwords[DATABASE])
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))

    def close(self) -> None:
        """End every process, and remove the folder."""
        for node in self.nodes.values():
            node.kill()
        self._watchdog.communicate(b"\n", timeout=30)
        self.network.close()
        shutil.rmtree(self.home, ignore_errors=True)

    # --- where it is ------------------------------------------------------------------------
    def url(self, more: str = "") -> str:
        """The ledger's URL: all nodes, whichever leads."""
        hosts = ",".join(f"{self.network.client_address(n)}:{PORT}" for n in self.nodes)
        password = self._passwords[DATABASE]
        wanted = f"target_session_attrs=read-write{more}"
        return f"postgresql://{DATABASE}:{password}@{hosts}/{DATABASE}?{wanted}"

    def superuser(self, number: int) -> psycopg.Connection[Any]:
        """A connection to one node, by its socket."""
        return psycopg.connect(
            host=str(self.nodes[number].home),
            port=PORT,
            user="postgres",
            password=self._passwords["superuser"],
            dbname="postgres",
            connect_timeout=5,
        )

    # --- what it says of itself ---------------------------------------------------------------
    def members(self) -> list[Member]:
        """As whoever leads says, for one that is cut off remembers another; else as anybody says."""
        for number in sorted(self.nodes, key=lambda number: not self._leads(number)):
            with suppress(OSError, ValueError):
                said = json.loads(self._ask(number, "/cluster"))
                return [Member(one["name"], one["role"], one["state"]) for one in said["members"]]
        return []

    def _leads(self, number: int) -> bool:
        with suppress(OSError):
            return bool(self._ask(number, "/primary"))  # 503 where it does not hold the lock
        return False

    def state(self) -> str:
        """For people who wonder why: members, standbys, and what each Patroni said last."""
        said = [str(member) for member in self.members()]
        for node in self.nodes.values():
            with suppress(psycopg.Error), self.superuser(node.number) as connection:
                standbys = connection.execute(
                    "SELECT application_name, state, sync_state FROM pg_stat_replication"
                ).fetchall()
                names = connection.execute("SHOW synchronous_standby_names").fetchone()
                said.append(f"{node.name} is followed by {standbys}, waits for {names}")
            said.append(f"{node.name}:\n{node.log_tail()}")
        return "\n".join(said) + "\n"

    def find(self, role: str) -> int | None:
        """Who runs in a role now: leader, sync_standby."""
        return next((m.number for m in self.members() if m.role == role and m.runs), None)

    def leader(self) -> int:
        """Who leads; waits for somebody to."""
        return self.eventually(lambda: self.find("leader"), "a leader")

    def synchronous(self) -> int:
        """Which standby has all that was acknowledged; waits for there to be one."""
        return self.eventually(lambda: self.find("sync_standby"), "a synchronous standby")

    def await_leader_but(self, number: int) -> int:
        """Another leader than this."""
        return self.eventually(
            lambda: None if (found := self.find("leader")) == number else found, "another leader"
        )

    def await_whole(self) -> None:
        """All nodes run, one leads, one has all that is acknowledged."""
        self.eventually(self._whole, "three nodes that run, with a synchronous standby")

    def _whole(self) -> bool | None:
        members = self.members()
        roles = [member.role for member in members if member.runs]
        return (len(roles) == NODES and {"leader", "sync_standby"} <= set(roles)) or None

    def eventually(self, ask: Callable[[], T | None], what: str, within_s: float = START_S) -> T:
        """What is found, once there is something. Raises ClusterFailed."""
        deadline = time.monotonic() + within_s
        while (found := ask()) is None:
            if time.monotonic() > deadline:
                raise ClusterFailed(f"no {what} within {within_s:g} s\n{self.state()}")
            time.sleep(_POLL_S)
        return found

    # --- what is asked of it ------------------------------------------------------------------
    def switch_over(self) -> tuple[int, int]:
        """Make the synchronous standby lead, on purpose: who led, who leads."""
        leader, candidate = self.leader(), self.synchronous()
        self._ask(
            leader,
            "/switchover",
            {"leader": f"db{leader}", "candidate": f"db{candidate}"},
            timeout_s=START_S,
        )
        return leader, candidate

    def reinitialize(self, number: int) -> None:
        """Throw away what a standby has, and copy the leader anew."""
        self._ask(number, "/reinitialize", {"force": True})

    def _ask(
        self,
        number: int,
        path: str,
        body: Mapping[str, object] | None = None,
        timeout_s: float = _REST_S,
    ) -> bytes:
        credentials = f"operator:{self._passwords['restapi']}".encode()
        request = urllib.request.Request(
            f"http://{self.network.client_address(number)}:8008{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": f"Basic {base64.b64encode(credentials).decode()}",
            },
        )
        with urllib.request.urlopen(request, timeout=timeout_s) as reply:
            return bytes(reply.read())
