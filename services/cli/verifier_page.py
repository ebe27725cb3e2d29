"""candour verifier-page: the verifier as one web page, for those who will not install anything.

ledger.verify.page ──assemble_page──► FILE, its SHA-256 ──► to be compared by whoever opens it
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer

from services.cli.options import As, Format
from services.cli.output import print_object, say


def verifier_page(
    out: Annotated[
        Path, typer.Option("--out", dir_okay=False, help="Where the page goes, as verify.html.")
    ],
    form: As = Format.TABLE,
) -> None:
    """Write the page that checks evidence bundles in a browser: one file, no network.

    The same release writes the same file, to the byte: its SHA-256 can be published, and compared.
    """
    from ledger.verify.page import assemble_page
    from services.cli.prove import write_whole

    data = write_whole(out, [assemble_page().html.encode()])
    found = {"page": str(out), "bytes": len(data), "sha256": sha256(data).hexdigest()}
    print_object(found, form)
    say(
        f"Open {out} in a browser, offline if you like: Chrome 137, Firefox 129, Safari 17 or newer"
    )
