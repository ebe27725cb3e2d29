"""candour witness serve: vouch for logs that only grow. (C2SP tlog-witness)

The same process as `python -m services.witness`, which needs the base install alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

app: Final = typer.Typer(no_args_is_help=True, help="Cosign checkpoints of logs that only grow.")


@app.callback()
def _group() -> None:
    """Cosign checkpoints of logs that only grow."""


@app.command("serve")
def serve(
    data: Annotated[
        Path, typer.Option(file_okay=False, help="Of the witness alone: its key and its memory.")
    ],
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Port 0: a free one.")],
    log: Annotated[
        list[str], typer.Option(metavar="VKEY", help="A log to watch; again for each one.")
    ],
    name: Annotated[
        str | None,
        typer.Option(help="Of a new witness: whose it is, as a URL without scheme."),
    ] = None,
) -> None:
    """Cosign until SIGTERM or Ctrl-C. The first line printed is for others' trust policies."""
    from services.witness.__main__ import run

    run(data, listen, log, name=name)
