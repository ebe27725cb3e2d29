"""One place for the ledgers of these tests; exports do not know which database they come from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ledgers import SqlitePlace


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlitePlace]:
    place = SqlitePlace(tmp_path_factory.mktemp("exports"))
    yield place
    place.close()
