"""Which hosted ledger does a request speak of, and which thing in it?

ledgers/<ledger>                        a parent
ledgers/<ledger>/toolUses/<uuid>        a thing, `toolUses/<uuid>` inside its ledger
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

from ledger.errors import Malformed
from ledger.limits import MAX_REQUEST_ID_CHARS
from ledger.streams import check_id, stream_of_name
from services.runtime.refusals import LedgerNotHosted

L = TypeVar("L")
_LEDGER: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
LEDGER_HEADER: Final = "candour-ledger"  # where a request has no field to name its ledger
_VISIBLE: Final = re.compile(r"[!-~]*")


def ledger_of(parent: str, ledgers: Mapping[str, L], *, field: str = "parent") -> L:
    """The hosted ledger that `ledgers/<ledger>` names.

    Raises:
        Malformed: It is no such name.
        LedgerNotHosted: This process does not serve it.
    """
    collection, _, name = parent.partition("/")
    if collection != "ledgers" or not _LEDGER.fullmatch(name):
        raise Malformed(field, "must look like ledgers/<ledger>")
    try:
        return ledgers[name]
    except KeyError:
        raise LedgerNotHosted(name) from None


def named_in(
    name: str, ledgers: Mapping[str, L], *, collection: str | None = None
) -> tuple[L, str]:
    """The hosted ledger of a full resource name, and the name inside it.

    Args:
        name: `ledgers/<ledger>/<collection>/<id>`.
        ledgers: The hosted ones.
        collection: The only one that will do; None where any will.
    Raises:
        Malformed: It is no such name.
        LedgerNotHosted: This process does not serve that ledger.
    """
    parts = name.split("/", 2)
    if len(parts) < 3:
        raise Malformed("name", f"must look like ledgers/<ledger>/{collection or 'toolUses'}/<id>")
    found = ledger_of("/".join(parts[:2]), ledgers, field="name")
    if collection is None:
        stream_of_name(parts[2])
    else:
        check_id(parts[2], collection, field="name")
    return found, parts[2]


def check_request_id(request_id: str) -> str:
    """`request_id` itself; blank for none. Raises Malformed."""
    if len(request_id) > MAX_REQUEST_ID_CHARS or not _VISIBLE.fullmatch(request_id):
        raise Malformed(
            "request_id", f"must be a UUID, or {MAX_REQUEST_ID_CHARS} visible ASCII characters"
        )
    return request_id
