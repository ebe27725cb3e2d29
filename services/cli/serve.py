"""candour serve: host a ledger on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# As services/runtime/settings.py has them, which is not imported for `--help`.
_ENV = {"data": "CANDOUR_DATA", "url": "CANDOUR_DATABASE_URL", "ledger": "CANDOUR_LEDGER"}


def serve(
    data: Annotated[
        Path, typer.Option(envvar=_ENV["data"], file_okay=False, help="Keys, trust.txt, SQLite.")
    ] = Path("candour-data"),
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar=_ENV["url"],
            show_envvar=True,
            metavar="URL",
            help="PostgreSQL in place of SQLite.",
        ),
    ] = None,
    grpc: Annotated[
        str, typer.Option(envvar="CANDOUR_GRPC", metavar="HOST:PORT", help="Port 0: a free one.")
    ] = "127.0.0.1:50051",
    http: Annotated[
        str, typer.Option(envvar="CANDOUR_HTTP", metavar="HOST:PORT", help="Port 0: a free one.")
    ] = "127.0.0.1:8080",
    ledger: Annotated[
        str, typer.Option(envvar=_ENV["ledger"], metavar="NAME", help="The ledger to host.")
    ] = "main",
    publish_entries: Annotated[
        bool,
        typer.Option(
            "--publish-entries",
            envvar="CANDOUR_PUBLISH_ENTRIES",
            help="Hand entry bundles to everybody who can connect, not to this machine alone.",
        ),
    ] = False,
    witness_policy: Annotated[
        Path | None,
        typer.Option(
            envvar="CANDOUR_WITNESS_POLICY",
            dir_okay=False,
            help="Who must cosign before a checkpoint is published (C2SP tlog-policy).",
        ),
    ] = None,
    index_every: Annotated[
        float,
        typer.Option(
            envvar="CANDOUR_INDEX_EVERY",
            metavar="SECONDS",
            min=0,
            help="Commit a root of the usage index so often, where there is news; 0: at midnight"
            " UTC and on demand only.",
        ),
    ] = 60,
) -> None:
    """Host a ledger until SIGTERM or Ctrl-C. Loopback addresses only, for now."""
    from services.runtime.settings import Settings

    settings = Settings(
        data=data,
        database_url=database_url or None,
        ledger=ledger,
        grpc=grpc,
        http=http,
        publish_entries=publish_entries,
        witness_policy=witness_policy,
        index_every_s=index_every,
    )
    settings.check_addresses()
    from services.cli import host

    raise typer.Exit(host.run(settings))
