"""What is shown of a comparison? A summary, every discrepancy in a file, a bar while it runs.

Compared ──► one JSON object (stdout)      ──► report.json: the same, and each discrepancy
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.observers.findings import MISSING_HERE, MISSING_THERE
from ledger.observers.matching import Standing
from ledger.observers.naming import Names
from ledger.observers.verdicts import AGREES, DIFFERING, FLATTENED, MASKED
from services.cli.discrepancy_plan import name_of
from services.cli.observed_file import Watch
from services.cli.reconciling import Compared


def summary_object(compared: Compared) -> dict[str, Any]:
    """The result of a comparison, as one JSON object; what was told of it comes beside."""
    question, findings, release = compared.question, compared.findings, compared.release
    by_field: dict[str, dict[str, int]] = {}
    for (member, name), count in sorted(findings.by_field.items()):
        by_field.setdefault(member, {})[name] = count
    not_kept = compared.judge.only_one_keeps()
    found: dict[str, Any] = {
        "observer": question.observer,
        "agency": question.agency,
        "technology": question.technology,
        "period": None if compared.period is None else compared.period.to_object(),
        "window_s": question.window_us / 1_000_000,
        "tree_size": compared.tree_size,
        "layout": compared.layout.name,
        "file_sha256": compared.file_sha256,
        "rows": release.rows,
        "rejected": release.rejected,
        "outside": release.outside,
        "sightings": len(release.side),
        "uses": len(compared.uses.side),
        AGREES: findings.pairs[AGREES],
        DIFFERING: findings.pairs[DIFFERING],
        MASKED: findings.pairs[MASKED],
        FLATTENED: findings.pairs[FLATTENED],
        MISSING_HERE: findings.missing_here,
        MISSING_THERE: findings.missing_there,
    }
    for standing in (Standing.REPEATED, Standing.UNCLEAR, Standing.UNPLACED):
        found[standing.name.lower()] = dict(
            zip(("here", "there"), findings.both(standing), strict=True)
        )
    found["doubted"] = dict(zip(("here", "there"), findings.doubted(), strict=True))
    found["fields"] = by_field
    found["not_kept"] = {"here": not_kept[0], "there": not_kept[1]}
    return found


def write_report(path: Path, compared: Compared, names: Names, summary: Mapping[str, Any]) -> None:
    """Every discrepancy, told or not, one a line within one JSON object.

    It holds no protected value: a row is named by its line in the observer's file. Written beside
    and moved, so that a report is whole or not there. Raises OSError.
    """
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8") as file:
        head = json.dumps(dict(summary), ensure_ascii=False)
        file.write(head[:-1] + ', "discrepancies": [')
        between = "\n"
        for row in _rows(compared, names):
            file.write(between + json.dumps(row, ensure_ascii=False))
            between = ",\n"
        file.write("\n]}\n")
    draft.replace(path)


def _rows(compared: Compared, names: Names) -> Iterator[dict[str, Any]]:
    lines, uses = compared.release.lines, compared.uses.names
    for finding in compared.findings:
        row: dict[str, Any] = {
            "kind": finding.kind,
            "discrepancy": name_of(compared, names, finding),
        }
        if finding.there is not None:
            row["line"] = lines[finding.there]
        if finding.here is not None:
            row["use"] = uses[finding.here]
        if finding.fields:
            row["fields"] = list(finding.fields)
        if finding.doubted:
            row["doubted"] = True
        yield row


@contextmanager
def progress() -> Iterator[Watch]:
    """A bar a phase on stderr, where somebody watches it."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=True),
        TimeElapsedColumn(),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:

        def watch(phase: str, done: int, total: int | None) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield watch
