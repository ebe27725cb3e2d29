"""candour prove entry: that one entry stands in the ledger, for any client of C2SP tlog-proof.

GetEntry, GetInclusionProof ──checked here too──► N.tlog-proof, N.entry ──► candour-verify
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.failures import CommandFailed
from services.cli.options import As, Connection, Format, command
from services.cli.output import print_object, say
from services.cli.prove import app as app
from services.cli.prove import write_whole

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.pb.candour.v1.proofs_pb2 import GetInclusionProofResponse

_AGAIN_S: Final = 0.2  # between looks at what is published, which takes half a second


@command(app, "entry")
def prove_entry(
    at: Connection,
    leaf_index: Annotated[int, typer.Argument(metavar="LEAF_INDEX", min=0)],
    out: Annotated[
        Path, typer.Option("--out", dir_okay=False, help="Where the proof goes: *.tlog-proof.")
    ],
    entry_out: Annotated[
        Path | None,
        typer.Option(
            "--entry-out", dir_okay=False, help="Where the entry's bytes go, which are hashed."
        ),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Prove that one entry stands in the ledger, under its newest published checkpoint."""
    from ledger.merkle import leaf_hash, verify_inclusion
    from ledger.tlog import TlogProof
    from services.cli.client import Client
    from services.pb.candour.v1.proofs_pb2 import GetEntryRequest

    with Client(at) as client:
        wanted = GetEntryRequest(parent=client.parent, leaf_index=leaf_index)
        entry = client.call(client.proofs.GetEntry, wanted).entry
        shown = _published(client, leaf_index)
    verify_inclusion(
        leaf_hash(entry),
        leaf_index=leaf_index,
        tree_size=shown.tree_size,
        proof=list(shown.hashes),
        root=shown.root_hash,
    )
    proof = TlogProof(leaf_index, tuple(shown.hashes), shown.checkpoint.encode())
    write_whole(out, [proof.marshal()])
    if entry_out is not None:
        write_whole(entry_out, [entry])
    told: dict[str, object] = {
        "proof": str(out),
        "entry": None if entry_out is None else str(entry_out),
        "leaf_index": leaf_index,
        "tree_size": shown.tree_size,
        "bytes": len(entry),
    }
    print_object(told, form)
    where = entry_out or "ENTRY"
    say(f"Check it: candour-verify {out} --entry {where} --trust trust.txt")


def _published(client: Client, leaf_index: int) -> GetInclusionProofResponse:
    """A proof under the newest published checkpoint, once that covers the entry.

    Raises:
        CommandFailed: It does not within MAX_WAIT_S, or the server does not answer.
    """
    from ledger.limits import MAX_WAIT_S
    from services.pb.candour.v1.proofs_pb2 import GetInclusionProofRequest, GetTreeHeadRequest

    head_of = GetTreeHeadRequest(parent=client.parent)
    deadline = time.monotonic() + MAX_WAIT_S
    while True:
        head = client.call(client.proofs.GetTreeHead, head_of)
        if head.checkpoint_tree_size > leaf_index:
            wanted = GetInclusionProofRequest(
                parent=client.parent, leaf_index=leaf_index, tree_size=head.checkpoint_tree_size
            )
            found = client.call(client.proofs.GetInclusionProof, wanted)
            if found.checkpoint:
                return found
        if time.monotonic() > deadline:
            why = head.held_back_reason or "publication is behind"
            raise CommandFailed(
                f"No published checkpoint covers entry {leaf_index} yet: {why}", "Try again later"
            )
        time.sleep(_AGAIN_S)
