"""Which secrets does a ledger have, and who may read them?

    <data>/keys/<ledger>.checkpoint.pem   signs checkpoints (Ed25519, PKCS #8)
    <data>/keys/<ledger>.answers.pem      signs answers
    <data>/keys/<ledger>.secret           keyed digests of ids and performers (64 hex digits)

Made on first start, readable by their owner alone (0600), and refused when others can read
them. Losing the secret loses idempotency and pseudonyms; losing a key ends the ledger.
"""

from __future__ import annotations

import os
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
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = origin is None
    checkpoint = _seed(folder / f"{ledger}.checkpoint.pem", new)
    answers = _seed(folder / f"{ledger}.answers.pem", new)
    secret = _secret(folder / f"{ledger}.secret", new)
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
    draft = path.with_name(f".{path.name}.{os.getpid()}")
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
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        draft.unlink()


def key_paths(data: Path, ledger: str) -> tuple[Path, ...]:
    """Where a ledger's secrets are, whether they are there or not."""
    names = (f"{ledger}.checkpoint.pem", f"{ledger}.answers.pem", f"{ledger}.secret")
    return tuple(data / "keys" / name for name in names)
