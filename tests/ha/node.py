"""What is one node? A member of etcd, Patroni and its PostgreSQL, in a folder of their own.

    deploy/postgres/{etcd,patroni}.yml ──render──► files ──► etcd, patroni ──► postgres ×n
                                                             all work below the folder ──► pids

PostgreSQL makes process groups of its own, so its processes are known by where they work.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Final

from tests.ha.network import Network
from tests.ha.programs import Programs, environment

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy" / "postgres"
GONE_S: Final = 20


@dataclass
class Node:
    """One node; `number` from 1 on.

    Args:
        owner: For subprocess: whom to become; empty where we are nobody special.
        values: What the files of deploy/postgres are rendered with, beside the node's own.
        secrets: Environment of Patroni.
    """

    number: int
    home: Path
    network: Network
    programs: Programs
    owner: Mapping[str, Any]
    values: Mapping[str, str]
    secrets: Mapping[str, str]
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"db{self.number}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def prepare(self) -> None:
        """Its folder, with rendered files."""
        self.home.mkdir(mode=0o700)
        for file in ("etcd.yml", "patroni.yml"):
            text = Template((DEPLOY / file).read_text("utf-8")).substitute(self._values())
            (self.home / file).write_text(text, "utf-8")
        if self.owner:
            for path in (self.home, *self.home.iterdir()):
                os.chown(path, self.owner["user"], self.owner["group"])

    def _values(self) -> dict[str, str]:
        return {
            **self.values,
            "CANDOUR_NODE": self.name,
            "CANDOUR_ADDRESS": self.network.address(self.number),
            "CANDOUR_LISTEN": self.network.listen(self.number),
            "CANDOUR_ETCD_DATA": str(self.home / "etcd"),
            "CANDOUR_PG_DATA": str(self.data),
            "CANDOUR_PG_BIN": str(self.programs.postgres),
            "CANDOUR_PG_SOCKETS": str(self.home),
        }

    def start_etcd(self) -> None:
        self._start("etcd", [str(self.programs.etcd), "--config-file", "etcd.yml"], {})

    def start_patroni(self) -> None:
        self._start("patroni", [str(self.programs.patroni), "patroni.yml"], self.secrets)

    def start_postgres(self, *settings: str) -> None:
        """PostgreSQL alone, by hand, as no Patroni would."""
        command = [str(self.programs.postgres / "postgres"), "-D", str(self.data)]
        for setting in settings:
            command += ["-c", setting]
        self._start("postgres", command, {})

    def start(self) -> None:
        """Both, as a machine does that was switched on."""
        self.start_etcd()
        self.start_patroni()

    def _start(self, name: str, command: Sequence[str], more: Mapping[str, str]) -> None:
        became: Mapping[str, Any] = self.owner
        if self.owner and self.network.cuts:  # to enter a namespace takes root: leave that inside
            user, group = self.owner["user"], self.owner["group"]
            leave = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
            command, became = [*leave, *command], {}
        with (self.home / f"{name}.log").open("ab") as log:
            self._started.append(
                subprocess.Popen(
                    self.network.inside(self.number, command),
                    cwd=self.home,
                    env={**environment(), **more},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C ends the tests, and they end the cluster
                    **became,
                )
            )

    # --- what happens to it -----------------------------------------------------------------
    def kill(self) -> None:
        """Every process of it, with SIGKILL, as a power cut does."""
        self._signal_all(signal.SIGKILL)
        for process in self._started:
            process.wait(GONE_S)
        self._started = []

    def kill_postgres(self) -> None:
        """The postmaster alone, with SIGKILL; its children end by themselves, Patroni sees it."""
        os.kill(int((self.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)

    def kill_patroni(self) -> None:
        """Patroni and PostgreSQL, not etcd."""
        etcd = {pid for pid in self.pids() if _is_program(pid, "etcd")}
        self._signal_all(signal.SIGKILL, sparing=etcd)

    def pause(self) -> None:
        """Every process of it stands still, as a machine does whose disk hangs."""
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        for pid in self.pids():
            _signal(pid, signal.SIGCONT)

    def _signal_all(self, number: signal.Signals, sparing: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        """Until no process is left that was not told: they beget each other meanwhile."""
        told: set[int] = set(sparing)
        deadline = time.monotonic() + GONE_S
        while found := set(self.pids()) - told:
            for pid in found:
                _signal(pid, number)
            told |= found if number is signal.SIGSTOP else set()
            self._reap()
            assert time.monotonic() < deadline, f"{self.name} has {found} still"
            time.sleep(0.01)

    def _reap(self) -> None:
        self._started = [process for process in self._started if process.poll() is None]

    def pids(self) -> Iterator[int]:
        """Of the processes that work below its folder."""
        home = str(self.home)
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                try:
                    place = os.readlink(f"/proc/{entry.name}/cwd")
                    ended = f"/proc/{entry.name}/exe"
                    os.readlink(ended)  # a zombie has none
                except OSError:
                    continue
                if place == home or place.startswith(f"{home}/"):
                    yield int(entry.name)

    def log_tail(self, name: str = "patroni", size: int = 3_000) -> str:
        try:
            return (self.home / f"{name}.log").read_text("utf-8", "replace")[-size:]
        except OSError:
            return ""


def _is_program(pid: int, name: str) -> bool:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name == name
    except OSError:
        return False


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
