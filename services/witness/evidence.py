"""What does a witness keep of a log that signed two trees of one size? Both, for others to see.

    <data>/equivocations/<origin's hash>-<size>-<root>.txt ──Equivocation.parse──► a conviction

Whoever has the log's key can check such a file; it needs no word of ours. Forks of other sizes
are refused and not kept: a proof that fails convicts nobody.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from ledger.errors import VerificationFailed
from ledger.limits import MAX_KEPT_EQUIVOCATIONS
from ledger.tlog import Equivocation, SignedCheckpoint, VerifierKey, open_checkpoint

FOLDER: Final = "equivocations"
_log: Final = logging.getLogger("candour.witness")


def keep_equivocation(
    data: Path, cosigned: bytes, shown: SignedCheckpoint, verifiers: Sequence[VerifierKey]
) -> None:
    """Write a file, unless it is there or a hundred are; failing to is no reason not to answer.

    Args:
        data: The witness's directory.
        cosigned: The note we vouched for.
        shown: Another root for the same size, signed by the same log.
        verifiers: The log's keys, as of today.
    """
    try:
        found = Equivocation(open_checkpoint(cosigned, verifiers), shown)
    except VerificationFailed:  # signed by a key that has been replaced since
        return
    checkpoint = shown.checkpoint
    origin_hash = sha256(checkpoint.origin.encode()).hexdigest()[:16]
    name = f"{origin_hash}-{checkpoint.tree_size}-{checkpoint.root.hex()}.txt"
    try:
        if _write_once(data / FOLDER / name, found.marshal()):
            _log.critical("%s; both are kept in %s", found, name)
    except OSError as error:
        _log.error("%s; the evidence is not kept: %s", found, error)


def _write_once(path: Path, data: bytes) -> bool:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    if path.exists() or len(os.listdir(path.parent)) >= MAX_KEPT_EQUIVOCATIONS:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    draft.write_bytes(data)
    os.replace(draft, path)
    return True
