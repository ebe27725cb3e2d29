"""candour monitor: follow a log from outside, and keep what convicts it. (RFC 9162, 8.2)

The same as `python -m services.monitor`, which needs the base install alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def monitor(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="The log's prefix: …/ledgers/<ledger>.")
    ],
    vkey: Annotated[
        str, typer.Option(help="The log's key, or a file that holds it; not from the log itself.")
    ],
    state: Annotated[
        Path, typer.Option(dir_okay=False, help="Keeps every checkpoint that was seen.")
    ],
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    every: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="Look again after so long.")
    ] = 60,
    compare: Annotated[
        list[Path] | None,
        typer.Option(
            dir_okay=False, metavar="FILE", help="Another monitor's state; again for each."
        ),
    ] = None,
) -> None:
    """Check that a log only grows, and that others were shown the same one.

    Exit status: 0 it does, 1 it signed two histories (the proof is in a file beside the
    state), 2 it could not be told.
    """
    from services.monitor.__main__ import run

    every_s = None if once else every
    raise typer.Exit(run(url, vkey, state, every_s=every_s, compare=compare or []))
