"""candour export: the ledger as files that others can serve and check.

Settings ──store──► ledger.store.tile_export ──► DIR/checkpoint, vkey, tile/…
Settings or URL ──► services.audit.parquet_export ──► DIR/checkpoint, vkey, entries/….parquet
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Format, command
from services.cli.output import print_object, say
from services.cli.stores import existing_store, progress_bars

if TYPE_CHECKING:
    from ledger.store.core import LedgerStore
    from ledger.tlog import VerifierKey

app: Final = typer.Typer(no_args_is_help=True, help="Write the ledger to files.")


@command(app, "tiles")
def tiles(
    out: Annotated[Path, typer.Option(file_okay=False, help="Made where it is missing.")],
    data: Annotated[
        Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
    ] = Path("candour-data"),
    database_url: Annotated[
        str | None, typer.Option(envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Likewise.")
    ] = None,
    ledger: Annotated[
        str, typer.Option(envvar="CANDOUR_LEDGER", metavar="NAME", help="Which ledger.")
    ] = "main",
    entries: Annotated[
        bool, typer.Option(help="With entry bundles, which an auditor needs; hashes alone without.")
    ] = True,
    form: As = Format.TABLE,
) -> None:
    """Write the published log as static files (C2SP tlog-tiles), for any web server or CDN.

    Do it again after growth: it writes what is new, the checkpoint last, and takes partial tiles
    away once they are full. It may run beside the server, and goes on after it was broken off.
    """
    from ledger.store.tile_export import export_tiles
    from services.runtime.settings import Settings

    settings = Settings(data=data, database_url=database_url or None, ledger=ledger)
    with existing_store(settings) as store, progress_bars() as progress:
        done = export_tiles(
            store,
            out,
            vkey=_vkey(store),
            entries=entries,
            told=lambda count, total: progress("entries", count, total),
        )
    print_object({"out": str(out), **asdict(done)}, form)
    say(f"{out} holds the log up to {done.tree_size} entries.")


@command(app, "parquet")
def parquet(
    out: Annotated[Path, typer.Option(file_okay=False, help="Made where it is missing.")],
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL|DIR", help="From a log's tiles instead of its database; with --vkey."
        ),
    ] = None,
    vkey: Annotated[
        Path | None, typer.Option(dir_okay=False, help="With --url: the log's key, in a file.")
    ] = None,
    data: Annotated[
        Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
    ] = Path("candour-data"),
    database_url: Annotated[
        str | None, typer.Option(envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Likewise.")
    ] = None,
    ledger: Annotated[
        str, typer.Option(envvar="CANDOUR_LEDGER", metavar="NAME", help="Which ledger.")
    ] = "main",
    form: As = Format.TABLE,
) -> None:
    """Write the published entries as Parquet, 65,536 a file, for DuckDB, Spark and others.

    Do it again after growth: it writes new files, the checkpoint last, and never changes a full
    one. `candour audit --parquet` checks what it wrote.
    """
    from services.audit.parquet_export import FromStore, FromTiles, export_parquet
    from services.audit.sources import source_of
    from services.cli.audit_outside import vkey_of
    from services.runtime.settings import Settings

    settings = Settings(data=data, database_url=database_url or None, ledger=ledger)
    with ExitStack() as stack:
        entries: FromStore | FromTiles
        if url is None:
            store = stack.enter_context(existing_store(settings))
            key, entries = _vkey(store), FromStore(store)
        else:
            key, entries = vkey_of(vkey), FromTiles(source_of(url))
        progress = stack.enter_context(progress_bars())
        done = export_parquet(
            entries,
            out,
            trust=key,
            vkey=key.format(),
            told=lambda count, total: progress("entries", count, total),
        )
    print_object({"out": str(out), **asdict(done)}, form)
    say(f"{out} holds the log up to {done.tree_size} entries.")


def _vkey(store: LedgerStore) -> VerifierKey:
    from ledger.tlog import VerifierKey

    text = store.meta().get("vkey")
    if text is None:
        raise CommandFailed("The database does not say what key its checkpoints are signed with")
    return VerifierKey.parse(text)
