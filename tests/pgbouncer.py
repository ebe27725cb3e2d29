"""Where do tests get a real PgBouncer? The system's, started with deploy/postgres/pgbouncer.ini.

    Pgbouncer(url of PostgreSQL) ──pgbouncer.ini, what a test must change──► url() through the pooler

It pools by transaction, onto few server connections, so that neighbours get each other's.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.postgres import free_port, unprivileged

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_PGBOUNCER"  # "1": what cannot run fails
MISSING: Final = "needs PgBouncer"
INI: Final = Path(__file__).resolve().parents[1] / "deploy" / "postgres" / "pgbouncer.ini"
START_S: Final = 30
SERVERS: Final = 3  # server connections of one database: fewer than a front-end would like


class Pgbouncer:
    """A pooler before one server. Use it as a context manager.

    Args:
        server_url: A superuser's, by password.
        servers: Server connections of one database.
    """

    def __init__(self, server_url: str, *, servers: int = SERVERS) -> None:
        program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
        self._program = program or missing()
        self._server = urlsplit(server_url)
        self._servers = servers
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.home = Path(tempfile.mkdtemp(prefix="candour-pgbouncer-")).resolve()
        self.log = self.home / "log"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def url(self, url: str) -> str:
        """The same database, through the pooler."""
        split = urlsplit(url)
        login = f"{split.username}:{split.password}@"
        return urlunsplit(split._replace(netloc=f"{login}127.0.0.1:{self.port}"))

    def _start(self) -> None:
        server = self._server
        users = self.home / "users"
        users.write_text(f'"{server.username}" "{server.password}"\n')
        ini = self.home / "pgbouncer.ini"
        ini.write_text(
            # A section may stand once only, and [pgbouncer] is the last.
            INI.read_text().replace(
                "[databases]\n", f"[databases]\n* = host={server.hostname} port={server.port}\n"
            )
            + f"listen_port = {self.port}\nauth_file = {users}\nunix_socket_dir =\n"
            "server_tls_sslmode = disable\n"
            f"default_pool_size = {self._servers}\nmin_pool_size = 0\nreserve_pool_size = 0\n"
        )
        owner = unprivileged()
        self.log.touch()
        if owner:
            for path in (self.home, users, ini, self.log):
                os.chown(path, owner["user"], owner["group"])
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, ini],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **owner,
            )
        deadline = time.monotonic() + START_S
        while not self._answers():
            said = self.log.read_text(errors="replace")
            assert self._process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(urlunsplit(self._server)), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End it, and remove its folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


def missing() -> NoReturn:
    """Skip and be counted; fail where it is asked for."""
    said = f"{MISSING}: no pgbouncer here: apt-get install pgbouncer"
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"{said} ({REQUIRE_VARIABLE}=1)", pytrace=False)
    pytest.skip(said)
