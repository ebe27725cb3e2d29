"""candour import: a vendor's export into the ledger, and out of the count again.

flock FILE    withdraw IMPORT    list
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.options import As, Connection, Format, Wait, Waiting, command
from services.cli.output import print_object, say

if TYPE_CHECKING:
    from ledger.ingest import Layout
    from services.cli.import_summary import Wish

app: Final = typer.Typer(no_args_is_help=True, help="Import exports of vendors' systems.")

_SHOWN_REJECTS: Final = 20


@command(app, "flock")
def flock(
    at: Connection,
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The export, CSV.")
    ],
    agency: Annotated[str, typer.Option(metavar="NAME", help="Whose uses these are.")],
    technology: Annotated[str, typer.Option(metavar="NAME", help="What was used.")],
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What reports them; by default of agency and layout."),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(metavar="NAME|FILE.toml", help="The column map; by default as the header."),
    ] = None,
    capture: Annotated[
        str, typer.Option(metavar="live|backfill", help="As it happens, or from history.")
    ] = "backfill",
    acquisition: Annotated[
        str | None, typer.Option(metavar="WORD", help="procured, free_trial, demo, …")
    ] = None,
    register: Annotated[
        bool,
        typer.Option("--register/--no-register", help="Register what is named and not known yet."),
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the file, ask and send nothing.")
    ] = False,
    show_rejected: Annotated[
        str, typer.Option(metavar="N|all", help="How many rejected rows to list.")
    ] = str(_SHOWN_REJECTS),
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Import a Flock Safety export: portal log, organisation audit or network audit.

    Importing the same file again adds nothing. A row that cannot be read, or that the ledger
    refuses, is listed with its line and stops nothing.
    """
    from services.cli.import_summary import Wish

    wish = Wish(
        file=file,
        agency=agency,
        technology=technology,
        source=source,
        layout=_layout(layout),
        capture=_choice(capture, "--capture", captures=True),
        acquisition=None if acquisition is None else _choice(acquisition, "--acquisition"),
        register=register,
        most_rejects=_most(show_rejected),
        wait=wait,
    )
    if dry_run:
        from services.cli.import_printing import print_summary
        from services.cli.importing import rehearse

        print_summary(rehearse(wish), form, dry_run=True)
        say("Dry run: nothing was sent. Duplicates show when the ledger is asked.")
    else:
        _import(at, wish, form)


def _import(at: Connection, wish: Wish, form: Format) -> None:
    from services.cli.client import Client
    from services.cli.import_printing import print_summary, progress
    from services.cli.importing import look_at, run_import
    from services.cli.names import Names

    with Client(at) as client:
        names = Names(client)
        summary = look_at(wish, lambda collection, given: names.find(collection, given).name)
        try:
            with progress(summary) as watch:
                run_import(client, wish, summary, names, watch)
        except BaseException:
            # Whatever ends it, what was acknowledged is said; the same file again goes on there.
            if summary.import_name is not None:
                print_summary(summary, form)
                say(f"Stopped: {summary.done} of {summary.facts.rows} rows were acknowledged.")
            raise
        print_summary(summary, form)


def _layout(given: str | None) -> Layout | None:
    from ledger.errors import Malformed
    from ledger.ingest import layout_named, load_layout

    if given is None:
        return None
    if not given.endswith(".toml"):
        return layout_named(given)
    try:
        return load_layout(Path(given).read_text("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("--layout", f"{given} is not UTF-8") from None


def _choice(given: str, flag: str, *, captures: bool = False) -> str:
    from ledger.errors import Malformed
    from ledger.events.tool_use import ACQUISITIONS, CAPTURES

    choices = CAPTURES if captures else ACQUISITIONS
    if given not in choices:
        raise Malformed(flag, f"must be one of {', '.join(choices)}")
    return given


def _most(given: str) -> int | None:
    from ledger.errors import Malformed

    if given == "all":
        return None
    if given.isascii() and given.isdigit():
        return int(given)
    raise Malformed("--show-rejected", "must be a number or `all`")


@command(app, "withdraw")
def withdraw(
    at: Connection,
    name: Annotated[str, typer.Argument(metavar="IMPORT", help="imports/… as import printed it.")],
    reason: Annotated[str, typer.Option(help="Why, in words; kept as a protected value.")],
    code: Annotated[str | None, typer.Option(help="Why, as a code.")] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Take back every use that came with an import: they stay in the log and count no longer."""
    from services.cli.client import Client
    from services.cli.objects import receipt_object
    from services.pb.candour.v1.ingest_pb2 import WithdrawImportRequest

    with Client(at) as client:
        request = WithdrawImportRequest(
            name=client.full_name(_import_name(name)),
            reason=reason,
            code=code or "",
            wait_for=wait.wire,
        )
        answer = client.call(client.ingest.WithdrawImport, request)
    print_object(receipt_object(answer.receipt), form)


@command(app, "list")
def list_imports(at: Connection, form: As = Format.TABLE) -> None:
    """List the files that were imported."""
    from services.cli.registers import print_register

    print_register(at, "imports", form)


def _import_name(given: str) -> str:
    return given if given.startswith("imports/") else f"imports/{given}"
