"""candour index: which roots of the usage index can be asked about, and how are they kept?

Settings ──open──► store, views ──► roots | thin | rebuild

These read and write the database itself, beside the server or without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Format, command
from services.cli.output import print_object, print_rows, say
from services.cli.stores import existing_store, progress_bars

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ledger.store.core import LedgerStore

app: Final = typer.Typer(
    no_args_is_help=True, help="The usage index: its roots, thinning, making it anew."
)
_Data = Annotated[
    Path, typer.Option(envvar="CANDOUR_DATA", file_okay=False, help="As of `candour serve`.")
]
_Url = Annotated[
    str | None, typer.Option(envvar="CANDOUR_DATABASE_URL", metavar="URL", help="Likewise.")
]
_Ledger = Annotated[
    str, typer.Option(envvar="CANDOUR_LEDGER", metavar="NAME", help="Which ledger.")
]
_DATA: Final = Path("candour-data")
_COLUMNS: Final = {"tree_size": "tree size", "committed_at": "committed", "cited": "cited"}


@command(app, "roots")
def roots(
    data: _Data = _DATA,
    database_url: _Url = None,
    ledger: _Ledger = "main",
    form: As = Format.TABLE,
) -> None:
    """List the tree sizes that `candour prove … --as-of` can be asked about."""
    from ledger.store.usage_thinning import UsageThinning
    from ledger.times import text_of_us

    with _opened(data, database_url, ledger) as (store, engine):
        rows = [
            {
                "tree_size": root.tree_size,
                "committed_at": text_of_us(root.committed_us),
                "cited": cited,
            }
            for root, cited in UsageThinning(engine, store).roots()
        ]
    print_rows(rows, _COLUMNS, form)
    say(f"{len(rows)} roots are servable.")


@command(app, "thin")
def thin(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go; write nothing.")
    ] = False,
    data: _Data = _DATA,
    database_url: _Url = None,
    ledger: _Ledger = "main",
    form: As = Format.TABLE,
) -> None:
    """Let old roots go: all but one a day after 30 days, and those that bundles rest on.

    The server's projector does the same once an hour, when it has nothing else to do.
    """
    from ledger.store.usage_thinning import Thinned, UsageThinning
    from services.runtime.hosting import now_us

    with _opened(data, database_url, ledger) as (store, engine), progress_bars() as progress:
        thinning, at = UsageThinning(engine, store), now_us()
        planned = thinning.plan(at)
        done = planned if dry_run else Thinned()
        if not dry_run:
            for _ in thinning.run(at, done):
                progress("roots let go", len(done.let_go), len(planned.let_go))
                progress("nodes deleted", done.nodes, done.nodes)
    told = {"dry_run": dry_run, "roots_kept": done.kept, "roots_let_go": len(done.let_go)}
    print_object(told if dry_run else {**told, "nodes_deleted": done.nodes}, form)
    if dry_run:
        say("Nothing was written. Without --dry-run they go.")


@command(app, "rebuild")
def rebuild(
    with_: Annotated[
        list[int] | None,
        typer.Option(
            "--with", metavar="TREE_SIZE", help="Keep this root from now on, though it was let go."
        ),
    ] = None,
    data: _Data = _DATA,
    database_url: _Url = None,
    ledger: _Ledger = "main",
    form: As = Format.TABLE,
) -> None:
    """Make the usage index anew from the log, with every root that is worth keeping.

    Proofs wait until it is done; with SQLite the views wait too, so it is best done while the
    server is stopped. It needs some 700 bytes a use of temporary space.
    """
    from ledger.store.usage_roots import UsageRoots
    from ledger.store.usage_writer import UsageWriter, commitments
    from ledger.store.view_queries import ViewReader
    from services.runtime.hosting import now_us

    wanted = set(with_ or ())
    with _opened(data, database_url, ledger) as (store, engine), progress_bars() as progress:
        committed = {root.tree_size for _, root in commitments(store)} if wanted else set[int]()
        if unknown := sorted(wanted - committed):
            raise CommandFailed(
                f"The log commits to no root over {unknown[0]} entries",
                "Name the tree size that `candour prove` said is no longer kept",
            )
        views = ViewReader(engine, store).position()
        writer = UsageWriter(engine, store, clock_us=now_us)
        writer.drop(cite=wanted)
        done = writer.catch_up(views, batch=max(views, 1), progress=progress)
        missing = [size for size in sorted(wanted) if not UsageRoots(engine).cite(size)]
    print_object({"tree_size": done, "with": sorted(wanted), "not_made": missing}, form)
    if missing:
        raise CommandFailed(
            f"The entries no longer give the root over {missing[0]} entries that the log commits to",
            "Where performers were erased since then, nobody can make it anew; otherwise run"
            " `candour audit`",
        )
    say(f"The usage index holds {done} entries.")


@contextmanager
def _opened(
    data: Path, database_url: str | None, ledger: str
) -> Iterator[tuple[LedgerStore, Engine]]:
    """The store and the views of a ledger that has begun. Raises CommandFailed."""
    from ledger.limits import STORE_LONG_S
    from services.runtime.settings import Settings
    from services.runtime.views import open_views, views_path

    settings = Settings(data=data, database_url=database_url or None, ledger=ledger)
    with existing_store(settings) as store:
        if settings.database_url is None and not views_path(settings).exists():
            raise CommandFailed(
                f"There is no {views_path(settings)}", "Start `candour serve`: it makes the views"
            )
        engine = open_views(settings, silent_s=STORE_LONG_S)
        try:
            yield store, engine
        finally:
            engine.dispose()
