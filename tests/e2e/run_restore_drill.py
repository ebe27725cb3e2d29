"""`make restore-drill`: every drill of tests/e2e/restore_drill*.py, and a table of what happened.

Exit status: 0 all went well, 1 a step went wrong, or a drill could not be held.
"""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from tests.e2e.restore_drill import Drill, Step
from tests.e2e.restore_drill_archive import PROGRAM, ArchiveDrill
from tests.postgres import PostgresCluster, PostgresMissing, create_database, drop_database


def drill_sqlite() -> list[Step]:
    """On SQLite, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="candour-drill-") as folder:
        return _run(Drill(Path(folder)))


def drill_postgres() -> list[Step]:
    """On a PostgreSQL server of its own."""
    try:
        with (
            PostgresCluster() as cluster,
            tempfile.TemporaryDirectory(prefix="candour-drill-") as folder,
        ):
            url = cluster.url()
            lose = partial(drop_database, url)
            return _run(Drill(Path(folder), partial(create_database, url), lose))
    except PostgresMissing as missing:
        return [Step("PostgreSQL", "start a server", str(missing), False, 0)]


def _run(drill: Drill) -> list[Step]:
    with suppress(Exception):  # the table says where, and why
        drill.run()
    return drill.steps


def drill_archive() -> list[Step]:
    """From a WAL archive, where pgBackRest is installed."""
    if shutil.which(PROGRAM) is None:
        said = f"no {PROGRAM} here (Debian: apt-get install pgbackrest); not drilled"
        return [Step(ArchiveDrill.STORE, "look for pgBackRest", said, True, 0)]
    with tempfile.TemporaryDirectory(prefix="candour-drill-") as folder:
        drill = ArchiveDrill(Path(folder))
        with suppress(Exception):
            drill.run()
        return drill.steps


def main() -> int:
    """All drills at once, and the table."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=spawn) as pool:
        started = [pool.submit(drill) for drill in (drill_sqlite, drill_postgres, drill_archive)]
        steps = [step for one in started for step in one.result()]
    for step in steps:
        mark = "ok " if step.good else "BAD"
        line = f"{mark} {step.store:11} {step.seconds:5.1f} s  {step.step:50} {step.found}\n"
        sys.stdout.write(line)
    return 0 if all(step.good for step in steps) else 1


if __name__ == "__main__":
    sys.exit(main())
