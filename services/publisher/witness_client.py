"""How does a log get its checkpoint cosigned? (C2SP tlog-witness, the log's side)

It needs nothing of the store: whoever holds the tree gives a function that makes proofs.

    checkpoint, size cosigned last ──add-checkpoint──► 200 cosignature, verified
                                                     ► 409 another size ──► once more from there
                                                     ► anything else: WitnessFailed says what
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed, Refused, VerificationFailed
from ledger.limits import MAX_TREE_SIZE, MAX_WITNESS_ATTEMPTS, WITNESS_TIMEOUT_S
from ledger.tlog import (
    SIZE_CONTENT_TYPE,
    Checkpoint,
    Signature,
    Submission,
    VerifierKey,
    claimed_checkpoint,
    parse_note,
    verify_cosignature,
)
from ledger.tlog.texts import parse_decimal
from services.runtime.http_client import Reply, post

_MAX_QUOTED_CHARS: Final = 200

# Consistency proof from this size, 1 or more, to that of the checkpoint at hand, which is larger.
Prove = Callable[[int], Sequence[bytes]]


class WitnessFailed(Refused):
    """This witness has not cosigned; the others may have."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"witness {url}: {reason}")
        self.url, self.reason = url, reason


class WitnessUnreachable(WitnessFailed):
    """Nobody answered in time, or with a server's failure: try again later."""


class WitnessAhead(WitnessFailed):
    """The witness has cosigned a larger tree of ours than the one we submit.

    Another process of ours published meanwhile, or this ledger was restored from a backup
    and must not go on signing: what it signs next would be a fork.
    """

    def __init__(self, url: str, *, cosigned_size: int, tree_size: int) -> None:
        super().__init__(url, f"cosigned size {cosigned_size} already, and we submit {tree_size}")
        self.cosigned_size, self.tree_size = cosigned_size, tree_size


class WitnessRefused(WitnessFailed):
    """The witness understood, and does not cosign: it does not know us, or sees a fork."""

    def __init__(self, url: str, reason: str, *, status: int) -> None:
        super().__init__(url, f"{status}: {reason}")
        self.status = status


class WitnessUnsound(WitnessFailed):
    """The witness answered with something that is not its cosignature."""


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One verified line for our checkpoint.

    Args:
        signature: Its `line()` goes below the checkpoint's own; `add_signatures` does it.
        cosigned_at: Seconds since 1970, by the witness's clock.
    """

    signature: Signature
    cosigned_at: int


def submit(
    url: str,
    key: VerifierKey,
    *,
    note: bytes,
    old_size: int,
    prove: Prove,
    timeout_s: float = WITNESS_TIMEOUT_S,
) -> Cosignature:
    """Get this checkpoint cosigned by one witness. Blocking; a few exchanges at most.

    Args:
        url: The witness's submission prefix.
        key: Its key, of type 0x04.
        note: Our signed checkpoint.
        old_size: What the witness cosigned last, as far as we know; 0 is always a fair guess.
        prove: As `Prove`; not asked from size 0, and not to the same size.
        timeout_s: Of one exchange.
    Raises:
        Malformed: The note, before anything is sent.
        WitnessFailed: No cosignature; its subclass says what to do about it.
    """
    checkpoint = claimed_checkpoint(note)
    size = checkpoint.tree_size
    endpoint = f"{url.rstrip('/')}/add-checkpoint"
    from_size = min(old_size, size)
    for _ in range(MAX_WITNESS_ATTEMPTS):
        proof = () if from_size in (0, size) else tuple(prove(from_size))
        body = Submission(from_size, proof, note).marshal()
        try:
            reply = post(endpoint, body, timeout_s=timeout_s)
        except OSError as error:
            raise WitnessUnreachable(url, str(error) or type(error).__name__) from None
        if reply.status == 200:
            return _own_cosignature(url, key, checkpoint, note, reply.body)
        cosigned_size = _size_told(reply)
        if cosigned_size is None or cosigned_size == from_size:
            # 409 with the size we named: version 1.0.0 tells so that one size has two roots.
            raise _failure(url, reply)
        if cosigned_size > size:
            raise WitnessAhead(url, cosigned_size=cosigned_size, tree_size=size)
        from_size = cosigned_size
    raise WitnessUnreachable(url, f"named another size {MAX_WITNESS_ATTEMPTS} times")


def _own_cosignature(
    url: str, key: VerifierKey, checkpoint: Checkpoint, note: bytes, body: bytes
) -> Cosignature:
    """The witness's line among those of its answer; lines by keys we do not know are ignored."""
    try:
        text, signatures = parse_note(note + body)
        if text != checkpoint.marshal():
            raise Malformed("answer", "must be signature lines")
        ours = len(parse_note(note)[1])
        for signature in signatures[ours:]:
            if (signature.key_name, signature.key_id) == (key.name, key.key_id):
                return Cosignature(signature, verify_cosignature(checkpoint, signature, key))
    except (Malformed, VerificationFailed) as error:
        raise WitnessUnsound(url, str(error)) from None
    raise WitnessUnsound(url, f"no line is by {key.format()}")


def _size_told(reply: Reply) -> int | None:
    """The size a witness names in the place of the one we named."""
    media_type = reply.content_type.partition(";")[0].strip().lower()
    if reply.status != 409 or media_type != SIZE_CONTENT_TYPE:
        return None
    text = reply.body.decode(errors="replace")
    try:
        return parse_decimal(text.removesuffix("\n"), field="size", maximum=MAX_TREE_SIZE)
    except Malformed:
        return None


def _failure(url: str, reply: Reply) -> WitnessFailed:
    quoted = "".join(c if c.isprintable() else " " for c in reply.body.decode(errors="replace"))
    reason = quoted.strip()[:_MAX_QUOTED_CHARS] or "no reason given"
    if reply.status >= 500 or reply.status == 429:
        return WitnessUnreachable(url, f"{reply.status}: {reason}")
    return WitnessRefused(url, reason, status=reply.status)
