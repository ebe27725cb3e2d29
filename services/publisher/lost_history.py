"""A witness says that we signed something else: is it right, or does it lie?

    check_doubt ──GET <witness>/<SHA-256 of origin>/checkpoint──► our own signature, over a tree
        that our store holds          ──► no harm; another process of ours may have been quicker
        that our store does not hold  ──► HistoryLost: nothing is appended or signed any more
        no such thing is to be had    ──► Doubted: publication waits, reports go on

Only our own signature stops the ledger: a witness's word alone must not.
"""

from __future__ import annotations

from hashlib import sha256

from ledger.errors import CandourError, Refused
from ledger.limits import MAX_NOTE_BYTES, WITNESS_TIMEOUT_S
from ledger.merkle import root_at
from ledger.tlog import Checkpoint, Witness, open_checkpoint
from services.publisher.witness_client import WitnessAhead, WitnessRefused
from services.runtime.hosting import Hosted
from services.runtime.http_client import get
from services.runtime.refusals import HistoryLost


class Doubted(Refused):
    """A witness says that it has cosigned another history of ours, and shows no proof."""

    def __init__(self, witness: Witness, reason: str) -> None:
        super().__init__(f"witness {witness.name}: {reason}")
        self.witness, self.reason = witness, reason


def check_doubt(hosted: Hosted, witness: Witness, said: WitnessAhead | WitnessRefused) -> None:
    """Return where what the witness cosigned last is a tree of ours. Blocking.

    Raises:
        HistoryLost: We signed a tree that the database does not hold; the log is halted.
        Doubted: What it cosigned last is not to be had.
        StoreUnavailable: It could not be looked up.
    """
    try:
        signed = cosigned_last(hosted, witness.url or "")
    except (CandourError, OSError) as error:
        signed, why = None, str(error)
    else:
        why = "nothing"
    if signed is None:
        raise Doubted(witness, f"{said.reason}; it does not show what it cosigned: {why}")
    check_held(hosted, signed)


def check_held(hosted: Hosted, signed: Checkpoint) -> None:
    """Return where the store holds a tree that we signed; else nothing is signed any more.

    Raises:
        HistoryLost: It does not; the log is halted.
        StoreUnavailable: It could not be looked up.
    """
    tree_size = hosted.log.durable_head().tree_size
    held = signed.tree_size <= tree_size
    if held and signed.root == root_at(signed.tree_size, hosted.store.read_tile):
        return
    lost = HistoryLost(signed_size=signed.tree_size, tree_size=tree_size)
    hosted.log.halted = lost
    raise lost


def cosigned_last(hosted: Hosted, url: str) -> Checkpoint | None:
    """The checkpoint that the witness cosigned last, our own signature on it verified.

    None where it says that there is none.

    Raises:
        OSError, Malformed, VerificationFailed: There is no such thing to be had.
    """
    origin_hash = sha256(hosted.keys.origin.encode()).hexdigest()
    where = f"{url.rstrip('/')}/{origin_hash}/checkpoint"
    reply = get(where, most=MAX_NOTE_BYTES, timeout_s=WITNESS_TIMEOUT_S)
    if reply.status == 404:
        return None
    if reply.status != 200:
        raise OSError(f"status {reply.status}")
    return open_checkpoint(reply.body, [hosted.keys.checkpoint.verifier_key]).checkpoint
