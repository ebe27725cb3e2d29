"""Whose signature is it? Names, ids and keys of signed notes. (C2SP signed-note)

A key is known by its name and its id, together; the id alone is four bytes and can be forged.

    seed ──Signer──► VerifierKey ──format──► `name+1f2e3d4c+base64` ──parse──► VerifierKey
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.errors import Malformed
from ledger.limits import MAX_KEY_NAME_BYTES
from ledger.tlog.texts import decode_base64, encode_base64, has_control, is_utf8

NOTE_TYPE: Final = 0x01  # Ed25519 over the note's text: logs
COSIGNATURE_TYPE: Final = 0x04  # Ed25519 over time and checkpoint: witnesses
KEY_ID_BYTES: Final = 4
PUBLIC_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_HEX_ID: Final = re.compile(r"[0-9a-f]{8}")


def is_key_name(name: str) -> bool:
    """True for a name a signature line can bear: not empty, UTF-8, no space, control or `+`."""
    return (
        name != ""
        and "+" not in name
        and not any(map(str.isspace, name))
        and not has_control(name)
        and is_utf8(name)
    )


def key_id(name: str, *, key_type: int, public_key: bytes) -> bytes:
    """The four bytes by which a signature names its key.

    Source: C2SP signed-note: SHA-256(name, newline, type byte, key), cut.
    """
    return sha256(name.encode() + b"\n" + bytes([key_type]) + public_key).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under its name.

    Args:
        name: As `is_key_name`, 255 bytes at most; a log's is its origin.
        public_key: Ed25519, 32 bytes.
        key_type: `NOTE_TYPE` or `COSIGNATURE_TYPE`; no other is known here.
    Raises:
        Malformed: A field breaks these rules.
    """

    name: str
    public_key: bytes
    key_type: int = NOTE_TYPE

    def __post_init__(self) -> None:
        if not is_key_name(self.name) or len(self.name.encode()) > MAX_KEY_NAME_BYTES:
            raise Malformed("vkey.name", "must be 1 to 255 bytes without space, control or '+'")
        if self.key_type not in (NOTE_TYPE, COSIGNATURE_TYPE):
            raise Malformed("vkey.type", "must be 0x01 or 0x04, the Ed25519 types")
        if len(self.public_key) != PUBLIC_KEY_BYTES:
            raise Malformed("vkey.key", "must be 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Four bytes, as `key_id`."""
        return key_id(self.name, key_type=self.key_type, public_key=self.public_key)

    def format(self) -> str:
        """The vkey text: `name+<id in hex>+<base64 of type and key>`."""
        return "+".join(
            (
                self.name,
                self.key_id.hex(),
                encode_base64(bytes([self.key_type]) + self.public_key),
            )
        )

    @classmethod
    def parse(cls, vkey: str) -> VerifierKey:
        """The key that `format` wrote; one text for each key.

        Stricter than Go: lowercase hex only.

        Raises:
            Malformed: Another form, an unknown type, or an id that is not this key's.
        """
        name, _, rest = vkey.partition("+")
        hex_id, _, encoded = rest.partition("+")
        if _HEX_ID.fullmatch(hex_id) is None:
            raise Malformed("vkey", "must be name+id+key, the id in 8 lowercase hex digits")
        typed_key = decode_base64(encoded, field="vkey.key")
        if not typed_key:
            raise Malformed("vkey.key", "must hold a type and a key")
        key = cls(name, typed_key[1:], typed_key[0])
        if key.key_id.hex() != hex_id:
            raise Malformed("vkey.id", "is not the id of this name and key")
        return key

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True where this key, of type `NOTE_TYPE`, signed exactly this message."""
        assert self.key_type == NOTE_TYPE, "a cosignature is not over the message alone"
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True


class Signer:
    """A private note key under its name; it shows neither seed nor key when printed.

    Args:
        name: As of `VerifierKey`.
        seed: Ed25519 private key of RFC 8032, 32 bytes. Keep it secret.
    Raises:
        Malformed: The name or the length of the seed breaks these rules.
    """

    __slots__ = ("_private_key", "verifier_key")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise Malformed("seed", "must be 32 bytes")
        self._private_key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier_key = VerifierKey(name, self._private_key.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Signature over the message, 64 bytes; the same each time."""
        return self._private_key.sign(message)

    def __repr__(self) -> str:
        return f"Signer({self.verifier_key.format()!r})"
