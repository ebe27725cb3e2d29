"""Which checks does an audit from outside make? Numbered alike whatever engine makes them.

    findings of slices, of the tree, of streams and index ──conclude──► report, check by check

`ok` says that the check was made over the whole tree and found nothing. What could not be made
is `not checked`, with the reason, and stands in the report's list as well.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ledger.audit.report import DIFFERS, NOT_CHECKED, OK, AuditReport


class Number(IntEnum):
    """What is checked, in this order."""

    CHECKPOINT = 1
    OLDER = 2
    ENTRIES = 3
    LEAF_HASHES = 4
    TILES = 5
    ROOT = 6
    FORM = 7
    STREAMS = 8
    USAGE_INDEX = 9

    @property
    def text(self) -> str:
        return self.name.lower().replace("_", " ")


class Course:
    """The course of one audit: its report, and what became of each check."""

    def __init__(self) -> None:
        self.report = AuditReport(not_checked=list(NEVER_CHECKED))
        self.failed: dict[int, int] = {}
        self._details: dict[int, str] = {}
        self._not_made: dict[int, str] = {}

    def differs(self, number: int, what: str, where: int | str | None, sentence: str) -> None:
        """Note a difference that a check has found."""
        self.fail(number, 1)
        self.report.differs(what, where, sentence)

    def fail(self, number: int, times: int) -> None:
        """Note that a check has failed; what was found stands in the report already."""
        self.failed[number] = self.failed.get(number, 0) + times

    def made(self, number: int, detail: str) -> None:
        """Note that a check was made to its end, over so much."""
        self._details[number] = detail

    def not_made(self, number: Number, reason: str, *, listed: bool = True) -> None:
        """Note that a check was not made, and list it unless it has no object here."""
        self._not_made[number] = reason
        if listed:
            self.report.not_checked.append(f"{number.text}: {reason}")

    def outcome(self, number: Number) -> tuple[str | None, str]:
        """Why a check was not made, None where it was; and over what it was."""
        return self._not_made.get(number), self._details.get(number, "")

    def conclude(self) -> AuditReport:
        """The report, with every check in it: what nobody speaks of was not made."""
        for number in Number:
            if number in self.failed:
                times = self.failed[number]
                outcome, detail = DIFFERS, f"{times} difference{'s' if times > 1 else ''}"
            elif number in self._not_made:
                outcome, detail = NOT_CHECKED, self._not_made[number]
            elif number in self._details:
                outcome, detail = OK, self._details[number]
            else:
                outcome, detail = NOT_CHECKED, "the audit ended before"
                self.report.not_checked.append(f"{number.text}: {detail}")
            self.report.check(number, number.text, outcome, detail)
        return self.report


NEVER_CHECKED: Final = (
    "whether others were shown another history: compare checkpoints with theirs (witnesses, monitors)",
    "whether what is recorded is true, and whether every use was reported",
    "protected values, performers, views and answers: they stand beside the log; the operator's"
    " own `candour audit` checks them",
)
