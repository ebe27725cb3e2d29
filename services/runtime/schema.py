"""How does a ledger come to a newer schema? By command; a SQLite file as its server starts.

    settings ──look_at──► SchemaLook     ──planned──► steps with their exact SQL     ──migrate──► steps

A SQLite file takes milliseconds and has no other front-end, so `candour serve` brings it along.
PostgreSQL is left to `candour db migrate`: other front-ends of the last release may be at work
there, and a server that starts should not decide for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from ledger.store import sqlite_steps
from ledger.store.core import LedgerStore, StoreMismatch
from ledger.store.postgres import schema_of
from ledger.store.postgres_migrating import PostgresMigrator
from ledger.store.schemas import SchemaLook, look, looked
from ledger.store.sqlite import SqliteStore, holds_ledger
from ledger.store.steps import Part, Step
from services.runtime.settings import Settings

# (what, done, of how many)
Progress: TypeAlias = Callable[[str, int, int], None]
Planned: TypeAlias = list[tuple[Step, list[tuple[Part, str]]]]
_log = logging.getLogger("candour.schema")


def look_at(settings: Settings) -> SchemaLook:
    """How far one ledger's schema is; nothing is written.

    Raises:
        StoreUnavailable: The database is away.
        StoreMismatch: No ledger has begun there, or only a newer release may touch it.
        LedgerMoved: It goes on elsewhere.
    """
    if settings.session_url is None:
        return looked(sqlite_steps.schema_of_file(_file(settings)), postgres=False)
    with PostgresMigrator(settings.session_url, schema_of(settings.ledger)) as migrator:
        return looked(migrator.found(), postgres=True)


def planned(settings: Settings, *, to: int | None = None) -> Planned:
    """The steps that `migrate` would take, with their SQL; raises as `look_at`."""
    if settings.session_url is None:
        return sqlite_steps.plan(_file(settings), to=to)
    with PostgresMigrator(settings.session_url, schema_of(settings.ledger)) as migrator:
        return migrator.plan(to=to)


def migrate(
    settings: Settings,
    *,
    to: int | None = None,
    progress: Progress = lambda _what, _done, _of: None,
) -> Iterator[Step]:
    """Take the steps that are not taken, as `ledger.store.steps.pending` has it; each when done.

    Raises:
        MigrationBlocked, MigrationFailed: What was done before stands.
        StoreUnavailable, StoreMismatch, LedgerMoved: As `look_at`.
    """
    if settings.session_url is None:
        yield from sqlite_steps.migrate(_file(settings), to=to)
        return
    schema = schema_of(settings.ledger)
    with PostgresMigrator(settings.session_url, schema, progress=progress) as migrator:
        yield from migrator.run(to=to)


def bring_along(store: LedgerStore, ledger: str) -> None:
    """Take the steps of a SQLite ledger; say of a PostgreSQL ledger that some are pending.

    Raises:
        StoreUnavailable: The file cannot be written.
    """
    if isinstance(store, SqliteStore):
        for step in sqlite_steps.migrate(Path(store.path)):
            _log.info("ledger %s has schema %s now: %s", ledger, step.number, step.name)
        return
    found = look(store)
    if found.expanding:
        _log.warning(
            "ledger %s has schema %s, and this release makes %s; it is served as it is. Run"
            " `candour db migrate` once all front-ends are of this release",
            *(ledger, found.version, found.newest),
        )


def _file(settings: Settings) -> Path:
    path = settings.data / f"{settings.ledger}.db"
    if not holds_ledger(path):
        raise StoreMismatch(f"there is no ledger in {path}")
    return path
