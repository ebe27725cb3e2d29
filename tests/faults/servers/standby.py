"""A second PostgreSQL that follows the first, and can take its place.

primary ──pg_basebackup──► Standby ──streams──► promote ──► a primary of its own
"""

from __future__ import annotations

import shutil
import subprocess
from urllib.parse import quote

import psycopg

from tests.postgres import PostgresCluster, PostgresFailed


class Standby(PostgresCluster):
    """A streaming replica of `primary`, as far as that is when this is made."""

    def __init__(self, primary: PostgresCluster) -> None:
        super().__init__()
        try:
            self._copy(primary)
        except BaseException:
            self.destroy()
            raise

    def _copy(self, primary: PostgresCluster) -> None:
        shutil.rmtree(self.data)
        done = subprocess.run(
            [
                self._binaries / "pg_basebackup",
                *("--dbname", primary.url(by_socket=True), "--pgdata", self.data),
                *("--wal-method", "stream", "--checkpoint", "fast", "--no-sync"),
            ],
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **self._owner,
        )
        if done.returncode != 0:
            raise PostgresFailed(f"pg_basebackup: {done.stderr}")
        self._password = primary._password
        (self.data / "postmaster.opts").unlink(missing_ok=True)
        (self.data / "standby.signal").touch()
        primary_url = f"host={primary.home} port={primary.port} user=candour"
        with (self.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(f"primary_conninfo = '{primary_url}'\n")
            conf.write(f"unix_socket_directories = '{self.home}'\n")

    def promote(self) -> None:
        """Take writes from now on; returns once it does."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            row = connection.execute("SELECT pg_promote(true, 60)").fetchone()
        assert row == (True,)


def set_synchronous(primary: PostgresCluster, names: str) -> None:
    """Who must have a commit before it is told to be done: `*` for any standby, blank for none."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        connection.execute(
            f"ALTER SYSTEM SET synchronous_standby_names = '{quote(names, '*')}'".encode()
        )
        connection.execute("SELECT pg_reload_conf()")


def streaming(primary: PostgresCluster) -> bool:
    """Whether a standby follows, close behind."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
        ).fetchone()
    return row is not None and row[0] > 0


def waiting_for_standby(primary: PostgresCluster) -> list[int]:
    """Server processes whose commit waits for a standby."""
    with psycopg.connect(primary.url(), autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        ).fetchall()
    return [pid for (pid,) in rows]
