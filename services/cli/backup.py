"""candour backup: one moment of a running ledger, in a folder of its own.

Settings ──database, keys──► <out>/<ledger>-<UTC time>-<entries>/ ──► its manifest, printed
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Format
from services.cli.output import print_rows, say
from services.cli.placed import RoutesFile, session_url
from services.cli.stores import progress_bars

_COLUMNS = {
    "ledger": "ledger",
    "folder": "folder",
    "entries": "tree_size",
    "checkpoint": "checkpoint_size",
    "disclosures": "counts.disclosures",
    "performers": "counts.performers",
    "bytes": "bytes",
    "left out": "left_out",
}


class Part(StrEnum):
    """What may be backed up, and restored, apart."""

    DISCLOSURES = "disclosures"
    KEYS = "keys"


def backup(
    out: Annotated[
        Path,
        typer.Option(
            envvar="CANDOUR_BACKUPS", file_okay=False, help="Folder of backups; made if missing."
        ),
    ],
    data: Annotated[
        Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
    ] = Path("candour-data"),
    database_url: Annotated[
        str | None, typer.Option(envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Likewise.")
    ] = None,
    routes: RoutesFile = None,
    ledger: Annotated[
        list[str] | None,
        typer.Option(
            envvar=["CANDOUR_LEDGERS", "CANDOUR_LEDGER"],
            metavar="NAME",
            help="Likewise; `directory` for the log that lists the others.",
            show_default="main",
        ),
    ] = None,
    without: Annotated[
        list[Part] | None,
        typer.Option(help="Leave this part out; repeatable. No replay of the log brings it back."),
    ] = None,
    with_views: Annotated[
        bool, typer.Option("--with-views", help="Views too, which the ledger makes anew otherwise.")
    ] = False,
    form: As = Format.TABLE,
) -> None:
    """Back up ledgers: log, disclosures, keys, settings, a manifest. They may be served meanwhile."""
    from services.backup.making import make_backup
    from services.runtime.settings import Settings

    named = [name for text in ledger or [] for name in text.replace(",", " ").split()]
    rows: list[dict[str, Any]] = []
    left_out = sorted({part.value for part in without or ()})
    for name in named or ["main"]:
        url = session_url(routes, database_url, name)
        settings = Settings(data=data, database_url=url, ledger=name)
        path = data / f"{name}.db"
        if settings.database_url is None and not path.is_file():
            raise CommandFailed(f"There is no {path}", "Say where with --data or --database-url")
        with progress_bars() as progress:
            folder, made = make_backup(
                settings, out, without=left_out, with_views=with_views, progress=progress
            )
        size = None if made.checkpoint is None else int(made.checkpoint.split("\n")[1])
        total = sum(item.bytes for item in made.files.values())
        row = {"folder": str(folder), "checkpoint_size": size, "bytes": total}
        rows.append({**row, **made.to_object()})
    print_rows(rows, _COLUMNS, form)
    if not left_out:
        say("Keys and log are in one folder now: move keys/ to where a thief of the rest is not.")
