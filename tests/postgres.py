"""Where do tests get a real PostgreSQL? From CANDOUR_TEST_POSTGRES_URL, or a cluster of their own.

    find_binaries ──initdb──► PostgresCluster ──start──► url() ──create_database──► one test

A cluster lives in one temporary folder, keeps its port over restarts, runs as an unprivileged
user where we are root, and does not outlive us: a watchdog ends it when our pipe to it closes.
The socket is trusted, being in a folder of that user alone; loopback asks for a password.
"""

from __future__ import annotations

import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

URL_VARIABLE: Final = "CANDOUR_TEST_POSTGRES_URL"  # a superuser's, or a role's with CREATEDB
BIN_VARIABLE: Final = "CANDOUR_TEST_POSTGRES_BIN"  # looked in before all other places, and alone
REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_POSTGRES"  # "1": what cannot run fails

USER: Final = "candour"
START_S: Final = 60  # crash recovery included, on a loaded machine
STOP_S: Final = 60
PORTS: Final = range(20_000, 32_000)  # below the ephemeral ones: there a client retrying against
# a server that is down can be given that very port, connect to itself, and keep it from starting
PORT_TRIES: Final = 10

SETTINGS: Final = {
    "fsync": "on",  # an acknowledged report is durable; tests hold us to it
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "timezone": "UTC",
}

_WATCHDOG: Final = 'read -r _ || { kill -QUIT "$1"; sleep 1; rm -rf "$2"; } 2>/dev/null'


class PostgresMissing(Exception):
    """No URL was given and no server binaries were found; says where it looked."""


class PostgresFailed(Exception):
    """A server is here and does not work; carries the end of its log."""


def find_binaries() -> Path:
    """The folder with `initdb` and `postgres`: of PATH, else Debian's newest.

    Raises:
        PostgresMissing: There is none.
    """
    if chosen := os.environ.get(BIN_VARIABLE):
        places = [Path(chosen)]
    else:
        debian = Path("/usr/lib/postgresql").glob("[0-9]*/bin")
        newest_first = sorted(debian, key=lambda folder: float(folder.parent.name), reverse=True)
        places = [*map(Path, os.environ.get("PATH", "").split(os.pathsep)), *newest_first]
    for place in places:
        folder = (place / "initdb").resolve().parent  # PATH may hold links into the real folder
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    raise PostgresMissing(
        f"no initdb and postgres in {chosen or 'PATH or /usr/lib/postgresql/*/bin'}"
    )


class PostgresCluster:
    """One server of our own, made stopped: start, stop, kill, start again, destroy.

    As a context manager it starts, and destroys at the end.

    Args:
        settings: Lines of postgresql.conf, over `SETTINGS`.
    Raises:
        PostgresMissing: No binaries.
        PostgresFailed: initdb refused.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self._binaries = find_binaries()
        self._owner = unprivileged()
        self._password = secrets.token_urlsafe(18)
        self._server: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix="candour-pg-")).resolve()
        self.data, self.log = self.home / "data", self.home / "log"
        try:
            self._initdb({**SETTINGS, **(settings or {})})
        except BaseException:
            self.destroy()
            raise

    def _initdb(self, settings: Mapping[str, str]) -> None:
        password = self.home / "password"
        password.write_text(self._password)
        self.log.touch()
        if self._owner:
            for path in (self.home, password, self.log):
                os.chown(path, self._owner["user"], self._owner["group"])
        done = subprocess.run(
            [
                self._binaries / "initdb",
                *("--pgdata", self.data, "--username", USER, "--pwfile", password),
                *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
                *("--encoding", "UTF8", "--locale", "C"),
                "--no-sync",  # an empty cluster is lost to a power cut only, and not missed
            ],
            cwd=self.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **self._owner,
        )
        if done.returncode != 0:
            raise PostgresFailed(f"initdb: {done.stdout.decode(errors='replace')}")
        password.unlink()
        lines = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.home),
            **settings,
        }
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.destroy()

    @property
    def running(self) -> bool:
        """True between start and stop, unless the server died by itself."""
        return self._server is not None and self._server.poll() is None

    def url(self, database: str = "postgres", *, by_socket: bool = False) -> str:
        """A superuser's URL, by loopback and password, or by the socket."""
        if by_socket:
            return f"postgresql://{USER}@/{database}?host={quote(str(self.home), safe='')}&port={self.port}"
        return f"postgresql://{USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Return once it accepts connections, crash recovery done.

        The first start moves to another port if its own was taken meanwhile; later ones do not.

        Raises:
            PostgresFailed: It ended, or was not ready within `START_S`.
        """
        assert not self.running, "already running"
        first = not (self.data / "postmaster.opts").exists()
        for _ in range(PORT_TRIES):
            if self._start_once():
                return
            if not (first and "Address already in use" in self._log_tail()):
                break
            self.port = free_port()
        raise PostgresFailed(f"the server ended at once:\n{self._log_tail()}")

    def _start_once(self) -> bool:
        with self.log.open("wb") as log:
            self._server = subprocess.Popen(
                [self._binaries / "postgres", "-D", self.data, "-p", str(self.port)],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C ends the tests, and they end the server
                **self._owner,
            )
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(self._server.pid), self.home],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd="/",
            **self._owner,
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._server.poll() is not None:
                self._reap()
                return False
            if self._ready(self._server.pid):
                return True
            time.sleep(0.02)
        self.kill()
        raise PostgresFailed(f"not ready within {START_S} s:\n{self._log_tail()}")

    def _ready(self, pid: int) -> bool:
        """As pg_ctl asks: the pid file is this server's and its eighth line says ready."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def stop(self) -> None:
        """End sessions, write a checkpoint, end (`pg_ctl stop -m fast`)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End at once, as a crash does; the next start recovers (`pg_ctl stop -m immediate`)."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self._server is None:
            return
        if self._server.poll() is None:
            self._server.send_signal(how)
            try:
                self._server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)
                self._server.wait(STOP_S)
        self._reap()

    def _reap(self) -> None:
        """Tell the watchdog that there is nothing left to guard."""
        if self._watchdog is not None:
            self._watchdog.communicate(b"\n", timeout=STOP_S)
        self._server = self._watchdog = None

    def destroy(self) -> None:
        """End it whatever it does, and remove its folder."""
        self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-4_000:]


def create_database(url: str) -> str:
    """Make an empty database of a new name; return `url` with that name."""
    name = f"candour_test_{secrets.token_hex(8)}"
    with psycopg.connect(url, autocommit=True) as connection:
        # template0 has no users, so that tests in parallel never wait for one another to leave it.
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
        )
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def drop_database(url: str, database_url: str) -> None:
    """Drop what `create_database` made, whoever is still connected to it."""
    name = urlsplit(database_url).path.removeprefix("/")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def unprivileged() -> dict[str, Any]:
    """For subprocess: the user to become where we are root, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise PostgresFailed("we are root, and there is no user postgres or nobody to become")


def free_port() -> int:
    """A port nobody listens on now; `start` sees to it that nobody took it since."""
    for _ in range(PORT_TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port := random.choice(PORTS)))
            except OSError:
                continue
            return port
    raise PostgresFailed("no free port on loopback")
