"""A deployment on each store: two ledgers here, the directory elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.runtime.settings import Settings
from tests.postgres import create_database, drop_database
from tests.services.conftest import STORES
from tests.services.directory.deployment import LEDGERS, Deployment


@pytest.fixture(params=STORES)
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    data = tmp_path / "data"
    if request.param == "sqlite":
        where = str(tmp_path / "elsewhere")
        yield Deployment(Settings(data=data, ledgers=LEDGERS, directory_at=where))
        return
    server = request.getfixturevalue("postgres_server")
    here, there = create_database(server), create_database(server)
    settings = Settings(data=data, database_url=here, ledgers=LEDGERS, directory_at=there)
    found = Deployment(settings, server)
    yield found
    found.close()
    for url in (here, there):
        drop_database(server, url)


@pytest.fixture(params=STORES)
def together(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """The directory in the ledgers' own database, which is made sooner."""
    settings = Settings(data=tmp_path / "data", ledgers=LEDGERS)
    if request.param == "sqlite":
        yield Deployment(settings)
        return
    server = request.getfixturevalue("postgres_server")
    url = create_database(server)
    yield Deployment(replace(settings, database_url=url), server)
    drop_database(server, url)
