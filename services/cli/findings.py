"""candour findings: what the rules of the active packs find, with the law they rest on.

candour findings --agency "Sampleton PD" --severity high
candour findings … --out findings.json ──► candour-verify re-runs the rules
"""

from __future__ import annotations

from typing import Annotated

import typer

from services.cli.ask import Complete, Disclose, Limit, Out, show
from services.cli.options import As, AsOf, Connection, Format
from services.cli.prove import Older


def findings(
    at: Connection,
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None,
    code: Annotated[str | None, typer.Option(metavar="CODE", help="Of one rule.")] = None,
    severity: Annotated[
        str | None, typer.Option(metavar="WORD", help="info, low, medium or high.")
    ] = None,
    pack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of one pack: base, ca-ns, …")
    ] = None,
    as_of: AsOf = None,
    limit: Limit = 50,
    out: Out = None,
    disclose: Disclose = "",
    complete: Complete = False,
    older: Older = None,
    form: As = Format.TABLE,
) -> None:
    """List findings: each names a rule, its version, the entries, and whether it is certain."""
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.oversight_pb2 import Parameters

    with Client(at) as client:
        name = None if agency is None else Names(client).find("agencies", agency).name
        parameters = Parameters(
            agency=name or "", code=code or "", severity=severity or "", pack=pack or ""
        )
        show(client, 0, parameters, as_of, limit, out, disclose, complete, older, form)
