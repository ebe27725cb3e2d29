"""How is a ledger backed up while it runs? One moment of it, in one folder that is whole or not there.

    one read transaction ─► log │ disclosures │ keys │ public, settings ─► hashes ─► manifest
        .main-….partial/ ──fsync, rename──► main-20261124T114239Z-812/

Keys never change, so they fit every moment. The head in the copy must be the root of its tiles:
a damaged ledger is noticed while older backups are still there.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ledger.errors import Malformed, Refused
from ledger.store.copied import Copied
from ledger.store.postgres import schema_of
from ledger.store.postgres_snapshot import snapshot
from ledger.store.sqlite_copy import copy_file, root_of, split
from ledger.store.steps import read_schema
from ledger.times import text_of_us
from services.backup import manifest as m
from services.backup.postgres_tools import dump_log, dump_protected, without_password
from services.runtime.hosting import now_us, trust_file_name
from services.runtime.keys import KeyFileRefused, key_paths
from services.runtime.refusals import Damaged
from services.runtime.settings import Settings
from services.runtime.views import views_path

_FOLDER_MODE: Final = 0o700
_TOLD: Final = (  # of the environment: what `candour serve` would be started with
    *("CANDOUR_LEDGER", "CANDOUR_LEDGERS", "CANDOUR_DIRECTORY", "CANDOUR_DIRECTORY_AT"),
    *("CANDOUR_DIRECTORY_WITNESS_POLICY", "CANDOUR_WITNESS_POLICY", "CANDOUR_GRPC"),
    *("CANDOUR_HTTP", "CANDOUR_INDEX_EVERY", "CANDOUR_PUBLISH_ENTRIES", "CANDOUR_LOG_FORMAT"),
)
_POLICIES: Final = ("CANDOUR_WITNESS_POLICY", "CANDOUR_DIRECTORY_WITNESS_POLICY")

# (stage, done, of how many)
Progress = Callable[[str, int, int], None]


def make_backup(
    settings: Settings,
    out: Path,
    *,
    without: Collection[str] = (),
    with_views: bool = False,
    progress: Progress,
) -> tuple[Path, m.Manifest]:
    """Back up one ledger; it may be served and written to meanwhile.

    Args:
        out: Folder of backups; made where missing.
        without: Of `disclosures` and `keys`, what is left out.
    Returns:
        The new folder, and its manifest.
    Raises:
        StoreUnavailable, StoreMismatch: The database cannot be read, or holds no such ledger.
        KeyFileRefused: A key is missing or loose; with keys left out nobody looks.
        Damaged: The copy's tiles do not lead to its head.
        PostgresToolMissing, PostgresToolFailed, OSError
    """
    out.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    made_us = now_us()
    draft = out / f".{settings.ledger}-{made_us}-{os.getpid()}.partial"
    draft.mkdir(mode=_FOLDER_MODE)
    try:
        held = _copy_database(settings, draft, without, with_views, progress)
        if m.KEYS not in without:
            _copy_keys(settings, draft / m.KEYS)
        _copy_public(settings, draft / m.PUBLIC)
        _write_settings(settings, draft / m.SETTINGS)
        manifest = _describe(settings, draft, held, without, made_us, progress)
        m.write_manifest(draft, manifest)
        _make_durable(draft)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(made_us // 1_000_000))
        final = out / f"{settings.ledger}-{stamp}-{held.tree_size}"
        if final.exists():
            raise Refused(f"{final} is there already; try again in a second")
        draft.rename(final)
        _sync(out)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return final, manifest


def _copy_database(
    settings: Settings,
    draft: Path,
    without: Collection[str],
    with_views: bool,
    progress: Progress,
) -> Copied:
    log, apart = draft / m.LOG, draft / m.DISCLOSURES
    log.mkdir(mode=_FOLDER_MODE)
    if wanted := m.DISCLOSURES not in without:
        apart.mkdir(mode=_FOLDER_MODE)
    if settings.database_url is not None:
        url, schema = settings.database_url, schema_of(settings.ledger)
        with snapshot(url, schema) as moment:
            dump_log(url, schema, moment.id, log / "log.dump", with_views=with_views)
            if wanted:
                dump_protected(url, schema, moment.id, apart / "disclosures.dump")
            return moment.held
    whole = draft / "whole.db"
    source = settings.data / f"{settings.ledger}.db"
    copy_file(source, whole, lambda done, of: progress("pages copied", done, of))
    held = split(whole, log / "log.db", apart / "disclosures.db" if wanted else None)
    whole.unlink()
    _check_tiles(settings.ledger, log / "log.db", held)
    if with_views and (views := views_path(settings)).exists():
        (draft / m.VIEWS).mkdir(mode=_FOLDER_MODE)
        copy_file(views, draft / m.VIEWS / "views.db", lambda _done, _of: None)
    return held


def _check_tiles(ledger: str, log: Path, held: Copied) -> None:
    """Raises Damaged where the copy's tiles do not lead to its head."""
    try:
        whole = held.root == root_of(log, held.tree_size)
    except Malformed:
        whole = False
    if not whole:
        raise Damaged(f"the head of ledger {ledger}", "head")


