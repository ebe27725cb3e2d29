"""Which stream holds a thing, and what is it called outside? Two spellings, one table.

stream in an entry   tool_use/<uuid>    agency/<id>     import/<uuid>
name on the wire     toolUses/<uuid>    agencies/<id>   imports/<uuid>
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ledger.errors import Malformed
from ledger.limits import MAX_ID_CHARS

COLLECTIONS: Final = {
    "tool_use": "toolUses",
    "agency": "agencies",
    "technology": "technologies",
    "source": "sources",
    "authorization": "authorizations",
    "import": "imports",
    "instrument": "instruments",
    "approval": "approvals",
    "nil_return": "nilReturns",
    "mandate": "mandates",
    "proceeding": "proceedings",
    "legal_hold": "legalHolds",
    "incident": "incidents",
    "holding": "holdings",
    "statement": "statements",
    "allegation": "allegations",
    "observation": "observations",
    "discrepancy": "discrepancies",
    "rule_pack": "rulePacks",
}
_KINDS: Final = {collection: kind for kind, collection in COLLECTIONS.items()}
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]*")


def name_of_stream(stream: str) -> str:
    """The resource name of what a stream holds."""
    kind, _, own = stream.partition("/")
    return f"{COLLECTIONS.get(kind, kind)}/{own}"


def stream_of_name(name: str, *, field: str = "name") -> str:
    """The stream of a resource name. Raises Malformed."""
    collection, _, own = name.partition("/")
    kind = _KINDS.get(collection)
    if kind is None:
        raise Malformed(field, f"must begin with one of {', '.join(COLLECTIONS.values())}")
    check_id(name, collection, field=field)
    return f"{kind}/{own}"


@lru_cache(maxsize=4096)  # reports name the same few agencies, sources and imports
def check_id(name: str, collection: str, *, field: str) -> str:
    """`name` itself, if it is `<collection>/<id>`. Raises Malformed."""
    prefix, _, own = name.partition("/")
    if prefix != collection or not _ID.fullmatch(own):
        raise Malformed(field, f"must look like {collection}/<letters, digits, . _ ~ ->")
    if len(name) > MAX_ID_CHARS:
        raise Malformed(field, f"is longer than {MAX_ID_CHARS} characters")
    return name
