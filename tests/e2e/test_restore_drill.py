"""Does the drill that operators run come out well, on both stores?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import STORES
from tests.e2e.restore_drill import Drill
from tests.e2e.restore_drill_archive import PROGRAM, ArchiveDrill
from tests.postgres import create_database, drop_database, find_binaries


@pytest.fixture(params=STORES)
def drill(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drill]:
    if request.param == "sqlite":
        yield Drill(tmp_path)
        return
    server, made = request.getfixturevalue("postgres_server"), list[str]()

    def new() -> str:
        made.append(create_database(server))
        return made[-1]

    yield Drill(tmp_path, new, lambda url: drop_database(server, url))
    for url in made:
        drop_database(server, url)


def test_ledger_comes_back_whole_or_stays_silent(drill: Drill) -> None:
    """A late backup is served and grows on; one that is too old is served by nobody."""
    steps = drill.run()

    assert 14 == len(steps)
    assert [] == [step for step in steps if not step.good]


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs pgBackRest")
def test_archive_brings_back_all_or_nothing_is_signed(tmp_path: Path) -> None:
    """A point in time before what was witnessed is served by nobody; the whole archive is."""
    find_binaries()
    steps = ArchiveDrill(tmp_path).run()

    assert 8 == len(steps)
    assert [] == [step for step in steps if not step.good]
