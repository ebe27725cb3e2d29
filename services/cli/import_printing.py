"""What does an import show while it runs, and in the end?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from services.cli.import_summary import Summary
from services.cli.options import Format
from services.cli.output import print_object, print_rows, say

_REJECT_COLUMNS: Final = {"line": "line", "column": "field", "rejected because it": "reason"}


def print_summary(summary: Summary, form: Format, *, dry_run: bool = False) -> None:
    """The counts on stdout, and the rejected rows that were kept."""
    found = summary.to_object()
    if dry_run:
        found |= {"duplicates": None, "dry_run": True}
    print_object(found, form, leave_out=("rejects",))
    rejects: list[dict[str, Any]] = found["rejects"]
    if form is Format.JSON or not rejects:
        return
    if form is Format.TABLE:
        print()
        print_rows(rejects, _REJECT_COLUMNS, form)
    else:
        for reject in rejects:
            say(f"line {reject['line']}: {reject['field']} {reject['reason']}")
    if summary.rejected > len(rejects):
        say(f"… and {summary.rejected - len(rejects)} more: --show-rejected all lists them.")


@contextmanager
def progress(summary: Summary) -> Iterator[Callable[[Summary], None]]:
    """A bar on stderr where somebody watches it."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task("rows", total=summary.facts.rows)
        yield lambda now: bars.update(task, completed=now.done)
