"""Which witnesses must cosign before we publish? The operator's file. (C2SP tlog-policy)

    witness <name> <vkey> <url>
    group <name> all|any|<k> <name>...
    quorum <name>|none

    CANDOUR_WITNESS_POLICY ──read──► TrustPolicy ──► publisher, trust.txt

Its witnesses, groups and quorum go into trust.txt, so readers demand what we demand of ourselves.
"""

from __future__ import annotations

from pathlib import Path

from ledger.errors import Malformed, Refused
from ledger.limits import MAX_TRUST_POLICY_BYTES, MAX_WITNESSES
from ledger.tlog import TrustPolicy, parse_trust_policy


class WitnessPolicyRefused(Refused):
    """The policy cannot be published by; says what to do about it."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


def read_witness_policy(path: Path) -> TrustPolicy:
    """The policy in this file; log lines in it are for readers, and not used here.

    Raises:
        WitnessPolicyRefused: It cannot be read, or not be published by.
    """
    try:
        with path.open("rb") as file:
            policy = parse_trust_policy(file.read(MAX_TRUST_POLICY_BYTES + 1))
    except OSError as error:
        raise WitnessPolicyRefused(path, error.strerror or "cannot be read") from None
    except Malformed as error:
        raise WitnessPolicyRefused(path, str(error)) from None
    if not 1 <= len(policy.witnesses) <= MAX_WITNESSES:
        raise WitnessPolicyRefused(path, f"must name 1 to {MAX_WITNESSES} witnesses")
    names = [witness.name for witness in policy.witnesses]
    names += [group.name for group in policy.groups]
    if not all(map(str.isprintable, names)):  # they stand in logs and JSON
        raise WitnessPolicyRefused(path, "must name witnesses and groups printably")
    for witness in policy.witnesses:
        if not (witness.url or "").startswith(("http://", "https://")):
            raise WitnessPolicyRefused(path, f"witness {witness.name!a} needs an http(s) URL")
    return policy
