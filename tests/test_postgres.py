"""Does the PostgreSQL that tests stand on keep its promises, and say so where there is none?"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.postgres import BIN_VARIABLE, REQUIRE_VARIABLE, URL_VARIABLE, PostgresCluster

ROOT = Path(__file__).resolve().parents[1]


def test_each_test_has_an_empty_database(postgres_url: str) -> None:
    """A fresh database holds no tables, and fsync is on."""
    with psycopg.connect(postgres_url) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone()
        assert tables == (0,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_committed_rows_outlive_a_kill(postgres_cluster: PostgresCluster) -> None:
    """What was committed is there after an immediate stop, at the same address; the rest is not."""
    url = postgres_cluster.url()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        connection.commit()
        connection.execute("INSERT INTO kept VALUES (2)")
        postgres_cluster.kill()
        with pytest.raises(psycopg.OperationalError):
            connection.commit()
    assert not postgres_cluster.running

    postgres_cluster.start()
    assert url == postgres_cluster.url()
    with psycopg.connect(postgres_cluster.url(by_socket=True)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]

    postgres_cluster.stop()
    postgres_cluster.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]


_ORPHAN = """
import time
from tests.postgres import PostgresCluster
cluster = PostgresCluster()
cluster.start()
print(cluster.home, cluster.port, flush=True)
time.sleep(600)
"""


def test_server_ends_with_its_tests(postgres_cluster: PostgresCluster) -> None:
    """Tests killed with -9 leave neither a server nor its folder behind."""
    tests = subprocess.Popen(
        [sys.executable, "-c", _ORPHAN], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert tests.stdout is not None
    with tests, tests.stdout:
        home, port = tests.stdout.readline().split()
        assert listens(int(port))
        tests.send_signal(signal.SIGKILL)
        tests.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (Path(home).exists() or listens(int(port))):
        time.sleep(0.1)
    assert not Path(home).exists()
    assert not listens(int(port))


def listens(port: int) -> bool:
    """True where something accepts connections on this port of loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


_SUITE = """
def test_database(postgres_url): pass
def test_cluster(postgres_cluster): pass
def test_plain(): pass
"""


def run_without_postgres(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a made-up suite of three tests where no binaries can be found, in two workers."""
    (folder / "test_made_up.py").write_text(_SUITE)
    kept = {k: v for k, v in os.environ.items() if k not in {URL_VARIABLE, REQUIRE_VARIABLE}}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-n2", "-p", "tests.conftest"),
            *("-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT),
            folder,
        ],
        cwd=ROOT,
        env={**kept, BIN_VARIABLE: str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_missing_postgres_is_said_out_loud(tmp_path: Path) -> None:
    """Where there is no PostgreSQL, what needs it is skipped, and the end of the run counts it."""
    done = run_without_postgres(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 tests need PostgreSQL and did not run: install postgresql or set" in done.stdout
    assert "1 passed, 2 skipped" in done.stdout.splitlines()[-1]


def test_required_postgres_fails_when_missing(tmp_path: Path) -> None:
    """With CANDOUR_REQUIRE_POSTGRES=1 nothing that needs it is skipped."""
    done = run_without_postgres(tmp_path, **{REQUIRE_VARIABLE: "1"})

    assert done.returncode == 1, done.stdout + done.stderr
    assert "skipped" not in done.stdout.splitlines()[-1]
    assert "1 passed, 2 errors" in done.stdout.splitlines()[-1]
