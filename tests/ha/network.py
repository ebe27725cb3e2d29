"""How do three nodes on one machine reach each other, and how is one cut off?

    as root      each node in a network namespace; two switches, in a namespace that nobody else is in:
                     peers (etcd, replication, Patroni)      clients (PostgreSQL) ── this machine
                 cut: the node's cable is pulled out of one switch, or both. Nobody is told: packets
                 vanish, as they do when a real one fails
    otherwise    127.x.y.1-3, and cutting is done by stopping the node's processes (node.py)

A namespace lives as long as a process of ours in it does, and that ends when our pipe to it closes,
so nothing of it outlives us.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import Final

NODES: Final = 3
_HERE: Final = 126  # the last byte of this machine's address among the clients, above 128
_WAIT_S: Final = 20


class Side(Enum):
    """Which cable of a node is pulled."""

    PEERS = "p"
    CLIENTS = "c"


class NetworkRefused(Exception):
    """This machine lets us make no networks; says what refused."""


class Network(ABC):
    """Where node 1 to NODES are.

    Members:
        cuts: False where nodes cannot be cut off from each other alone.
        listen: What a node listens on.
        nodes, front_ends: Networks, as pg_hba.conf has them.
    """

    cuts: bool
    nodes: str
    front_ends: str

    @abstractmethod
    def listen(self, node: int) -> str:
        """What a node listens on."""

    @abstractmethod
    def address(self, node: int) -> str:
        """Where its peers reach a node."""

    @abstractmethod
    def client_address(self, node: int) -> str:
        """Where this machine reaches a node."""

    @abstractmethod
    def inside(self, node: int, command: Sequence[str]) -> list[str]:
        """A command, to be run as root, where the node is."""

    @abstractmethod
    def pull(self, node: int, *sides: Side) -> None:
        """Pull cables."""

    @abstractmethod
    def plug(self, node: int) -> None:
        """Put all cables of a node back."""

    @abstractmethod
    def close(self) -> None:
        """Take it all away."""


class Loopback(Network):
    """All on 127.x.y.1-3."""

    cuts = False
    nodes = front_ends = "127.0.0.0/8"

    def __init__(self) -> None:
        self._prefix = f"127.{random.randint(64, 254)}.{random.randint(0, 254)}"

    def listen(self, node: int) -> str:
        return self.address(node)

    def address(self, node: int) -> str:
        return f"{self._prefix}.{node}"

    def client_address(self, node: int) -> str:
        return self.address(node)

    def inside(self, node: int, command: Sequence[str]) -> list[str]:
        return list(command)

    def pull(self, node: int, *sides: Side) -> None:
        raise NetworkRefused("nodes on loopback cannot be cut off")

    def plug(self, node: int) -> None:
        raise NetworkRefused("nodes on loopback cannot be cut off")

    def close(self) -> None:
        """There is nothing to take away."""


class Namespaces(Network):
    """A namespace a node, and one with the switches. Addresses: RFC 2544's, for tests.

    Raises:
        NetworkRefused: We are not root, or are not let.
    """

    cuts = True

    def __init__(self) -> None:
        if os.geteuid() != 0:
            raise NetworkRefused("needs root")
        if not all(map(shutil.which, ("ip", "unshare", "nsenter"))):
            raise NetworkRefused("needs ip, unshare and nsenter (iproute2, util-linux)")
        third = random.randint(0, 254)
        self._prefix = f"198.18.{third}"
        self.nodes, self.front_ends = f"{self._prefix}.0/25", f"{self._prefix}.128/25"
        self._cable = f"ch{third}"  # of this machine; a name has 15 characters at most
        self._holders: dict[int, subprocess.Popen[bytes]] = {}
        try:
            for name in range(NODES + 1):  # 0 is where the switches are
                self._hold(name)
            self._connect()
        except BaseException:
            self.close()
            raise

    def _hold(self, name: int) -> None:
        """A namespace, for as long as our pipe into it is open."""
        holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat >/dev/null"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert holder.stdout is not None
        assert holder.stderr is not None
        self._holders[name] = holder
        if holder.stdout.readline() != b"up\n":
            raise NetworkRefused(holder.stderr.read().decode(errors="replace").strip())

    def _connect(self) -> None:
        for side in Side:
            self._ip(0, f"link add {side.value} type bridge", f"link set {side.value} up")
        switches = self._holders[0].pid
        _run(["ip", *f"link add {self._cable} type veth peer name here netns {switches}".split()])
        _run(["ip", *f"addr add {self._prefix}.{128 + _HERE}/25 dev {self._cable}".split()])
        _run(["ip", *f"link set {self._cable} up".split()])
        self._ip(0, f"link set here master {Side.CLIENTS.value}", "link set here up")
        for node in range(1, NODES + 1):
            there = self._holders[node].pid
            for side in Side:
                port, own = f"{side.value}{node}", f"{side.value}0"
                self._ip(0, f"link add {port} type veth peer name {own} netns {there}")
                self._ip(0, f"link set {port} master {side.value}", f"link set {port} up")
                at = self.address(node) if side is Side.PEERS else self.client_address(node)
                self._ip(node, f"addr add {at}/25 dev {own}", f"link set {own} up")

    def _ip(self, name: int, *commands: str) -> None:
        for command in commands:
            _run([*self._enter(name), "ip", *command.split()])

    def _enter(self, name: int) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._holders[name].pid}/ns/net", "--"]

    def listen(self, node: int) -> str:
        return "0.0.0.0"

    def address(self, node: int) -> str:
        return f"{self._prefix}.{node}"

    def client_address(self, node: int) -> str:
        return f"{self._prefix}.{128 + node}"

    def inside(self, node: int, command: Sequence[str]) -> list[str]:
        return [*self._enter(node), *command]

    def pull(self, node: int, *sides: Side) -> None:
        for side in sides:
            self._ip(0, f"link set {side.value}{node} nomaster")

    def plug(self, node: int) -> None:
        for side in Side:
            self._ip(0, f"link set {side.value}{node} master {side.value}")

    def close(self) -> None:
        for holder in self._holders.values():
            holder.communicate(timeout=_WAIT_S)  # closes its stdin, at which it ends
        self._holders = {}


def best_network() -> Network:
    """Namespaces where we may, else loopback."""
    try:
        return Namespaces()
    except NetworkRefused:
        return Loopback()


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_WAIT_S,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise NetworkRefused(f"{' '.join(command)}: {done.stderr.strip()}")
