"""What did others see this ledger sign? A checkpoint that somebody kept, in a file or under a URL.

    FILE │ URL │ a witness's URL ──read──► signed note ──the ledger's own key──► Checkpoint

Only the ledger's own signature counts, whoever shows it: nobody else can make one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger.errors import CandourError, Refused
from ledger.limits import MAX_NOTE_BYTES, WITNESS_TIMEOUT_S
from ledger.tlog import Checkpoint, VerifierKey, open_checkpoint
from services.runtime.http_client import get


class NotToBeHad(Refused):
    """A checkpoint that others kept could not be read, or is not this ledger's."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"the checkpoint at {where}: {reason}")
        self.where, self.reason = where, reason


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that somebody kept, signed by the ledger."""

    where: str
    checkpoint: Checkpoint
    note: bytes


def read_seen(where: str, key: VerifierKey) -> Seen:
    """What a file or URL says the ledger signed.

    Args:
        where: A file with a signed note; or the URL of one, which ends in `/checkpoint`; or the
            URL of a witness, which is asked for what it cosigned last.
        key: The ledger's.
    Raises:
        NotToBeHad: There is no such thing, or another key signed it.
    """
    try:
        note = _read(where, key)
        return Seen(where, open_checkpoint(note, [key]).checkpoint, note)
    except NotToBeHad:
        raise
    except (CandourError, OSError) as error:
        raise NotToBeHad(where, str(error)) from None


def _read(where: str, key: VerifierKey) -> bytes:
    if not where.startswith(("http://", "https://")):
        with Path(where).open("rb") as file:
            return file.read(MAX_NOTE_BYTES)
    url = where.rstrip("/")
    if not url.endswith("/checkpoint"):
        url = f"{url}/{sha256(key.name.encode()).hexdigest()}/checkpoint"
    reply = get(url, most=MAX_NOTE_BYTES, timeout_s=WITNESS_TIMEOUT_S)
    if reply.status != 200:
        raise NotToBeHad(where, f"status {reply.status}")
    return reply.body
