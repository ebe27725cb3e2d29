"""May what was restored be served? Brought back, audited, and held to what others saw it sign.

    manifest, hashes ─► free place ─► keys, database (not servable) ─► audit ─► checkpoints
        all hold, none is of a larger tree       ─► servable
        somebody saw it sign a larger tree       ─► that checkpoint goes into the database: from
                                                    then on it is HISTORY_LOST at each start
        anything else                            ─► not servable, and why stands in the database

A restore that was broken off stays not servable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from ledger.audit.report import Progress
from ledger.errors import CandourError, Malformed, Refused
from ledger.tlog import VerifierKey
from services.backup import manifest as m
from services.backup.judging import Restored, judge, lost_with, settle
from services.backup.placing import check_free, place_database, place_keys, place_public
from services.backup.witnessed import Seen
from services.runtime.hosting import open_store
from services.runtime.settings import Settings


class NotJudged(Refused):
    """A ledger was brought back, and it could not be told whether it may be served."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"it was restored and could not be judged, so it is not to be served: {reason};"
            " restore it again, to an empty place"
        )
        self.reason = reason


class BackupUntrue(Refused):
    """The backup's own checkpoint, or its manifest, does not fit the ledger that is in it."""


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
        NotJudged: It is there, and not servable.
    """
    check_free(settings)
    left_out = {*without, *manifest.left_out}
    made = place_keys(backup, settings, left_out)
    try:
        place_database(backup, settings, left_out)
        place_public(backup, manifest, settings)
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    try:
        return _judged(manifest, settings, key, seen, left_out, progress)
    except (CandourError, OSError) as error:
        raise NotJudged(str(error)) from error


def _judged(
    manifest: m.Manifest,
    settings: Settings,
    key: VerifierKey,
    seen: Sequence[Seen],
    left_out: Collection[str],
    progress: Progress,
) -> Restored:
    store = open_store(settings, create=False)
    try:
        found = judge(store, manifest, key, seen, progress)
        found.lost += lost_with(manifest, left_out)
        settle(store, manifest, found, left_out, seen)
    finally:
        store.close()
    return found
