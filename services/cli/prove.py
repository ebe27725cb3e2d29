"""candour prove: an answer with all that a stranger needs to check it offline.

ProveToolUses ──chunks──► BUNDLE.part ──fsync, rename──► BUNDLE ──► candour-verify
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.cli.options import As, AsOf, Connection, Format, Wanted, command
from services.cli.output import print_object, say
from services.cli.uses import Key, summary_key

app: Final = typer.Typer(no_args_is_help=True, help="Answers that can be checked offline.")


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
    form: As = Format.TABLE,
) -> None:
    """Prove an answer: list or counts, with entries, proofs, a checkpoint and a signature."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.proofs_pb2 import ProveToolUsesRequest

    with Client(at) as client:
        size = client.head_size()
        request = ProveToolUsesRequest(
            parent=client.parent,
            filter=conditions.filter_of(wanted, Names(client)),
            by=summary_key(by),
            as_of=conditions.as_of(as_of, size),
            min_tree_size=size,
            disclose=[field.strip() for field in disclose.split(",") if field.strip()],
            complete=complete,
        )
        chunks = client.stream(client.proofs.ProveToolUses, request)
        data = write_whole(out, (part.chunk for part in chunks))
    print_object(_told(out, data), form)
    say(f"Check it: candour-verify {out} --trust trust.txt (from the ledger's operator)")


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
