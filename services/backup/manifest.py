"""What is in a backup, and is it still what was written? One file that names all others.

    <ledger>-<UTC time>-<entries>/manifest.json   origin, tree, checkpoint, every file's SHA-256
        log/            entries, tiles, head, checkpoints: what may be kept for ever
        disclosures/    names, reasons, salts, performers: with a retention of their own
        keys/           what signs, and the secret behind digests: apart, offline
        public/  settings/  views/ (where asked for)

A part may be stored elsewhere, or let go: the manifest still says what it held. A manifest is no
proof. What holds a backup to the truth is the ledger's own signature on the checkpoint in it,
and the checkpoint that somebody else kept.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ledger.errors import Malformed, Refused, VerificationFailed
from ledger.limits import BACKUP_READ_BYTES, MAX_BACKUPS_LOOKED_AT, MAX_MANIFEST_BYTES
from ledger.times import us_of_text
from services.runtime.settings import LEDGER_NAME

FORMAT: Final = "candour-backup/1"
NAME: Final = "manifest.json"
LOG: Final = "log"
DISCLOSURES: Final = "disclosures"
KEYS: Final = "keys"
PUBLIC: Final = "public"
SETTINGS: Final = "settings"
VIEWS: Final = "views"
OPTIONAL: Final = (DISCLOSURES, KEYS)


class BackupDamaged(VerificationFailed):
    """A backup is not what was written; nothing was restored from it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class PartMissing(Refused):
    """A part of a backup is not here, and its absence was not allowed."""

    def __init__(self, part: str, path: Path) -> None:
        super().__init__(
            f"the backup's {part} are not in {path}: put them there, or restore without them:"
            f" --without {part}"
        )
        self.part, self.path = part, path


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file of a backup, by its name relative to the manifest."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup is of.

    Members:
        ledger, origin, vkey, schema: As the database says; the vkey is its checkpoint key.
        store: `sqlite` or `postgres`.
        tree_size, root: Of the head at that moment; the root in hex.
        checkpoint: The newest signed note; None where nothing was published.
        counts: Rows of entries, disclosures, performers, checkpoints, and `reports`: those that
            would be known if they were sent again.
        left_out: Parts that were not wanted.
        files: By name, `log/log.db`.
        made_at: When it was begun, RFC 3339 UTC.
        release: Of what made it.
    """

    ledger: str
    origin: str
    vkey: str
    schema: str
    store: str
    tree_size: int
    root: str
    checkpoint: str | None
    counts: Mapping[str, int]
    left_out: tuple[str, ...]
    files: Mapping[str, BackupFile]
    made_at: str
    release: str

    def to_object(self) -> dict[str, Any]:
        """For `--format json`, and as it stands in the file."""
        return {"format": FORMAT, **asdict(self), "left_out": list(self.left_out)}

    def parts(self) -> set[str]:
        """The parts it has files of."""
        return {name.partition("/")[0] for name in self.files}


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put it beside the files that it names."""
    text = json.dumps(manifest.to_object(), ensure_ascii=False, indent=1) + "\n"
    path = folder / NAME
    path.touch(mode=0o600)
    path.write_text(text, "utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup.

    Raises:
        BackupDamaged: There is none, or it is none of ours.
    """
    path = folder / NAME
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MANIFEST_BYTES + 1)
        if len(data) > MAX_MANIFEST_BYTES:
            raise BackupDamaged(path, "is too long for a manifest")
        found = json.loads(data)
        if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
            raise BackupDamaged(path, f"is not of the format {FORMAT}")
        files = {name: BackupFile(**item) for name, item in found.pop("files").items()}
        manifest = Manifest(**{**found, "files": files, "left_out": tuple(found["left_out"])})
        _check(manifest)
    except FileNotFoundError:
        raise BackupDamaged(path, "is not there; give the folder that holds it") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, Malformed) as error:
        raise BackupDamaged(path, f"is no manifest: {error}") from None
    return manifest


def _check(manifest: Manifest) -> None:
    """Raises ValueError or Malformed where a member cannot be what it should."""
    texts = (manifest.ledger, manifest.origin, manifest.vkey, manifest.schema, manifest.release)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a name is no text")
    if not LEDGER_NAME.fullmatch(manifest.ledger):  # it becomes part of file names
        raise ValueError("no ledger is called so")
    us_of_text(manifest.made_at, field="made_at")
    if type(manifest.tree_size) is not int or len(bytes.fromhex(manifest.root)) != 32:
        raise ValueError("its tree is none")
    for name, item in manifest.files.items():
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError("a file lies outside")
        if type(item.bytes) is not int or len(bytes.fromhex(item.sha256)) != 32:
            raise ValueError(f"{name} has no hash")


def check_files(folder: Path, manifest: Manifest, without: Collection[str]) -> None:
    """Read every file of a backup once, but for parts that are not wanted.

    Raises:
        PartMissing: A part that may lie elsewhere is not here.
        BackupDamaged: A file is missing, cut, or changed.
    """
    for name, item in manifest.files.items():
        part = name.partition("/")[0]
        if part in without:
            continue
        path = folder / name
        if not path.is_file():
            if part in OPTIONAL:
                raise PartMissing(part, folder / part)
            raise BackupDamaged(path, "is missing")
        if path.stat().st_size != item.bytes or hash_of(path) != item.sha256:
            raise BackupDamaged(path, "is not what was written: its SHA-256 differs")


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = sha256()
    with path.open("rb") as file:
        while some := file.read(BACKUP_READ_BYTES):
            digest.update(some)
    return digest.hexdigest()


def newest_backup(folder: Path, origin: str | None) -> tuple[Path, Manifest] | None:
    """The newest whole backup of a ledger among those in a folder; None where there is none.

    Args:
        origin: Of the ledger; None for whichever.
    """
    found: tuple[Path, Manifest] | None = None
    for path in sorted(folder.glob(f"*/{NAME}"))[-MAX_BACKUPS_LOOKED_AT:]:
        if path.parent.name.startswith("."):
            continue  # not ended
        try:
            manifest = read_manifest(path.parent)
        except BackupDamaged:
            continue
        newer = found is None or us_of_text(manifest.made_at) > us_of_text(found[1].made_at)
        if newer and origin in (None, manifest.origin):
            found = path.parent, manifest
    return found
