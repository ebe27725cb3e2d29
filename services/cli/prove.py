"""candour prove: an answer with all that a stranger needs to check it offline.

ProveToolUses ──chunks──► BUNDLE.part ──fsync, rename──► BUNDLE ──► candour-verify
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, AsOf, Connection, Format, Wanted, command
from services.cli.output import print_object, say
from services.cli.uses import Key, summary_key

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.proofs_pb2 import OlderCheckpoint

app: Final = typer.Typer(no_args_is_help=True, help="Answers that can be checked offline.")

Older: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--older",
        metavar="FILE|SIZE",
        help="Prove that the ledger only grew since a checkpoint: one that you hold in a file, or"
        " the one published at this tree size.",
    ),
]


@command(app, "uses")
def prove_uses(
    at: Connection,
    wanted: Wanted,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="Where the bundle goes.")],
    by: Annotated[Key | None, typer.Option("--by", help="Count by this as well.")] = None,
    disclose: Annotated[
        str, typer.Option(metavar="FIELD,…", help="Protected fields to show: performer, reason, …")
    ] = "",
    complete: Annotated[
        bool,
        typer.Option("--complete", help="Put every entry in: proves that none was left out."),
    ] = False,
    as_of: AsOf = None,
    older: Older = None,
    count: Annotated[
        Path | None,
        typer.Option(
            "--count",
            dir_okay=False,
            help="Put the proven count for the same question here: together they show that the"
            " list leaves out no use. Takes --agency, --technology, --from, --to, and no more.",
        ),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Prove an answer: list or counts, with entries, proofs, a checkpoint and a signature."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.proofs_pb2 import ProveToolUsesRequest

    since = older_of(older)
    with Client(at) as client:
        names = Names(client)
        if count is not None:
            as_of = str(_count_of(client, names, wanted, as_of, count))
        size = client.head_size()
        request = ProveToolUsesRequest(
            parent=client.parent,
            filter=conditions.filter_of(wanted, names),
            by=summary_key(by),
            as_of=conditions.as_of(as_of, size),
            min_tree_size=size,
            disclose=[field.strip() for field in disclose.split(",") if field.strip()],
            complete=complete,
            older=since,
        )
        chunks = client.stream(client.proofs.ProveToolUses, request)
        data = write_whole(out, (part.chunk for part in chunks))
    print_object(_told(out, data), form)
    checked = check_command(out, older)
    if count is not None:
        checked += f" --count {count} --min-tree-size {as_of}"
    say(f"Check it: {checked} (trust.txt from the ledger's operator)")


def _count_of(client: Client, names: Names, wanted: Wanted, as_of: str | None, out: Path) -> int:
    """Write the proven count for the same question; the tree size that it speaks of."""
    from ledger.canonical_json import decode
    from services.cli import conditions
    from services.pb.candour.v1.proofs_pb2 import ProveUsageRequest

    agency, technology = wanted.agency, wanted.technology
    first_day, last_day = wanted.since, wanted.until
    others = (wanted.authorization, wanted.source, wanted.performer, wanted.case, wanted.filter)
    if not (agency and technology and first_day and last_day) or any(others):
        raise CommandFailed("--count takes --agency, --technology, --from and --to, and no more")
    for flag, day in (("--from", first_day), ("--to", last_day)):
        conditions.day_of(day, flag)
    request = ProveUsageRequest(
        parent=client.parent,
        agency=names.find("agencies", agency).name,
        technology=names.find("technologies", technology).name,
        first_day=first_day,
        last_day=last_day,
    )
    if as_of is not None:
        request.as_of.CopyFrom(conditions.as_of(as_of, 0))
    chunks = client.stream(client.proofs.ProveUsage, request)
    data = write_whole(out, (part.chunk for part in chunks))
    return int(decode(data, what="bundle")["question"]["tree_size"])


def older_of(given: str | None) -> OlderCheckpoint | None:
    """What `--older` names: the checkpoint in a file, or a tree size.

    Raises:
        CommandFailed: The file cannot be read, or is far too long for a checkpoint.
    """
    from ledger.limits import MAX_NOTE_BYTES
    from services.pb.candour.v1.proofs_pb2 import OlderCheckpoint

    if given is None:
        return None
    if given.isascii() and given.isdigit() and len(given) < len(str(2**63)):
        return OlderCheckpoint(tree_size=int(given))
    try:
        with Path(given).open("rb") as file:
            note = file.read(MAX_NOTE_BYTES + 1).decode()
    except OSError as error:
        raise CommandFailed(
            f"--older {given}: {error.strerror}", "Name a file with a checkpoint, or a tree size"
        ) from None
    except UnicodeDecodeError:
        raise CommandFailed(f"--older {given} is no checkpoint: it is not text") from None
    if len(note) > MAX_NOTE_BYTES:
        raise CommandFailed(f"--older {given} is longer than any checkpoint")
    return OlderCheckpoint(note=note)


def check_command(out: Path, older: str | None, *more: object) -> str:
    """How whoever gets a bundle checks it."""
    held = ["--older", older] if older is not None and not older.isdigit() else []
    return " ".join(map(str, ("candour-verify", out, "--trust", "trust.txt", *held, *more)))


def write_whole(path: Path, chunks: Iterable[bytes]) -> bytes:
    """Write a file that is whole or not there; what stood there before stays until then.

    Raises:
        OSError: It cannot be written. Nothing is left behind.
    """
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        data = bytearray()
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                data += chunk
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        Path(draft).chmod(0o666 & ~umask)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return bytes(data)


def _told(path: Path, data: bytes) -> dict[str, Any]:
    """What a bundle says, in short; that it is true is for candour-verify to say."""
    from ledger.canonical_json import decode

    found = decode(data, what="bundle")
    return {
        "bundle": str(path),
        "count": found["answer"]["count"],
        "possible": found["answer"]["possible"],
        "entries": len(found["entries"]),
        "tree_size": found["question"]["tree_size"],
        "filter": found["question"]["filter"],
        "bytes": len(data),
    }
