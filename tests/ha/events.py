"""What is done to the cluster while reports come in? One function an event; each puts things right.

    quiet ──disturb──► reports stop being acknowledged ──► somebody leads ──► they go on ──► put right

Each is given the rig with reports coming in, and leaves a whole cluster behind, but for the last.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.ha.network import Side
from tests.ha.rig import Rig

BACK_S: Final = 120.0  # after an event, until reports are acknowledged again
GOES_ON: Final = 50  # acknowledgements, after which reports go on
BLOCKED_S: Final = 15.0  # that we look whether strict mode holds back what it must


class EventFailed(Exception):
    """The system did not do what it has to."""


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the table.

    Members:
        name: For the table and `--events`.
        says: What happens, in words.
        happen: Does it; returns what is worth telling.
        needs_cuts: Only where nodes can be cut off from each other.
        refuses: True where nothing may be acknowledged afterwards.
    """

    name: str
    says: str
    happen: Callable[[Rig], str]
    needs_cuts: bool = False
    refuses: bool = False


def await_going_on(rig: Rig) -> None:
    """Reports are acknowledged. Raises EventFailed."""
    if not rig.load.await_acknowledged(GOES_ON, BACK_S):
        raise EventFailed(f"nothing acknowledged within {BACK_S:g} s: {rig.load.state()}")


def crash(rig: Rig) -> str:
    """The leader's PostgreSQL is killed; its Patroni sees that."""
    old = rig.cluster.leader()
    rig.cluster.nodes[old].kill_postgres()
    new = rig.cluster.await_leader_but(old)
    await_going_on(rig)
    rig.cluster.await_whole()
    return f"db{old} to db{new}"


def power_cut(rig: Rig) -> str:
    """The leader's machine is gone at once: PostgreSQL, Patroni, etcd. It stays away for now."""
    old = rig.cluster.leader()
    rig.cluster.nodes[old].kill()
    new = rig.cluster.await_leader_but(old)
    await_going_on(rig)
    return f"db{old} to db{new}; db{old} stays away"


def stale_back(rig: Rig) -> str:
    """The machine that was away, and is behind, comes back."""
    away = [number for number, node in rig.cluster.nodes.items() if not set(node.pids())]
    for number in away:
        rig.cluster.nodes[number].start()
    rig.cluster.await_whole()
    await_going_on(rig)
    return f"{', '.join(f'db{number}' for number in away) or 'nobody'} is a standby again"


def made_anew(rig: Rig) -> str:
    """A standby is thrown away and copied from the leader."""
    number = rig.cluster.eventually(lambda: rig.cluster.find("replica"), "a replica")
    pid = (rig.cluster.nodes[number].data / "postmaster.pid").read_text().split()[0]
    rig.cluster.reinitialize(number)

    def anew() -> bool | None:
        path = rig.cluster.nodes[number].data / "postmaster.pid"
        return (path.exists() and path.read_text().split()[:1] not in ([pid], [])) or None

    rig.cluster.eventually(anew, f"db{number} made anew")
    rig.cluster.await_whole()
    await_going_on(rig)
    return f"db{number} has a copy of its own"


def isolated(rig: Rig) -> str:
    """The leader reaches no other node, and front-ends reach it all the same."""
    old = rig.cluster.leader()
    rig.cluster.network.pull(old, Side.PEERS)
    new = rig.cluster.await_leader_but(old)
    await_going_on(rig)
    rig.cluster.network.plug(old)
    rig.cluster.await_whole()
    return f"db{old} to db{new}; db{old} followed when it was back"


def cut_off(rig: Rig) -> str:
    """Nobody reaches the leader, and nothing tells anybody so."""
    old = rig.cluster.leader()
    rig.cluster.network.pull(old, Side.PEERS, Side.CLIENTS)
    new = rig.cluster.await_leader_but(old)
    await_going_on(rig)
    rig.cluster.network.plug(old)
    rig.cluster.await_whole()
    return f"db{old} to db{new}; db{old} followed when it was back"


