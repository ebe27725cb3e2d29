"""Have enough of the witnesses whom the reader believes cosigned this checkpoint?

    note + policy ──open_witnessed──► {witness: time} ──► in words, and what stays unchecked

Source: C2SP tlog-cosignature, tlog-policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.times import MAX_US, text_of_us
from ledger.tlog import TrustPolicy, open_witnessed

NO_WITNESS: Final = "whether others are shown the same history: the trust file names no witness"
NONE_DEMANDED: Final = (
    "whether others are shown the same history: the trust file demands no witness's cosignature"
)
WHO_THEY_ARE: Final = (
    "whether the witnesses are independent of the ledger and of each other: find out who they are"
)


def check_witnesses(note: bytes, policy: TrustPolicy, origin: str) -> tuple[str, str]:
    """What was found, and what it leaves unchecked.

    Args:
        note: The checkpoint, its log's signature verified already.
        policy: Without a quorum, cosignatures are verified where there are any.
        origin: Of the log.
    Raises:
        QuorumUnmet: Too few of the policy's witnesses cosigned.
        CosignatureFailed: One of them did not make what bears its name and id.
        Malformed, VerificationFailed: As `open_witnessed`.
    """
    cosigned = open_witnessed(note, policy, origin).cosigned
    if policy.quorum is not None:
        return f"{_in_words(cosigned)}; that is quorum {_printable(policy.quorum)}", WHO_THEY_ARE
    found = f"none demanded; {_in_words(cosigned)}" if cosigned else "none demanded"
    return found, NONE_DEMANDED if policy.witnesses else NO_WITNESS


def _in_words(cosigned: Mapping[str, int]) -> str:
    said = [f"{_printable(name)} at {_time(at)}" for name, at in cosigned.items()]
    return f"cosigned by {', '.join(said)}"


def _time(seconds: int) -> str:
    """The witness's word, which may be any number."""
    us = seconds * 1_000_000
    return text_of_us(us) if us <= MAX_US else f"second {seconds}"


def _printable(name: str) -> str:
    """A policy's names are octets."""
    return name.encode(errors="backslashreplace").decode()
