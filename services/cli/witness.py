"""candour witness serve: vouch for logs that only grow. (C2SP tlog-witness)

The same process as `python -m services.witness`, or with --replay `python -m
services.witness_replay`, which need the base install alone.
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
    replay: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Fetch each log's entries from here and make every root of the usage index anew"
            " before cosigning; one for each --log, in the same order.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Of a new witness: whose it is, as a URL without scheme."),
    ] = None,
) -> None:
    """Cosign until SIGTERM or Ctrl-C. The first line printed is for others' trust policies."""
    if replay:
        from services.witness_replay.__main__ import serve_replaying

        serve_replaying(data, listen, log, replay, name=name)
        return
    from services.witness.__main__ import run

    run(data, listen, log, name=name)
