"""Does the server that runs here show this very ledger? Or do two deployments sign with one key?

GET /ledgers/<ledger>/checkpoint ──key──► signed ──► its root, made from this database's tiles
"""

from __future__ import annotations

from typing import Final

from ledger import limits
from ledger.errors import CandourError, Malformed
from ledger.merkle import root_at
from ledger.tlog import open_checkpoint
from services.doctor.examined import Examined, NotToBeTold, Outcome
from services.doctor.patient import Patient
from services.runtime.http_client import get

_NAME: Final = "served tree"
_DO: Final = (
    "end one of them now: a second history convicts the key. Is another database looked at? Say"
    " which: --data, --database-url; else deploy/runbooks/lost-history.md"
)


def served_tree(patient: Patient) -> Examined:
    """Is what it shows, under this ledger's key, a tree that this database holds?"""
    http, ledger = patient.settings.http, patient.settings.ledger
    url = f"http://{http}/ledgers/{ledger}/checkpoint"
    try:
        reply = get(url, most=limits.MAX_NOTE_BYTES, timeout_s=limits.DOCTOR_WAIT_S)
    except (CandourError, OSError):
        raise NotToBeTold(f"no server answers at {http}") from None
    if reply.status != 200:
        raise NotToBeTold(f"the server at {http} shows no checkpoint of {ledger}")
    try:
        shown = open_checkpoint(reply.body, [patient.key()]).checkpoint
    except NotToBeTold:
        raise
    except CandourError:
        said = f"the server at {http} shows a checkpoint that is not signed by this ledger's key"
        return Examined(_NAME, Outcome.BAD, said, _DO)
    size, store = shown.tree_size, patient.store()
    holds = size <= store.head().tree_size
    if holds:
        try:
            holds = shown.root == root_at(size, store.read_tile)
        except Malformed:
            holds = False
    if not holds:
        said = f"the server at {http} shows a tree of {size} entries that is not this database's"
        return Examined(_NAME, Outcome.BAD, said, _DO)
    return Examined(
        _NAME, Outcome.OK, f"the server shows {size} entries, as this database has them"
    )
