"""How are numbered steps taken? In order, until one does not hold; only the end says "verified".

(name, step), … ──run_steps──► Report: outcomes by number, verdict, reason
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ledger.errors import CandourError, Unverifiable, VerificationFailed
from ledger.verify.report import (
    FAILED,
    NOT_CHECKED_HERE,
    NOT_JUDGED,
    OK,
    REFUSED,
    UNUSABLE,
    VERIFIED,
    NotCheckedHere,
    Report,
    Step,
)
from ledger.verify.timestamps import LibraryMissing

# Made while they are taken, for which come next depends on what was read.
Steps = Iterator[tuple[str, Callable[[], str]]]


class AnswerDiffers(VerificationFailed):
    """The entries give another answer than the bundle says."""

    def __init__(self, member: str) -> None:
        super().__init__(f"the entries give another {member!r} than the bundle says")
        self.member = member


class TreeTooSmall(VerificationFailed):
    """The answer is older than the reader demands, or than its own checkpoint allows."""

    def __init__(self, tree_size: int, least: int) -> None:
        super().__init__(f"tree size {tree_size} is below {least}")
        self.tree_size, self.least = tree_size, least


def run_steps(report: Report, steps: Steps, claim: Callable[[], str]) -> Report:
    """Take numbered steps until one fails; `claim` is what holds where none does."""
    for number, (name, step) in enumerate(steps, 1):
        try:
            detail = step()
        except Unverifiable as error:
            missing = isinstance(error, LibraryMissing)
            outcome = NOT_CHECKED_HERE if missing else NOT_JUDGED
            report.steps.append(Step(number, name, outcome, str(error)))
            report.verdict, report.reason = UNUSABLE, f"step {number}, {name}: {error}"
            return report
        except (CandourError, RecursionError) as error:
            reason = str(error) or type(error).__name__
            report.steps.append(Step(number, name, FAILED, reason))
            report.verdict, report.reason = REFUSED, f"step {number}, {name}: {reason}"
            return report
        passed_by = isinstance(detail, NotCheckedHere)
        report.steps.append(Step(number, name, NOT_CHECKED_HERE if passed_by else OK, str(detail)))
    report.verdict, report.reason = VERIFIED, claim()
    return report
