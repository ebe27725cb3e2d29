"""Who else saw this tree, and do they suffice? (C2SP tlog-cosignature, version 1, Ed25519)

A witness that cosigns says: at this time, this is the largest tree of the log that I have
seen, and it only adds to every tree I saw before.

    checkpoint + time ──Cosigner──► signature line ──add_signatures──► note
    note + TrustPolicy ──open_witnessed──► checkpoint, {witness: time}, or QuorumUnmet
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.errors import Malformed, VerificationFailed
from ledger.limits import MAX_COSIGNED_AT
from ledger.tlog.checkpoint import Checkpoint, open_checkpoint
from ledger.tlog.note_keys import COSIGNATURE_TYPE, SIGNATURE_BYTES, Signer, VerifierKey
from ledger.tlog.signed_note import Note, Signature, parse_note
from ledger.tlog.trust_policy import TrustPolicy, Witness, log_key

_TIME_BYTES: Final = 8


class CosignatureFailed(VerificationFailed):
    """A cosignature bears a witness's name and id, and that witness did not make it."""

    def __init__(self, reason: str, *, key_name: str, key_id: bytes) -> None:
        super().__init__(f"cosignature of {key_name}+{key_id.hex()}: {reason}")
        self.reason = reason
        self.key_name, self.key_id = key_name, key_id


class QuorumUnmet(VerificationFailed):
    """The log signed this checkpoint, and too few of the witnesses we ask for did."""

    def __init__(
        self, *, origin: str, tree_size: int, quorum: str, cosigned: Sequence[str]
    ) -> None:
        names = ", ".join(map(_printable, cosigned)) or "no witness we know"
        super().__init__(
            f"checkpoint {tree_size} of {origin}: cosigned by {names},"
            f" which does not make quorum {_printable(quorum)}"
        )
        self.origin, self.tree_size = origin, tree_size
        self.quorum, self.cosigned = quorum, tuple(cosigned)


@dataclass(frozen=True, slots=True)
class WitnessedCheckpoint:
    """A checkpoint that its log signed and the policy's quorum cosigned.

    Args:
        checkpoint: As signed.
        cosigned: When each witness cosigned, under the policy's name for it; seconds
            since 1970, by the witness's own clock. The quorum may need only some of them.
        note: The note that carries it, the log's signature verified.
    """

    checkpoint: Checkpoint
    cosigned: Mapping[str, int]
    note: Note


class Cosigner:
    """A witness's private key under its name; it shows neither seed nor key when printed.

    The signature does not cover the name, so a key serves one name only.

    Args:
        name: As of `VerifierKey`; a URL without scheme that identifies the witness.
        seed: Ed25519 private key of RFC 8032, 32 bytes. Keep it secret.
    Raises:
        Malformed: The name or the length of the seed breaks these rules.
    """

    __slots__ = ("_signer", "verifier_key")

    def __init__(self, name: str, seed: bytes) -> None:
        self._signer = Signer(name, seed)
        public_key = self._signer.verifier_key.public_key
        self.verifier_key = VerifierKey(name, public_key, COSIGNATURE_TYPE)

    def cosign(self, checkpoint: Checkpoint, *, cosigned_at: int) -> Signature:
        """The signature over this time and the whole checkpoint, extension lines included.

        Args:
            checkpoint: The largest of its log that the witness has seen.
            cosigned_at: Seconds since 1970.
        """
        message = _message(checkpoint, cosigned_at)
        blob = cosigned_at.to_bytes(_TIME_BYTES, "big") + self._signer.sign(message)
        return Signature(self.verifier_key.name, self.verifier_key.key_id, blob)

    def __repr__(self) -> str:
        return f"Cosigner({self.verifier_key.format()!r})"


