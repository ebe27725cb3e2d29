"""May what was restored be served? Brought back, audited, and held to what others saw it sign.

    manifest, hashes ─► free place ─► keys, database (not servable) ─► audit ─► checkpoints
        all hold, none is of a larger tree       ─► servable
        somebody saw it sign a larger tree       ─► that checkpoint goes into the database: from
                                                    then on it is HISTORY_LOST at each start
        anything else                            ─► not servable, and why stands in the database

Nothing that is there is ever written over. A restore that was broken off stays not servable.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.audit.report import AuditReport, Progress
from ledger.errors import CandourError, Malformed, Refused
from ledger.merkle import root_at
from ledger.store.audit import audit_ledger
from ledger.store.copied import NOT_SERVABLE, RESTORED, mark
from ledger.store.core import LedgerStore, Published
from ledger.store.postgres import schema_of
from ledger.store.postgres_snapshot import drop_schema, schema_exists
from ledger.store.sqlite_copy import put_together
from ledger.times import text_of_us
from ledger.tlog import VerifierKey, open_checkpoint
from services.backup import manifest as m
from services.backup.postgres_tools import restore_dump
from services.backup.witnessed import Seen
from services.runtime.hosting import now_us, open_store
from services.runtime.keys import key_paths, write_private
from services.runtime.settings import Settings

_NOT_ENDED = "it was restored, and the restore did not end: restore it again, to an empty place"


class PlaceTaken(Refused):
    """A ledger, or part of one, is where it should be restored to; nothing was touched."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is there already, and a restore writes over nothing; restore to an empty"
            " place, or move that away first"
        )
        self.where = where


class BackupUntrue(Refused):
    """The backup's own checkpoint, or its manifest, does not fit the ledger that is in it."""


@dataclass(slots=True)
class Restored:
    """How a restore ended.

    Members:
        tree_size: Of what was restored.
        audit: Of it.
        missing: Entries that somebody saw in the tree, and that are not here.
        lost: What parts that were left out have taken with them, each in words.
        wrong: Why it may not be served; empty where it may.
        not_known: What this restore says nothing about.
    """

    tree_size: int
    audit: AuditReport
    missing: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    not_known: list[str] = field(default_factory=list)

    @property
    def servable(self) -> bool:
        return not self.wrong


def key_of(backup: Path, manifest: m.Manifest, vkey: Path | None) -> VerifierKey:
    """The key that a backup is judged by: one that is given, else the one that it names.

    Raises:
        BackupDamaged: The backup's own is no key.
        BackupUntrue: They differ.
    """
    try:
        own = VerifierKey.parse(manifest.vkey)
    except Malformed as error:
        raise m.BackupDamaged(backup / m.NAME, f"its vkey: {error}") from None
    if vkey is not None and vkey.read_text("utf-8").strip() != own.format():
        raise BackupUntrue(f"the backup is of another ledger: its key is not the one in {vkey}")
    if own.name != manifest.origin:
        raise m.BackupDamaged(backup / m.NAME, "its key is not named as its origin")
    return own


def restore(
    backup: Path,
    manifest: m.Manifest,
    settings: Settings,
    key: VerifierKey,
    seen: Sequence[Seen],
    *,
    without: Collection[str] = (),
    progress: Progress,
) -> Restored:
    """Bring a backup back, and judge it.

    Args:
        backup: Its folder; its files were checked against the manifest.
        settings: Where to; of the ledger that the manifest names.
        key: As of `key_of`.
        seen: Checkpoints that others kept.
        without: Parts that are not brought back.
    Raises:
        PlaceTaken: Nothing was touched.
        StoreUnavailable, PostgresToolMissing, PostgresToolFailed, OSError: It could not be
            brought back; what was begun is taken away again.
    """
    _check_free(settings)
    left_out = {*without, *manifest.left_out}
    made = _place_keys(backup, manifest, settings, left_out)
    try:
        _place_database(backup, manifest, settings, left_out)
        _place_rest(backup, manifest, settings)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    store = open_store(settings, create=False)
    try:
        found = _judge(store, manifest, key, seen, progress)
        found.lost += _lost(manifest, left_out)
        _settle(store, manifest, found, left_out, seen)
    finally:
        store.close()
    return found


def _check_free(settings: Settings) -> None:
    """Raises PlaceTaken. A `-wal` that was left behind would be read into the restored file."""
    if settings.database_url is not None:
        schema = schema_of(settings.ledger)
        if schema_exists(settings.database_url, schema):
            raise PlaceTaken(f"schema {schema}")
        return
    for path in settings.data.glob(f"{settings.ledger}.*"):
        if ".db" in path.name.removeprefix(settings.ledger):
            raise PlaceTaken(str(path))


def _place_keys(
    backup: Path, manifest: m.Manifest, settings: Settings, left_out: Collection[str]
) -> list[Path]:
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


