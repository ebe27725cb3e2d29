"""A served ledger, on each store: one for the tests of a module, or one of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.runtime.settings import Settings
from tests.postgres import create_database, drop_database
from tests.services.harness import Server

STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def _settings(request: pytest.FixtureRequest, data: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        yield Settings(data=data)
        return
    server = request.getfixturevalue("postgres_server")
    url = create_database(server)
    yield Settings(data=data, database_url=url)
    drop_database(server, url)


@pytest.fixture(scope="module", params=STORES)
def module_settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Settings]:
    yield from _settings(request, tmp_path_factory.mktemp("data"))


@pytest.fixture(params=STORES)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Where a fresh ledger may live."""
    yield from _settings(request, tmp_path)


@pytest.fixture(scope="module")
def server(module_settings: Settings) -> Iterator[Server]:
    """A server that a module's tests share; each uses ids of its own."""
    with Server(module_settings) as running:
        yield running


@pytest.fixture
def own_server(settings: Settings) -> Iterator[Server]:
    """A server of this test's own, to be hindered and stopped."""
    with Server(settings) as running:
        yield running
