"""candour directory: what the directory lists of a ledger, as a file; and the check of one.

GetDirectoryProof ──► FILE.tlog-proof ──verify, offline──► exit status 0 | 1 | 2
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Connection, Format, command
from services.cli.output import print_object, say

app: Final = typer.Typer(
    no_args_is_help=True, help="The log that lists every ledger's checkpoints."
)


@command(app, "proof")
def proof(
    at: Connection,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="Where the file goes.")],
    form: As = Format.TABLE,
) -> None:
    """Write what the directory lists last of a ledger, with its proof (C2SP tlog-proof)."""
    from ledger.directory import read_listing
    from ledger.tlog import TlogProof, claimed_checkpoint
    from services.cli.client import Client
    from services.cli.prove import write_whole
    from services.pb.candour.v1.proofs_pb2 import GetDirectoryProofRequest

    with Client(at) as client:
        request = GetDirectoryProofRequest(parent=client.parent)
        data = client.call(client.proofs.GetDirectoryProof, request).tlog_proof
    packed = TlogProof.parse(data)
    listing = read_listing(packed.extra, packed.leaf_index)
    write_whole(out, [data])
    print_object(
        {
            "proof": str(out),
            "origin": listing.checkpoint.origin,
            "tree_size": listing.checkpoint.tree_size,
            "directory": listing.directory,
            "leaf_index": listing.leaf_index,
            "directory_tree_size": claimed_checkpoint(packed.note).tree_size,
        },
        form,
    )
    say(
        f"Check it: candour directory verify {out} --trust directory.trust.txt"
        " --ledger-trust trust.txt (from the ledger's operator)"
    )


@command(app, "verify")
def verify(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="As `directory proof` wrote it.")],
    trust: Annotated[Path, typer.Option(dir_okay=False, help="The directory's trust file.")],
    ledger_trust: Annotated[Path, typer.Option(dir_okay=False, help="The ledger's trust file.")],
    form: As = Format.TABLE,
) -> None:
    """Check such a file offline. Exit status: 0 proven, 1 refused, 2 it could not be read."""
    from ledger.directory.__main__ import run

    if form is Format.CSV:
        raise CommandFailed("There is no CSV of it", "Use --format table or json", exit_code=2)
    raise typer.Exit(run(file, trust, ledger_trust, as_json=form is Format.JSON))
