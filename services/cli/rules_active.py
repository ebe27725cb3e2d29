"""candour rules activate | deactivate | active: by which packs is an agency judged, and since when?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.facts import Code, OfAgency, Told, tell
from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_rows, say
from services.cli.rules import app as app

if TYPE_CHECKING:
    from ledger.projections.registers import Registers
    from services.cli.client import Client

_ACTIVE: Final = {
    "pack": "name",
    "version": "version",
    "title": "title",
    "judges": "judges",
    "since": "since",
}


@command(app, "activate")
def activate(
    at: Connection,
    told: Told,
    pack: Annotated[
        str, typer.Argument(metavar="PACK", help="A pack of this release: name, or name@version.")
    ],
    agency: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Whose uses it judges; may be repeated. Else everybody's."
        ),
    ] = None,
) -> None:
    """Judge uses by a pack from now on. What an older tree size answers stays as it was."""
    from ledger.events import RulePackActivated
    from services.cli.rules import shipped_pack

    found = shipped_pack(pack)
    tell(
        at,
        told,
        lambda t: RulePackActivated(
            pack=f"rulePacks/{found.name}",
            version=found.version,
            pack_sha256=found.sha256,
            agencies=t.all("agencies", agency),
        ),
    )


@command(app, "deactivate")
def deactivate(
    at: Connection,
    told: Told,
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Its name.")],
    code: Code = None,
) -> None:
    """Judge nobody by a pack from now on."""
    from ledger.events import RulePackDeactivated
    from ledger.names import resource_name

    tell(at, told, lambda _t: RulePackDeactivated(pack=resource_name("rulePacks", pack), code=code))


@command(app, "active")
def active(
    at: Connection, agency: OfAgency = None, as_of: AsOf = None, form: As = Format.TABLE
) -> None:
    """List the packs that judge uses, base first; `since` is the entry that activated each."""
    from ledger.rules.active import active_packs
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.facts import Teller

    with Client(at) as client:
        size = client.head_size()
        point = conditions.as_of(as_of, size)
        registers = _packs(client, point)
        found = active_packs(registers, Teller(client).agency(agency))
    rows: list[dict[str, Any]] = []
    for item in found:
        others = f"all but {', '.join(item.others)}" if item.others else "all"
        rows.append(
            {
                "name": item.pack.name,
                "version": item.pack.version,
                "title": item.pack.title,
                "judges": others if item.agencies is None else ", ".join(item.agencies),
                "since": item.leaves[0] if item.leaves else None,
                "sha256": item.pack.sha256,
            }
        )
    print_rows(rows, _ACTIVE, form, more=("sha256",))
    if all(row["since"] is None for row in rows) and form is Format.TABLE:
        say("No pack was activated: only the base pack judges. `candour rules activate PACK`.")


def _packs(client: Client, as_of: Any) -> Registers:
    """All that was told of rule packs, as the registers have it."""
    from ledger.projections.registers import Registers
    from services.cli.history import entries_of
    from services.pb.candour.v1 import record_pb2

    request = record_pb2.ListThingsRequest(
        parent=client.parent, collection="rulePacks", as_of=as_of
    )
    found = Registers()
    names = [
        thing.name
        for page in client.pages(client.record.ListThings, request)
        for thing in page.things
    ]
    for name in names:
        for leaf_index, entry in entries_of(client, name, as_of):
            found.add(leaf_index, entry, {})
    return found
