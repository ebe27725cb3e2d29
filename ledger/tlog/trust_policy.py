"""Whom do we believe? Logs, witnesses, and how many of them. (C2SP tlog-policy)

A checkpoint counts if a log named here signed it and the quorum of witnesses cosigned it.

Our convention: besides the log's key, named as its origin, stands a second log with the
key `<origin>/answers`. It signs answers; it signs no checkpoint of that origin.

    trust.txt ──trust_file──► TrustPolicy ──log_key, answers_key──► VerifierKey
                                          └─quorum_met──► yes or no
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ledger.errors import VerificationFailed
from ledger.tlog.note_keys import VerifierKey


class KeyUntrusted(VerificationFailed):
    """The trust policy does not name one key for this purpose, but none or several."""

    def __init__(self, *, key_name: str, found: int) -> None:
        super().__init__(f"key {key_name}: the trust policy names {found}, not one")
        self.key_name, self.found = key_name, found


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints we believe; its key is named as its origin, type 0x01."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness under the policy's own name for it; its key is of type 0x04."""

    name: str
    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses and groups, of which `threshold` must have witnessed; 1 to all of them."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """A parsed policy. Names are octets, so a byte that is not UTF-8 is a lone surrogate.

    Args:
        logs: Each public key once; a name may have several keys.
        witnesses: Each public key and name once.
        groups: Members stand before the group that names them, each in one group at most.
        quorum: A witness or group, or None where the policy asks for no cosignature.
    """

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str | None

    def quorum_met(self, cosigned: Collection[str]) -> bool:
        """True where cosignatures by these witnesses, named as here, suffice."""
        if self.quorum is None:
            return True
        met = {witness.name for witness in self.witnesses} & set(cosigned)
        for group in self.groups:  # no recursion: members come first
            if sum(member in met for member in group.members) >= group.threshold:
                met.add(group.name)
        return self.quorum in met


def answers_name(origin: str) -> str:
    """Name of the key with which the log of this origin signs answers."""
    return f"{origin}/answers"


def log_key(policy: TrustPolicy, origin: str) -> VerifierKey:
    """The key that signs checkpoints of this origin.

    Raises:
        KeyUntrusted: The policy names no key for it, or several.
    """
    keys = [log.key for log in policy.logs if log.key.name == origin]
    if len(keys) != 1:
        raise KeyUntrusted(key_name=origin, found=len(keys))
    return keys[0]


def answers_key(policy: TrustPolicy, origin: str) -> VerifierKey:
    """The key that signs answers from the log of this origin; raises as `log_key`."""
    return log_key(policy, answers_name(origin))
