"""Which claim failed? Every error the ledger raises of its own, with its facts as fields.

    CandourError
    ├── Malformed            someone handed us bytes or values that break a format
    ├── VerificationFailed   a proof, signature or answer does not hold
    ├── Unverifiable         it cannot be judged here (a fold or format is missing): not a yes
    └── Refused              the log cannot take this request now, or ever; says which

An error never quotes a protected value: it names the field and the rule it broke.
"""

from __future__ import annotations


class CandourError(Exception):
    """Base of all errors raised on purpose by this package."""


class Malformed(CandourError):
    """Input breaks a format.

    Args:
        field: Dotted path of the field, as the caller wrote it (`occurred.latest`).
        reason: The rule that was broken; never the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class VerificationFailed(CandourError):
    """A claim was checked and does not hold."""


class Unverifiable(CandourError):
    """A claim could not be checked with what is here; treat it as unproven."""


class Refused(CandourError):
    """The request was understood and not carried out."""