def paused(rig: Rig) -> str:
    """The leader's machine stands still with its connections open, and wakes as a leader of old."""
    old = rig.cluster.leader()
    rig.cluster.nodes[old].pause()
    new = rig.cluster.await_leader_but(old)
    await_going_on(rig)
    rig.cluster.nodes[old].resume()
    rig.cluster.await_whole()
    return f"db{old} to db{new}; db{old} followed when it woke"


def switched_over(rig: Rig) -> str:
    """An operator lets the standby lead."""
    old, new = rig.cluster.switch_over()
    rig.cluster.await_leader_but(old)
    await_going_on(rig)
    rig.cluster.await_whole()
    return f"db{old} to db{new}"


def no_standby(rig: Rig) -> str:
    """Both standbys are gone: nothing may be acknowledged until one is back."""
    leader = rig.cluster.leader()
    others = [node for number, node in rig.cluster.nodes.items() if number != leader]
    for node in others:
        node.kill_patroni()
    time.sleep(1)  # what had its standby's word is on its way to us
    before = len(rig.load.acknowledged)
    if rig.load.await_acknowledged(1, BLOCKED_S):
        raise EventFailed("a report was acknowledged that no standby has")
    assert before == len(rig.load.acknowledged)
    others[0].start_patroni()
    await_going_on(rig)
    others[1].start_patroni()
    rig.cluster.await_whole()
    return f"nothing acknowledged in {BLOCKED_S:g} s with db{leader} alone"


def stale_promoted(rig: Rig) -> str:
    """All nodes are lost, and somebody starts an old copy of one by hand. The last event."""
    cluster = rig.cluster
    number = cluster.synchronous()
    node = cluster.nodes[number]
    node.kill()
    copy = node.home / "old"
    shutil.copytree(node.data, copy, symlinks=True)
    cluster.nodes[number].start()
    cluster.await_whole()
    await_going_on(rig)
    rig.load.pause()
    rig.await_published()
    witnessed, acknowledged = rig.witnessed(), len(rig.load.acknowledged)
    for each in cluster.nodes.values():
        each.kill()
    rig.load.resume()
    shutil.rmtree(node.data)
    copy.rename(node.data)
    for name in ("standby.signal", "postmaster.pid"):
        (node.data / name).unlink(missing_ok=True)
    for path in node.home.glob(".s.PGSQL.*"):  # a machine that starts has none; a zombie holds it
        path.unlink()
    subprocess.run(["chown", "-R", f"--reference={node.home}", node.data], check=True)
    node.start_postgres("synchronous_standby_names=", "primary_conninfo=")
    halted = cluster.eventually(
        lambda: found if "has signed" in (found := rig.halted) else None,
        "a server that halts",
    )
    if rig.load.await_acknowledged(1, 5) or acknowledged != len(rig.load.acknowledged):
        raise EventFailed("a report was acknowledged by a server that is behind")
    if witnessed != rig.witnessed():
        raise EventFailed("a checkpoint was signed on a server that is behind")
    return f"halted: {halted}"


EVENTS: Final = (
    Event("crash", "kill -9 the leader's PostgreSQL", crash),
    Event("power cut", "kill -9 all of the leader's machine", power_cut),
    Event("stale back", "the machine that was away comes back", stale_back),
    Event("isolated", "the leader cut off from its peers alone", isolated, needs_cuts=True),
    Event("cut off", "the leader cut off from everybody", cut_off, needs_cuts=True),
    Event("paused", "the leader stands still, and wakes", paused),
    Event("switchover", "the standby leads, on purpose", switched_over),
    Event("made anew", "a standby thrown away and copied", made_anew),
    Event("no standby", "both standbys gone: strict mode", no_standby),
    Event("stale promoted", "an old copy started by hand", stale_promoted, refuses=True),
)
