"""candour serve: host ledgers on this machine, and the directory that lists them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.placed import RoutesFile, said_once

# As services/runtime/settings.py has them, which is not imported for `--help`.
_ENV = {"data": "CANDOUR_DATA", "url": "CANDOUR_DATABASE_URL"}
_DEFAULT_LEDGER = "main"


class LogFormat(StrEnum):
    """What goes to stderr."""

    TEXT = "text"
    JSON = "json"


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
    routes: RoutesFile = None,
    grpc: Annotated[
        str, typer.Option(envvar="CANDOUR_GRPC", metavar="HOST:PORT", help="Port 0: a free one.")
    ] = "127.0.0.1:50051",
    http: Annotated[
        str, typer.Option(envvar="CANDOUR_HTTP", metavar="HOST:PORT", help="Port 0: a free one.")
    ] = "127.0.0.1:8080",
    ledger: Annotated[
        list[str] | None,
        typer.Option(
            envvar=["CANDOUR_LEDGERS", "CANDOUR_LEDGER"],
            metavar="NAME",
            help="A ledger to host; repeatable, each with keys and a database of its own.",
            show_default=_DEFAULT_LEDGER,
        ),
    ] = None,
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
    directory: Annotated[
        bool | None,
        typer.Option(
            "--directory/--no-directory",
            envvar="CANDOUR_DIRECTORY",
            help="Keep a log that lists every checkpoint of the ledgers; by default where there"
            " are several, or where it was kept before.",
            show_default=False,
        ),
    ] = None,
    directory_at: Annotated[
        str | None,
        typer.Option(
            envvar="CANDOUR_DIRECTORY_AT",
            metavar="DIR|URL",
            help="Where it lives, if not with the ledgers: there it notices that one was set back.",
        ),
    ] = None,
    directory_witness_policy: Annotated[
        Path | None,
        typer.Option(
            envvar="CANDOUR_DIRECTORY_WITNESS_POLICY",
            dir_okay=False,
            help="As --witness-policy, for the directory.",
        ),
    ] = None,
    start_unconfirmed: Annotated[
        bool,
        typer.Option(
            "--start-unconfirmed",
            envvar="CANDOUR_START_UNCONFIRMED",
            help="With a witness policy: take reports before enough witnesses have said what they"
            " cosigned last. Only where the database was not restored.",
        ),
    ] = False,
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
    log_format: Annotated[
        LogFormat,
        typer.Option(
            envvar="CANDOUR_LOG_FORMAT", help="Lines for people, or a JSON object a line."
        ),
    ] = LogFormat.TEXT,
) -> None:
    """Host ledgers until SIGTERM or Ctrl-C. Loopback addresses only, for now."""
    from services.runtime.routes import read_routes
    from services.runtime.settings import Settings

    said_once(routes, database_url)
    table = None if routes is None else read_routes(routes)
    named = [name for text in ledger or [] for name in text.replace(",", " ").split()]
    names = tuple(named) or tuple(table.ledgers if table else (_DEFAULT_LEDGER,))
    settings = Settings(
        data=data,
        database_url=database_url or None,
        routes=table,
        ledger=names[0],
        ledgers=names,
        directory=directory,
        directory_at=directory_at or None,
        directory_witness_policy=directory_witness_policy,
        grpc=grpc,
        http=http,
        publish_entries=publish_entries,
        witness_policy=witness_policy,
        start_unconfirmed=start_unconfirmed,
        index_every_s=index_every,
        log_format=log_format.value,
    )
    settings.check_addresses()
    settings.check_names()
    from services.cli import host

    raise typer.Exit(host.run(settings))