def _copy_keys(settings: Settings, folder: Path) -> None:
    folder.mkdir(mode=_FOLDER_MODE)
    for path in key_paths(settings.data, settings.ledger):
        if not path.is_file():
            raise KeyFileRefused(path, "is missing; back up --without keys if it lies elsewhere")
        if path.stat().st_mode & 0o077:
            raise KeyFileRefused(path, "can be read by others; chmod 600 it")
        _write(folder / path.name, path.read_bytes())


def _copy_public(settings: Settings, folder: Path) -> None:
    folder.mkdir(mode=_FOLDER_MODE)
    for name in (f"{settings.ledger}.vkey", trust_file_name(settings.ledger)):
        if (path := settings.data / name).is_file():
            _write(folder / name, path.read_bytes())


def _write_settings(settings: Settings, folder: Path) -> None:
    folder.mkdir(mode=_FOLDER_MODE)
    told = {name: os.environ[name] for name in _TOLD if name in os.environ}
    told |= {"CANDOUR_DATA": str(settings.data), "CANDOUR_LEDGER": settings.ledger}
    if settings.database_url is not None:
        told["CANDOUR_DATABASE_URL"] = without_password(settings.database_url)
    if (at := told.get("CANDOUR_DIRECTORY_AT", "")).startswith(("postgresql:", "postgres:")):
        told["CANDOUR_DIRECTORY_AT"] = without_password(at)
    _write(folder / "settings.json", (json.dumps(told, indent=1) + "\n").encode())
    for name in _POLICIES:
        if told.get(name) and (path := Path(told[name])).is_file():
            _write(folder / name.removeprefix("CANDOUR_").lower(), path.read_bytes())


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def _describe(
    settings: Settings,
    draft: Path,
    held: Copied,
    without: Collection[str],
    made_us: int,
    progress: Progress,
) -> m.Manifest:
    paths = sorted(_files(draft))
    files = {}
    for number, path in enumerate(paths, 1):
        path.chmod(0o600)
        name = path.relative_to(draft).as_posix()
        files[name] = m.BackupFile(m.hash_of(path), path.stat().st_size)
        progress("files hashed", number, len(paths))
    return m.Manifest(
        ledger=settings.ledger,
        origin=held.meta.get("origin", ""),
        vkey=held.meta.get("vkey", ""),
        schema=str(read_schema(held.meta).version),
        store="sqlite" if settings.database_url is None else "postgres",
        tree_size=held.tree_size,
        root=held.root.hex(),
        checkpoint=None if held.newest is None else held.newest.note.decode(),
        counts={**held.counts, "reports": held.reports},
        left_out=tuple(sorted(without)),
        files=files,
        made_at=text_of_us(made_us // 1_000_000 * 1_000_000),
        release=version("candour-ledger"),
    )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _make_durable(folder: Path) -> None:
    for path in _files(folder):
        _sync(path)
    for path in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
