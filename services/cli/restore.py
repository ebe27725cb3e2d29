"""candour restore: a backup brought back, audited, and held to what others saw the ledger sign.

manifest ──hashes──► place that is empty ──audit, checkpoints──► exit status 0 servable │ 1 not │ 2
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.backup import Part
from services.cli.failures import CommandFailed
from services.cli.options import As, Format
from services.cli.output import print_object, say
from services.cli.stores import progress_bars

if TYPE_CHECKING:
    from services.backup.judging import Restored
    from services.backup.manifest import Manifest

NOT_SERVABLE: Final = 1
COULD_NOT_RUN: Final = 2


def restore(
    backup: Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="One backup.")],
    data: Annotated[
        Path,
        typer.Option(file_okay=False, help="Where to: a data directory without that ledger."),
    ],
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="CANDOUR_DATABASE_URL",
            metavar="URL",
            help="Of PostgreSQL, for a backup of it: a database without that ledger's schema.",
        ),
    ] = None,
    without: Annotated[
        list[Part] | None,
        typer.Option(help="Do not bring this part back, or do without it; repeatable."),
    ] = None,
    witness_checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|URL",
            help="A checkpoint that others kept, or a witness's URL; repeatable. Without one nobody"
            " can tell whether the backup is too old.",
        ),
    ] = None,
    vkey: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="The ledger's key as you trust it, not from the backup."),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Restore a ledger to an empty place. It writes over nothing.

    Exit status: 0 it may be served, 1 it may not and says why, 2 it could not be restored.
    """
    from services.backup.restoring import NotJudged
    from services.runtime.settings import Settings

    try:
        manifest, found = _run(
            backup,
            Settings(data=data, database_url=database_url or None),
            {part.value for part in without or ()},
            witness_checkpoint or [],
            vkey,
        )
    except CommandFailed as failed:
        raise CommandFailed(failed.sentence, failed.advice, exit_code=COULD_NOT_RUN) from failed
    except NotJudged as error:
        raise CommandFailed(str(error), exit_code=COULD_NOT_RUN) from error
    except Exception as error:
        said = str(error).rstrip(".") or type(error).__name__
        raise CommandFailed(f"Nothing was restored: {said}", exit_code=COULD_NOT_RUN) from error
    _print(manifest, found, form)
    raise typer.Exit(0 if found.servable else NOT_SERVABLE)


def _run(
    backup: Path, settings: Any, without: set[str], where: list[str], vkey: Path | None
) -> tuple[Manifest, Restored]:
    from services.backup.manifest import check_files, read_manifest
    from services.backup.restoring import key_of
    from services.backup.restoring import restore as bring_back
    from services.backup.witnessed import read_seen

    manifest = read_manifest(backup)
    if (manifest.store == "postgres") != (settings.database_url is not None):
        raise CommandFailed(
            f"The backup is of {manifest.store}",
            "Give --database-url"
            if manifest.store == "postgres"
            else "Leave --database-url out (CANDOUR_DATABASE_URL)",
        )
    key = key_of(backup, manifest, vkey)
    seen = [read_seen(one, key) for one in where]
    check_files(backup, manifest, without)
    with progress_bars() as progress:
        of = settings.of(manifest.ledger)
        return manifest, bring_back(
            backup, manifest, of, key, seen, without=without, progress=progress
        )


def _print(manifest: Manifest, found: Restored, form: Format) -> None:
    told: dict[str, Any] = {
        "ledger": manifest.ledger,
        "servable": found.servable,
        "tree_size": found.tree_size,
        "backup_made_at": manifest.made_at,
        "missing_entries": found.missing,
        "audit": found.audit.to_object()["verdict"],
        "why_not": found.wrong,
        "lost": found.lost,
        "not_known": found.not_known,
    }
    lists = ("why_not", "lost", "not_known")
    print_object(told, form, leave_out=lists if form is Format.TABLE else ())
    for name in lists if form is Format.TABLE else ():
        for sentence in told[name]:
            print(f"{name.replace('_', ' ')}: {sentence}")
    if found.servable and any(one.startswith("the keys:") for one in found.lost):
        say("It may be read and audited. Put its keys into the data directory to serve it.")
    elif found.servable:
        say("It may be served. Views that are not here are made anew when it starts.")
    elif found.missing:
        say(
            "It is not served: what it signed next would be a second history. Look for a newer copy:"
            " another backup, the old disk, a standby, the WAL archive. If there is none, this ledger"
            " has ended: read it with `candour audit` and `candour export parquet`, begin a new one,"
            " and tell its readers and witnesses how many entries are gone. Receipts that callers"
            " hold show what was in them."
        )
    else:
        say(
            "It is not served. Restore another backup, to another place; `candour audit` says more."
        )
