"""Does a PostgreSQL ledger come back from its WAL archive: to a point in time, and whole?

    serve, witnessed ─► pgbackrest backup ─► a moment ─► report ─► cluster killed, its disk lost
      --type=time, that moment ─► the tree is shorter than its witness saw ─► no server starts on it
      to the end of the archive ─► whole ─► served, and it grows

By the configuration of deploy/postgres, with this cluster's paths. Needs pgBackRest.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import psycopg

from services.cli.local_server import LocalServer
from services.pb.candour.v1 import ingest_pb2 as pb
from tests.e2e.restore_drill import Step, once_confirmed, refused, timed
from tests.e2e.witnessed import Watch, Watched, begin
from tests.postgres import PostgresCluster

PROGRAM: Final = "pgbackrest"
CONFIG: Final = Path(__file__).resolve().parents[2] / "deploy" / "postgres" / "pgbackrest.conf"
_PASSPHRASE: Final = {"PGBACKREST_REPO1_CIPHER_PASS": "of this drill alone"}
_WITNESSED: Final = pb.WAIT_FOR_WITNESSED


class Archive:
    """The pgBackRest repository of one cluster, in the cluster's folder and as its user."""

    def __init__(self, cluster: PostgresCluster) -> None:
        self._cluster = cluster
        self._home = cluster.home / "archive"
        self._home.mkdir()
        logs = self._home / "log-path"
        logs.mkdir()
        owner = cluster.home.stat()
        self._who: dict[str, Any] = {}
        if os.geteuid() == 0:
            self._who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
        paths = ("repo1-path", "log-path", "lock-path", "spool-path")
        changed = {name: str(self._home / name) for name in paths}
        changed |= {"pg1-path": str(cluster.data), "pg1-socket-path": str(cluster.home)}
        changed |= {"pg1-port": str(cluster.port)}
        kept = [
            line
            for line in CONFIG.read_text().splitlines()
            if line.partition("=")[0] not in changed
        ]
        own = {name: value for name, value in changed.items() if name.startswith("pg1")}
        shared = [f"{name}={value}" for name, value in changed.items() if name not in own]
        at = kept.index("[global]") + 1
        lines = [*kept[:at], *shared, *kept[at:]]
        lines += [*(f"{name}={value}" for name, value in own.items()), "pg1-user=candour"]
        lines += ["pg1-database=postgres"]
        self._config = self._home / "pgbackrest.conf"
        self._config.write_text("\n".join(lines) + "\n")
        for path in (self._home, logs, self._config):
            os.chown(path, owner.st_uid, owner.st_gid)
        self._write_postgresql_conf()

    def _write_postgresql_conf(self) -> None:
        (name, passphrase), *_ = _PASSPHRASE.items()
        push = f'{name}="{passphrase}" {PROGRAM} --config={self._config} --stanza=candour'
        lines = {"archive_mode": "on", "archive_command": f"{push} archive-push %p"}
        with (self._cluster.data / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = '{value}'\n" for name, value in lines.items())

    def run(self, *arguments: str) -> None:
        """One command of pgBackRest."""
        done = subprocess.run(
            [PROGRAM, f"--config={self._config}", "--stanza=candour", *arguments],
            env={**os.environ, **_PASSPHRASE, "HOME": str(self._home)},
            cwd=self._home,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **self._who,
        )
        assert 0 == done.returncode, done.stdout + done.stderr


class ArchiveDrill:
    """One drill on a cluster of its own.

    Args:
        folder: Empty.
    """

    STORE: Final = "WAL archive"

    def __init__(self, folder: Path) -> None:
        self.folder, self.steps = folder, list[Step]()

    def run(self) -> list[Step]:
        """All of it; a step that is not good ends it."""
        cluster = PostgresCluster()
        try:
            archive = Archive(cluster)
            # Restored servers find the passphrase as a unit of PostgreSQL would have it.
            os.environ.update(_PASSPHRASE)
            cluster.start()
            data, url = self.folder / "data", cluster.url()
            key = begin(data, url)
            with Watch(self.folder / "witnesses", key, ("w0",), "quorum w0\n") as watch:
                moment, early, seen = self._live(archive, data, url, watch)
                self._lose(cluster)
                self._to_the_moment(cluster, archive, data, watch, moment, early, seen)
                self._lose(cluster)
                self._whole(cluster, archive, data, watch, seen)
        finally:
            cluster.destroy()
        return self.steps

    def _live(self, archive: Archive, data: Path, url: str, watch: Watch) -> tuple[str, int, int]:
        """A moment, the entries then, and those that the witness saw in the end."""
        server = LocalServer(data, database_url=url, environment=watch.environment)
        server.start()
        try:
            watched = Watched(server)
            with timed(self.steps, self.STORE, "report uses; pgbackrest backup") as told:
                watched.register()
                archive.run("stanza-create")
                archive.run("check")
                watched.report("early", _WITNESSED)
                archive.run("--type=full", "backup")
                told("full backup, encrypted, WAL archived")
            with psycopg.connect(url, autocommit=True) as connection:
                # pgBackRest knows a backup's end to the second, and restores to later ones only.
                connection.execute("SELECT pg_sleep(1.1)")
                row = connection.execute("SELECT clock_timestamp()::text").fetchone()
                assert row is not None
                early = watched.published().checkpoint.tree_size
                with timed(self.steps, self.STORE, "report uses more, witnessed") as told:
                    for number in range(3):
                        watched.report(f"later {number}", _WITNESSED)
                    seen = watched.published().checkpoint.tree_size
                    told(f"{seen} entries; {early} at the moment {row[0]}")
                connection.execute("SELECT pg_switch_wal()")
                archive.run("check")  # the segment is in the archive
        finally:
            server.kill()
        return str(row[0]), early, seen

    def _lose(self, cluster: PostgresCluster) -> None:
        with timed(self.steps, self.STORE, "kill the cluster, lose its disk") as told:
            cluster.kill()
            for path in cluster.data.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            told("nothing is left but the archive and the witness")

    def _to_the_moment(
        self,
        cluster: PostgresCluster,
        archive: Archive,
        data: Path,
        watch: Watch,
        moment: str,
        early: int,
        seen: int,
    ) -> None:
        with timed(self.steps, self.STORE, "pgbackrest restore to that moment") as told:
            # Its own timeline must not take the place of what the archive holds.
            more = ("--archive-mode=off", "--target-action=promote")
            archive.run("--type=time", f"--target={moment}", *more, "restore")
            cluster.start()
            with psycopg.connect(cluster.url()) as connection:
                row = connection.execute("SELECT tree_size FROM candour_main.head").fetchone()
            assert (early,) == row
            told(f"{early} entries of {seen}")
        with timed(self.steps, self.STORE, "candour serve on it, with its witness policy") as told:
            why = f"has signed a tree of {seen} entries"
            told(refused(data, cluster.url(), watch.environment, why))

    def _whole(
        self, cluster: PostgresCluster, archive: Archive, data: Path, watch: Watch, seen: int
    ) -> None:
        with timed(self.steps, self.STORE, "pgbackrest restore to the end of the archive") as told:
            archive.run("restore")
            cluster.start()
            told("recovered")
        with timed(self.steps, self.STORE, "candour serve on it; report a new use") as told:
            url = cluster.url()
            with LocalServer(data, database_url=url, environment=watch.environment) as server:
                watched = Watched(server)
                new = once_confirmed(lambda: watched.report("after", _WITNESSED))
            assert seen == new.receipt.leaf_index
            told(f"{seen} entries, none missing; new at {seen}, witnessed")
