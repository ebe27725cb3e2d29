"""What was broken, how often, and what came of it? A table at the end of a run.

    test ──counted──► properties of its report (they cross from xdist's workers) ──► one table

`CANDOUR_FAULTS_REPORT=FILE` writes the same table as Markdown.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

_PROPERTY: Final = "fault"
_REPORT_VARIABLE: Final = "CANDOUR_FAULTS_REPORT"
_HEAD: Final = ("broken", "where", "result", "times")

# (what is broken, where, what came of it, how often)
Tally: TypeAlias = Callable[[str, str, str], None]


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """Counts one injection: `tally("lost before a commit", "sqlite", "retried, once")`."""
    counts: Counter[tuple[str, str, str]] = Counter()

    def count(what: str, where: str, result: str) -> None:
        counts[what, where, result] += 1

    yield count
    request.node.user_properties += [
        (_PROPERTY, [*key, times]) for key, times in sorted(counts.items())
    ]


def _rows(reports: Iterable[Any]) -> list[tuple[str, str, str, int]]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == _PROPERTY:
                what, where, result, times = value
                counts[what, where, result] += times
    return [(*key, times) for key, times in sorted(counts.items())]


def show(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, if anything was broken on purpose; for pytest_terminal_summary."""
    # What a test counted stands in the report of its teardown.
    ended = [
        report
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "teardown"
    ]
    rows = _rows(ended)
    if not rows:
        return
    terminalreporter.section("broken on purpose")
    cells = [_HEAD, *[(*row[:3], str(row[3])) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    for row in cells:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False))
        terminalreporter.line(f"{line}  {row[3]:>6}")
    if path := os.environ.get(_REPORT_VARIABLE):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(_markdown(rows), "utf-8")
        terminalreporter.line(f"written to {path}")


def _markdown(rows: list[tuple[str, str, str, int]]) -> str:
    lines = ["| " + " | ".join(_HEAD) + " |", "|---|---|---|--:|"]
    lines += [f"| {what} | {where} | {result} | {times} |" for what, where, result, times in rows]
    return "\n".join(lines) + "\n"
