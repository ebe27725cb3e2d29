"""What does one look say? A name, an outcome, a sentence, and what to do next.

ok       nothing to do          warn  somebody should look at it in the daytime
unknown  it cannot be told      bad   somebody should be woken
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ledger.errors import CandourError


class Outcome(StrEnum):
    """How grave it is."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Examined:
    """One look.

    Members:
        says: What was found, in a sentence without a full stop.
        do: What to do next; "" where nothing needs doing.
    """

    name: str
    outcome: Outcome
    says: str
    do: str = ""


class NotToBeTold(CandourError):
    """A look could not be had; says why, and what to do."""

    def __init__(self, reason: str, do: str = "") -> None:
        super().__init__(reason)
        self.reason, self.do = reason, do


def exit_status(looks: Iterable[Examined]) -> int:
    """0 nothing to do or unknown, 1 something to look at, 2 something is bad."""
    found = {look.outcome for look in looks}
    return 2 if Outcome.BAD in found else int(Outcome.WARN in found)


def ago(seconds: float) -> str:
    """A span of time for a person."""
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"


def size_of(count: float) -> str:
    """Bytes for a person."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count:.0f} bytes"
