"""A real `candour serve` on either store, and the real commands against it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from services.cli.local_server import LocalServer
from services.cli.main import main
from tests.postgres import create_database, drop_database

BIN = Path(sys.executable).parent
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


@dataclass(frozen=True)
class Ran:
    """What one command did."""

    exit_code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(
    program: str, *arguments: object, environment: dict[str, str] | None = None, timeout_s: int = 60
) -> Ran:
    """Run `candour` or `candour-verify` to its end."""
    done = subprocess.run(
        [BIN / program, *(str(argument) for argument in arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
        timeout=timeout_s,
    )
    assert "Traceback" not in done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Place:
    """A data directory, its database, and the server on them."""

    data: Path
    database_url: str | None
    server: LocalServer

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CANDOUR_TARGET": self.server.grpc,
            "CANDOUR_DATA": str(self.data),
            "CANDOUR_DATABASE_URL": self.database_url or "",
        }

    def candour(self, *arguments: object, exit_code: int = 0) -> Ran:
        """Run a command against this ledger; in this process, which saves half a second each."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main([str(argument) for argument in arguments])
        assert exit_code == code, err.getvalue()
        return Ran(code, out.getvalue(), err.getvalue())

    def json(self, *arguments: object) -> Any:
        return self.candour(*arguments, "--format", "json").json

    def verify(self, bundle: Path) -> Ran:
        return run("candour-verify", bundle, "--trust", self.data / "trust.txt")


@contextmanager
def place_of(request: pytest.FixtureRequest, data: Path) -> Iterator[Place]:
    """A server over the store that a parametrized fixture asks for."""
    server_url = url = None
    if request.param == "postgres":
        server_url = request.getfixturevalue("postgres_server")
        url = create_database(server_url)
    try:
        with LocalServer(data, database_url=url) as server:
            yield Place(data, url, server)
    finally:
        if server_url is not None and url is not None:
            drop_database(server_url, url)


@pytest.fixture(scope="module", params=STORES)
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A ledger for tests of a module that keep out of each other's way."""
    with place_of(request, tmp_path_factory.mktemp("shared") / "data") as found:
        yield found


@pytest.fixture(params=STORES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty ledger of this test's own."""
    with place_of(request, tmp_path / "data") as found:
        yield found
