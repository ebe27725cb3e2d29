"""Which secrets does a ledger have, and who may read them?

    <data>/keys/<ledger>.checkpoint.pem   signs checkpoints (Ed25519, PKCS #8)
    <data>/keys/<ledger>.answers.pem      signs answers
    <data>/keys/<ledger>.secret           keyed digests of ids and performers (64 hex digits)

Made on first start, readable by their owner alone (0600), and refused when others can read
them. Losing the secret loses idempotency and pseudonyms; losing a key ends the ledger.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.errors import Refused
from ledger.identity import IdentityKeys
from ledger.tlog import Signer, TrustPolicy, answers_name, format_trust


class KeyFileRefused(Refused):
    """A key file cannot be used; says what to do about it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The keys of one ledger, and the origin that follows from them."""

    origin: str
    checkpoint: Signer
    answers: Signer
    identity: IdentityKeys

    def trust_text(self, witnessed: TrustPolicy | None = None) -> str:
        """The trust file to hand to whoever checks answers; demands what we publish by."""
        return format_trust(
            log=self.checkpoint.verifier_key,
            answers=self.answers.verifier_key,
            witnessed=witnessed,
        )


def open_keys(data: Path, ledger: str, *, origin: str | None = None) -> LedgerKeys:
    """Load a ledger's keys; make them for a ledger that is new.

    Args:
        data: The data directory; made where missing.
        ledger: Name of the ledger.
        origin: Of a ledger that has begun, whose keys must all be here; None for a new
            one, whose origin follows from its checkpoint key.
    Raises:
        KeyFileRefused: Missing, unreadable, of another shape, or readable by others.
    """
    folder = data / "keys"
    new = origin is None
    _make_folder(folder)
    checkpoint = _seed(folder / f"{ledger}.checkpoint.pem", new)
    answers = _seed(folder / f"{ledger}.answers.pem", new)
    secret = _secret(folder / f"{ledger}.secret", new)
    if new:  # before anything is signed: a power cut takes neither the folder nor what lies in it
        _sync(folder)
        _sync(data)
    public = Ed25519PrivateKey.from_private_bytes(checkpoint).public_key().public_bytes_raw()
    if origin is None:
        origin = f"candour.local/{sha256(public).hexdigest()[:16]}/{ledger}"
    return LedgerKeys(
        origin,
        Signer(origin, checkpoint),
        Signer(answers_name(origin), answers),
        IdentityKeys(secret),
    )


def _seed(path: Path, new: bool) -> bytes:
    def fresh() -> bytes:
        key = Ed25519PrivateKey.generate()
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    try:
        key = load_pem_private_key(_read_or_make(path, fresh, new), password=None)
    except ValueError:
        raise KeyFileRefused(path, "is not an unencrypted PEM key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileRefused(path, "is not an Ed25519 key")
    return key.private_bytes_raw()


def _secret(path: Path, new: bool) -> bytes:
    text = _read_or_make(path, lambda: os.urandom(32).hex().encode() + b"\n", new).strip()
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise KeyFileRefused(path, "is not 64 hex digits")
    return secret


def _read_or_make(path: Path, fresh: Callable[[], bytes], new: bool) -> bytes:
    if not path.exists():
        if not new:
            raise KeyFileRefused(path, "is missing; restore it: the ledger was begun with it")
        write_private(path, fresh())
    if path.stat().st_mode & 0o077:
        raise KeyFileRefused(path, "can be read by others; chmod 600 it")
    return path.read_bytes()


def write_private(path: Path, data: bytes) -> None:
    """Write a file of mode 0600 that is whole or not there; an existing one stays."""
    # Not by process: in a container each has the same number, and may meet what one left behind.
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
        _sync(path.parent)
    finally:
        draft.unlink()


def _make_folder(folder: Path) -> None:
    """Make a folder, and those it lies in, where they are missing; durably."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for made in missing:
        _sync(made.parent)


def _sync(folder: Path) -> None:
    """The names in a folder are durable."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def key_paths(data: Path, ledger: str) -> tuple[Path, ...]:
    """Where a ledger's secrets are, whether they are there or not."""
    names = (f"{ledger}.checkpoint.pem", f"{ledger}.answers.pem", f"{ledger}.secret")
    return tuple(data / "keys" / name for name in names)
