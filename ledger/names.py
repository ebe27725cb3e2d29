"""What is a thing called in the registers? Resource names from the names people use.

    "Eugene Police Department" ──slug──► "eugene-police-department"
                       ──resource_name──► "agencies/eugene-police-department"

A slug says a name in ASCII; two names never share one because a letter had no ASCII form.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256
from typing import Final

from ledger import streams
from ledger.errors import Malformed
from ledger.limits import MAX_ID_CHARS, MAX_NAME_CHARS

# Of these people say names; uses and imports are named by the ledger.
COLLECTIONS: Final = tuple(sorted({*streams.COLLECTIONS.values()} - {"toolUses", "imports"}))

_MAX_SLUG_CHARS: Final = 150  # with the longest collection it stays below MAX_ID_CHARS
_OTHERS: Final = re.compile(r"[^a-z0-9]+")
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")


@lru_cache(maxsize=4096)  # a network audit names some thousand agencies, over and over
def slug(name: str) -> str:
    """A name in lower-case ASCII letters, digits and single hyphens; never empty.

    Accents are dropped (NFKD). Where a letter or digit has no ASCII form, or the name is very
    long, 12 hex digits of a SHA-256 keep it apart from its like: `x-` and these where nothing
    else is left.
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    text = _OTHERS.sub("-", "".join(c for c in plain if not unicodedata.combining(c))).strip("-")
    lossy = any(c.isalnum() and not c.isascii() for c in plain)
    if text and not lossy and len(text) <= _MAX_SLUG_CHARS:
        return text
    digest = sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[: _MAX_SLUG_CHARS - 13].rstrip('-') or 'x'}-{digest}"


def resource_name(collection: str, name_or_id: str) -> str:
    """The register name that someone means by `name_or_id`.

    Args:
        collection: One of COLLECTIONS.
        name_or_id: A register name of this collection, which is kept as it stands, or an id
            or display name, which becomes a slug.
    Raises:
        Malformed: Blank, too long, of another collection, or no register name after all.
    """
    given = name_or_id.strip()
    if not given or len(given) > MAX_NAME_CHARS:
        raise Malformed(collection, f"must be a name of 1..{MAX_NAME_CHARS} characters")
    head, slash, rest = given.partition("/")
    if not slash or head not in COLLECTIONS:
        return f"{collection}/{slug(given)}"
    if head != collection:
        raise Malformed(collection, f"must lie in {collection}/, not in {head}/")
    if not _ID.fullmatch(rest) or len(given) > MAX_ID_CHARS:
        raise Malformed(
            collection, f"needs letters, digits, '.', '_', '~' or '-' after {collection}/"
        )
    return given