def _place_database(
    backup: Path, manifest: m.Manifest, settings: Settings, left_out: Collection[str]
) -> None:
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


def _place_rest(backup: Path, manifest: m.Manifest, settings: Settings) -> None:
    for name in manifest.files:
        part, _, file = name.partition("/")
        if part == m.PUBLIC and not (target := settings.data / file).exists():
            settings.data.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(backup / name, target)
        if part == m.VIEWS and settings.database_url is None and (backup / name).is_file():
            shutil.copyfile(backup / name, settings.data / f"{settings.ledger}.views.db")


def _judge(
    store: LedgerStore,
    manifest: m.Manifest,
    key: VerifierKey,
    seen: Sequence[Seen],
    progress: Progress,
) -> Restored:
    report = audit_ledger(store, None, vkey=key, origin=key.name, progress=progress)
    head = store.head()
    found = Restored(head.tree_size, report)
    if not report.good:
        found.wrong.append(
            f"the audit found {report.differences} differences, the first in"
            f" {report.findings[0].what}: {report.findings[0].sentence}"
        )
    if (head.tree_size, head.root.hex()) != (manifest.tree_size, manifest.root):
        found.wrong.append(
            f"its tree is of {head.tree_size} entries, and not the one of {manifest.tree_size}"
            " that the manifest names"
        )
    if manifest.checkpoint is not None:
        _hold_to_own(store, manifest.checkpoint.encode(), key, found)
    for one in seen:
        _hold_to(store, one, found)
    if not seen:
        found.not_known.append(
            "whether entries are missing that were signed after the backup: no checkpoint that"
            " others kept was given (--witness-checkpoint)"
        )
    else:
        most = max(one.checkpoint.tree_size for one in seen)
        found.not_known.append(
            f"whether more than {most} entries were ever signed: only receipts and other"
            " checkpoints can tell"
        )
    return found


def _hold_to_own(store: LedgerStore, note: bytes, key: VerifierKey, found: Restored) -> None:
    try:
        checkpoint = open_checkpoint(note, [key]).checkpoint
    except CandourError as error:
        found.wrong.append(f"the checkpoint in the manifest does not hold: {error}")
        return
    _hold_to(store, Seen("the manifest", checkpoint, note), found)


def _hold_to(store: LedgerStore, one: Seen, found: Restored) -> None:
    size = one.checkpoint.tree_size
    if size > found.tree_size:
        found.missing = max(found.missing, size - found.tree_size)
        found.wrong.append(
            f"{size - found.tree_size} entries are missing: {one.where} shows that this ledger has"
            f" signed {size}, and {found.tree_size} are here"
        )
        return
    try:
        same = one.checkpoint.root == root_at(size, store.read_tile)
    except Malformed:
        same = False
    if not same:
        found.wrong.append(
            f"{one.where} shows another tree of {size} entries, signed by this ledger: two"
            " histories; keep both checkpoints"
        )


def _lost(manifest: m.Manifest, left_out: Collection[str]) -> list[str]:
    """What is gone with the parts that are not here, in words."""
    counts: Mapping[str, int] = manifest.counts
    lost = []
    if m.DISCLOSURES in left_out:
        lost += [
            f"names, reasons and salts of {counts['disclosures']} reports: their commitments stay,"
            " and count as erased",
            f"which of {counts['reports']} reports are held already: sent again, they count twice",
            f"which pseudonym stands for whom, of {counts['performers']} performers: they get new"
            " ones from now on",
        ]
    if m.KEYS in left_out:
        lost.append(
            "the keys: it can be read and audited, and it signs and takes nothing until they are"
            " back in the data directory"
        )
    return lost


def _settle(
    store: LedgerStore,
    manifest: m.Manifest,
    found: Restored,
    left_out: Collection[str],
    seen: Sequence[Seen],
) -> None:
    gone = f", without {' and '.join(sorted(left_out))}" if left_out else ""
    mark(
        store,
        RESTORED,
        f"{text_of_us(now_us() // 1_000_000 * 1_000_000)}: {found.tree_size} entries, from a backup"
        f" of {manifest.made_at}{gone}",
    )
    short = max(seen, key=lambda one: one.checkpoint.tree_size, default=None)
    if found.missing and short is not None and len(found.wrong) == _shortages(found, seen):
        note, size = short.note, short.checkpoint.tree_size
        # Its own signature over what it lacks: whatever release is started refuses from now on.
        store.publish(Published(size, note, now_us()))
        mark(store, NOT_SERVABLE, None)
        return
    mark(store, NOT_SERVABLE, "; ".join(found.wrong) if found.wrong else None)


def _shortages(found: Restored, seen: Sequence[Seen]) -> int:
    return sum(one.checkpoint.tree_size > found.tree_size for one in seen)