def verify_cosignature(checkpoint: Checkpoint, signature: Signature, key: VerifierKey) -> int:
    """When the witness of this key cosigned this checkpoint: seconds since 1970.

    The time is the witness's word. Whether it lies in the future, a caller with a clock says.

    Raises:
        Malformed: The key is not of type 0x04.
        CosignatureFailed: Another key's, of another length, or not over this checkpoint.
    """

    def failed(reason: str) -> CosignatureFailed:
        return CosignatureFailed(reason, key_name=key.name, key_id=key.key_id)

    if key.key_type != COSIGNATURE_TYPE:
        raise Malformed("vkey.type", "must be 0x04, a cosigner's")
    if (signature.key_name, signature.key_id) != (key.name, key.key_id):
        raise failed("bears another name or id")
    if len(signature.signature) != _TIME_BYTES + SIGNATURE_BYTES:
        raise failed("must hold a time of 8 bytes and a signature of 64")
    cosigned_at = int.from_bytes(signature.signature[:_TIME_BYTES], "big")
    if cosigned_at > MAX_COSIGNED_AT:
        raise failed("its time is out of bounds")
    ed25519 = VerifierKey(key.name, key.public_key)  # the same key, over a message of any kind
    if not ed25519.verify(_message(checkpoint, cosigned_at), signature.signature[_TIME_BYTES:]):
        raise failed("not over this checkpoint and time")
    return cosigned_at


def cosignatures(
    checkpoint: Checkpoint, signatures: Iterable[Signature], witnesses: Iterable[Witness]
) -> dict[str, int]:
    """Which of these witnesses cosigned, and when; their names as in the policy.

    As notes are judged: signatures by others are ignored, the first of each key counts,
    and a bad one by a known key condemns the whole.

    Raises:
        Malformed: Two witnesses share a key's name and id, or a key is not a cosigner's.
        CosignatureFailed: A signature bears a witness's name and id and is not its own.
    """
    known: dict[tuple[str, bytes], Witness] = {}
    for witness in witnesses:
        if known.setdefault((witness.key.name, witness.key.key_id), witness) is not witness:
            raise Malformed("witnesses", "two keys share a name and an id")
    cosigned: dict[str, int] = {}
    for signature in signatures:
        by = known.get((signature.key_name, signature.key_id))
        if by is not None and by.name not in cosigned:
            cosigned[by.name] = verify_cosignature(checkpoint, signature, by.key)
    return cosigned


def open_witnessed(data: bytes, policy: TrustPolicy, origin: str) -> WitnessedCheckpoint:
    """The checkpoint of this note, if its log signed it and the quorum cosigned it.

    Args:
        data: Signed note.
        policy: Names the log's key, the witnesses and the quorum; without a quorum the
            cosignatures are verified all the same.
        origin: The log we want to hear of.
    Raises:
        KeyUntrusted: The policy names no key for this origin, or several.
        Malformed, VerificationFailed: As `open_checkpoint` and `cosignatures`.
        QuorumUnmet: Too few witnesses cosigned.
    """
    signed = open_checkpoint(data, [log_key(policy, origin)])
    cosigned = cosignatures(signed.checkpoint, signed.note.unverified, policy.witnesses)
    if policy.quorum is not None and not policy.quorum_met(cosigned):
        raise QuorumUnmet(
            origin=origin,
            tree_size=signed.checkpoint.tree_size,
            quorum=policy.quorum,
            cosigned=tuple(cosigned),
        )
    return WitnessedCheckpoint(signed.checkpoint, cosigned, signed.note)


def add_signatures(data: bytes, signatures: Iterable[Signature]) -> bytes:
    """The note with these lines below its own; nothing is verified.

    Raises:
        Malformed: It is no note, or would have more bytes or lines than a note may.
    """
    longer = data + "".join(f"{signature.line()}\n" for signature in signatures).encode()
    parse_note(data)
    parse_note(longer)
    return longer


def _message(checkpoint: Checkpoint, cosigned_at: int) -> bytes:
    """The bytes that are signed."""
    if not 0 <= cosigned_at <= MAX_COSIGNED_AT:
        raise Malformed("cosigned_at", f"must lie in 0..{MAX_COSIGNED_AT}")
    return f"cosignature/v1\ntime {cosigned_at}\n{checkpoint.marshal()}".encode()


def _printable(name: str) -> str:
    """A policy's names are octets, and an error must be printable."""
    return name.encode(errors="backslashreplace").decode()
