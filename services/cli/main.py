"""candour: run a ledger, put uses into it, ask it, prove what it says, check it.

    serve   demo   ask   findings   audit   export   report   monitor   witness   timestamp   verifier-page
    import  reconcile  discrepancies  uses  prove  index  authorizations  agencies  technologies  sources
    ledgers  directory  rules  backup  restore  doctor  bridge  db
    record  history  statement  allegation  instruments  approvals  mandates  proceedings  holds
    incidents  holdings

Exit status: 0 done, 1 it could not be done, 2 the command line is wrong (of `audit`: 0 good,
1 a difference was found, 2 it could not run; of `restore`: 1 it may not be served, 2 likewise;
of `doctor`: 0 good, 1 something to look at, 2 something is bad; of `db status`: 1 steps are pending;
of `monitor`: 1 two histories, 2 it could not be told).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Annotated, Final

import typer

from services.cli import (
    ask,
    audit,
    audit_directory,
    authorizations,
    backup,
    bridge,
    db,
    demo,
    directory,
    discrepancies,
    doctor,
    export,
    export_uses,
    findings,
    import_commands,
    index,
    keeping,
    ledgers,
    monitor,
    prove,
    prove_entry,
    prove_usage,
    reconcile,
    registers,
    report,
    restore,
    rules,
    serve,
    timestamp,
    uses_changes,
    uses_show,
    verifier_page,
    witness,
)
from services.cli.failures import USAGE, CommandFailed, ended
from services.cli.options import command
from services.cli.output import say

app: Final = typer.Typer(
    name="candour",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="An audit ledger for investigative technology.",
)
command(app, "serve")(serve.serve)
app.add_typer(demo.app, name="demo")
command(app, "ask")(ask.ask)
command(app, "findings")(findings.findings)
command(app, "audit")(audit.audit)
command(app, "backup")(backup.backup)
command(app, "restore")(restore.restore)
command(app, "doctor")(doctor.doctor)
command(app, "monitor")(monitor.monitor)
command(app, "timestamp")(timestamp.timestamp)
command(app, "verifier-page")(verifier_page.verifier_page)
app.add_typer(import_commands.app, name="import")
command(app, "reconcile")(reconcile.reconcile)
app.add_typer(discrepancies.app, name="discrepancies")
assert export_uses.app is export.app  # two modules, one group
app.add_typer(export_uses.app, name="export")
app.add_typer(report.app, name="report")
assert uses_changes.app is uses_show.app  # three modules, one group
app.add_typer(uses_show.app, name="uses")
assert prove_usage.app is prove.app is prove_entry.app  # three modules, one group
app.add_typer(prove.app, name="prove")
app.add_typer(index.app, name="index")
app.add_typer(authorizations.app, name="authorizations")
app.add_typer(registers.agencies, name="agencies")
app.add_typer(registers.technologies, name="technologies")
app.add_typer(registers.sources, name="sources")
app.add_typer(ledgers.app, name="ledgers")
app.add_typer(db.app, name="db")
assert audit_directory.app is directory.app  # two modules, one group
app.add_typer(directory.app, name="directory")
app.add_typer(witness.app, name="witness")
app.add_typer(rules.app, name="rules")
app.add_typer(bridge.app, name="bridge")
keeping.add_to(app)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"candour {version('candour-ledger')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """An audit ledger for investigative technology."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. Raises nothing, whatever happens."""
    # gRPC's own lines are for its makers; what matters is said in our words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="candour")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except Exception as error:  # people get a sentence, never a traceback
        if os.environ.get("CANDOUR_DEBUG"):
            raise
        sentence, exit_code = explain(error)
        say(f"candour: {sentence}")
        return exit_code
    return 0


def explain(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit status."""
    from ledger.errors import CandourError, Malformed

    if isinstance(error, CommandFailed):
        return str(error), error.exit_code
    if isinstance(error, Malformed):
        return ended(f"{error.field}: {error.reason}"), USAGE
    if isinstance(error, CandourError):
        return ended(str(error)), 1
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return ended(f"{where}{error.strerror or error}"), 1
    kind = type(error).__name__
    return f"an error of candour itself ({kind}: {error}). CANDOUR_DEBUG=1 says more.", 1


def run() -> None:
    """Entry point of the `candour` command."""
    sys.exit(main())


if __name__ == "__main__":
    run()
