"""How are two logs compared when neither should carry what it protects? By keyed digests.

    ledger's secret ──HMAC──► key of one observer ──► 64 bits a value, the same on both sides
                                              └─────► the name of a discrepancy

Whoever holds the key can try guesses against the digests, so it goes only to a caller that may see
the values themselves. Names of discrepancies stand in the log in the clear: made with the key, they
say nothing of the row to anybody else, and they are the same at every run.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from ledger.identity import IdentityKeys

KEY_BYTES: Final = 32
# Below are no digests but states of a field (ledger/observers/fields.py).
FIRST_VALUE: Final = 16
_NAME_BYTES: Final = 16


def key_of_observer(keys: IdentityKeys, observer: str) -> bytes:
    """The 32 bytes with which one ledger is compared with one observer's logs."""
    return keys.digest("observer", plain(observer))


def plain(text: str) -> str:
    """A text without what two systems may spell differently: case, white space, width (NFKC)."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


class Digests:
    """Digests of values, under one observer's key of KEY_BYTES."""

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"an observer's key is {KEY_BYTES} bytes")
        self._key = key
        self._begun: dict[str, blake2b] = {}
        # People, reasons and classes recur from row to row; ids do not, and are not kept.
        self.of_text = lru_cache(maxsize=65_536)(self._of_text)

    def _of_text(self, field: str, text: str) -> int:
        """64 bits that two equal texts of one field share, FIRST_VALUE or more."""
        return self.of_id(field, plain(text))

    def of_id(self, field: str, text: str) -> int:
        """As `of_text`, of a text that is plain already and hardly comes again."""
        begun = self._begun.get(field)
        if begun is None:
            begun = blake2b(field.encode() + b"\0", digest_size=8, key=self._key)
            self._begun[field] = begun
        digest = begun.copy()
        digest.update(text.encode("utf-8", "surrogatepass"))
        return int.from_bytes(digest.digest(), "big") | FIRST_VALUE

    def name(self, *parts: str | int) -> str:
        """32 hex digits that name a thing to whoever has the key."""
        said = "\0".join(map(str, parts)).encode("utf-8", "surrogatepass")
        return blake2b(said, digest_size=_NAME_BYTES, key=self._key).hexdigest()
