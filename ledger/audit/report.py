"""What did an audit look at, and where does the database first say something else?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeAlias

from ledger.limits import MAX_FINDINGS

OK: Final = "ok"
DIFFERS: Final = "differs"
NOT_CHECKED: Final = "not checked"

# (stage, done, of how many): called a few times a second, on the auditing thread.
Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference between what the entries say and what stands in the database.

    Members:
        what: `entries`, `stream_versions`, `tile_hashes`, `head`, `disclosures`, `checkpoints`, or a view's table.
        where: Leaf index, tree size of a checkpoint, or key of a row; None for a whole table.
        sentence: What is wrong, for a person; never a protected value.
    """

    what: str
    where: int | str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered check of an audit from outside.

    Members:
        number, name: Alike whatever engine ran it.
        outcome: `ok`, `differs`, or `not checked`.
        detail: What was looked at, or why it was not, for a person.
    """

    number: int
    name: str
    outcome: str
    detail: str


@dataclass(slots=True)
class AuditReport:
    """The course of one audit.

    Members:
        tree_size: Entries that were audited: the head when the audit began.
        findings: Of each table the first MAX_FINDINGS, as they were found.
        differences: All that were found, those beyond that bound too.
        counts: How much was looked at; `erased` counts protected values that are no longer
            shown, `unread` entries of a topic or envelope that this release does not know.
        not_checked: What this audit says nothing about.
        checks: Of an audit from outside, in order; the local one names tables instead.
    """

    tree_size: int = 0
    findings: list[Finding] = field(default_factory=list)
    differences: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    not_checked: list[str] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    _kept: dict[str, int] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return not self.findings

    def differs(self, what: str, where: int | str | None, sentence: str) -> None:
        """Note a difference."""
        self.differences += 1
        self._kept[what] = self._kept.get(what, 0) + 1
        if self._kept[what] <= MAX_FINDINGS:
            self.findings.append(Finding(what, where, sentence))

    def differs_in(self, what: str) -> bool:
        return what in self._kept

    def take(self, findings: Iterable[Finding], differences: int) -> None:
        """Note what another process found; `differences` counts those it did not keep, too."""
        before = self.differences
        for item in findings:
            self.differs(item.what, item.where, item.sentence)
        self.differences = before + differences

    def check(self, number: int, name: str, outcome: str, detail: str) -> None:
        """Note the outcome of a numbered check."""
        self.checks.append(Check(number, name, outcome, detail))

    def count(self, what: str, more: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + more

    def to_object(self) -> dict[str, Any]:
        """For `--format json`; `checks` only where there are numbered ones."""
        checks = [asdict(item) for item in self.checks]
        return {
            **({"checks": checks} if checks else {}),
            "verdict": "good" if self.good else "difference found",
            "tree_size": self.tree_size,
            "differences": self.differences,
            "findings": [
                {"what": item.what, "where": item.where, "sentence": item.sentence}
                for item in self.findings
            ],
            "counts": dict(sorted(self.counts.items())),
            "not_checked": list(self.not_checked),
        }
