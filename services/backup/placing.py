"""How is a backup put where nothing is? Keys, database, public files; or nothing at all.

    check_free ─► place_keys ─► place_database (marked: not servable) ─► place_public

Nothing that is there is ever written over. What was begun and failed is taken away again.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ledger.errors import Refused
from ledger.store.copied import NOT_SERVABLE, mark
from ledger.store.postgres import schema_of
from ledger.store.postgres_snapshot import drop_schema, schema_exists
from ledger.store.sqlite_copy import put_together
from services.backup import manifest as m
from services.backup.postgres_tools import restore_dump
from services.runtime.hosting import open_store
from services.runtime.keys import key_paths, write_private
from services.runtime.settings import Settings

_NOT_ENDED: Final = (
    "it was restored, and the restore did not end: restore it again, to an empty place"
)


class PlaceTaken(Refused):
    """A ledger, or part of one, is where it should be restored to; nothing was touched."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is there already, and a restore writes over nothing; restore to an empty"
            " place, or move that away first"
        )
        self.where = where


def check_free(settings: Settings) -> None:
    """Raises PlaceTaken. A `-wal` that was left behind would be read into the restored file."""
    if settings.database_url is not None:
        schema = schema_of(settings.ledger)
        if schema_exists(settings.database_url, schema):
            raise PlaceTaken(f"schema {schema}")
        return
    for path in settings.data.glob(f"{settings.ledger}.*"):
        if ".db" in path.name.removeprefix(settings.ledger):
            raise PlaceTaken(str(path))


def place_keys(backup: Path, settings: Settings, left_out: Collection[str]) -> list[Path]:
    """Keys that are there and the same stay; returns those that were made."""
    if m.KEYS in left_out:
        return []
    made = []
    for path in key_paths(settings.data, settings.ledger):
        data = (backup / m.KEYS / path.name).read_bytes()
        if path.exists() and path.read_bytes() != data:
            raise PlaceTaken(f"{path}, which is another key,")
    for path in key_paths(settings.data, settings.ledger):
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, (backup / m.KEYS / path.name).read_bytes())
            made.append(path)
    return made


def place_database(backup: Path, settings: Settings, left_out: Collection[str]) -> None:
    log, apart = backup / m.LOG, backup / m.DISCLOSURES
    wanted = m.DISCLOSURES not in left_out
    if settings.database_url is None:
        settings.data.mkdir(parents=True, exist_ok=True)
        target = settings.data / f"{settings.ledger}.db"
        draft = settings.data / f".{target.name}.restoring"
        try:
            protected = apart / "disclosures.db" if wanted else None
            put_together(log / "log.db", protected, draft, why_not=_NOT_ENDED)
            draft.rename(target)
        finally:
            draft.unlink(missing_ok=True)
        return
    url, schema = settings.database_url, schema_of(settings.ledger)
    try:
        restore_dump(url, log / "log.dump")
        store = open_store(settings, create=False)
        try:
            mark(store, NOT_SERVABLE, _NOT_ENDED)
        finally:
            store.close()
        if wanted:
            restore_dump(url, apart / "disclosures.dump")
    except BaseException:
        drop_schema(url, schema)  # it was not there when we began
        raise


def place_public(backup: Path, manifest: m.Manifest, settings: Settings) -> None:
    for name in manifest.files:
        part, _, file = name.partition("/")
        if part == m.PUBLIC and not (target := settings.data / file).exists():
            settings.data.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(backup / name, target)
        if part == m.VIEWS and settings.database_url is None and (backup / name).is_file():
            shutil.copyfile(backup / name, settings.data / f"{settings.ledger}.views.db")
