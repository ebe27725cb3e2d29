"""candour agencies | technologies | sources: what the names in reports stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from services.cli.options import As, Connection, Format, Wait, Waiting, command
from services.cli.output import print_object, print_rows, say

if TYPE_CHECKING:
    from services.pb.candour.v1.common_pb2 import Receipt

agencies: Final = typer.Typer(no_args_is_help=True, help="Bodies that use technology.")
technologies: Final = typer.Typer(no_args_is_help=True, help="Products and capabilities.")
sources: Final = typer.Typer(no_args_is_help=True, help="Systems and exports that report uses.")

_COLUMNS: Final = {"name": "name", "called": "display_name", "leaf": "leaf_index"}
_EXTRA: Final = {
    "technologies": {"aliases": "aliases", "state": "state"},
    "authorizations": {"state": "state"},
    "imports": {"withdrawn": "withdrawn"},
}

Thing: TypeAlias = Annotated[
    str, typer.Argument(metavar="NAME", help="A name for people, or a register name.")
]
Shown: TypeAlias = Annotated[
    str | None, typer.Option("--display-name", help="The name for people.")
]


def print_register(at: Connection, collection: str, form: Format) -> None:
    """Print what stands in one register."""
    from services.cli.client import Client
    from services.cli.names import Names
    from services.cli.objects import registered_object
    from services.cli.things import state_text, things

    with Client(at) as client:
        found = Names(client).all(collection)
        columns = _COLUMNS | _EXTRA.get(collection, {})
        rows = [registered_object(item) for item in found.values()]
        if "state" in columns.values():
            states = {item.name: state_text(item.states) for item in things(client, collection)}
            rows = [row | {"state": states.get(row["name"])} for row in rows]
        print_rows(rows, columns, form)
    if not found and form is Format.TABLE:
        say(f"No {collection} yet.")


@command(agencies, "list")
def list_agencies(at: Connection, form: As = Format.TABLE) -> None:
    """List the registered agencies."""
    print_register(at, "agencies", form)


@command(technologies, "list")
def list_technologies(at: Connection, form: As = Format.TABLE) -> None:
    """List the registered technologies and their aliases."""
    print_register(at, "technologies", form)


@command(sources, "list")
def list_sources(at: Connection, form: As = Format.TABLE) -> None:
    """List the registered sources."""
    print_register(at, "sources", form)


@command(agencies, "register")
def register_agency(
    at: Connection,
    given: Thing,
    display_name: Shown = None,
    country: Annotated[str | None, typer.Option(help="ISO 3166-1, as CA.")] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Register an agency. Twice the same is one; another under the same name is refused."""
    from ledger.names import resource_name
    from services.cli import registering
    from services.cli.client import Client

    shown = display_name or registering.display_name(given)
    with Client(at) as client:
        name = resource_name("agencies", given)
        receipt = registering.register_agency(client, name, shown, country=country, wait=wait)
        _print(receipt, form)


@command(technologies, "register")
def register_technology(
    at: Connection,
    given: Thing,
    display_name: Shown = None,
    vendor: Annotated[str | None, typer.Option(help="Who sells it.")] = None,
    category: Annotated[str | None, typer.Option(help="As face_recognition.")] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Register a technology."""
    from ledger.names import resource_name
    from services.cli import registering
    from services.cli.client import Client

    shown = display_name or registering.display_name(given)
    with Client(at) as client:
        name = resource_name("technologies", given)
        receipt = registering.register_technology(
            client, name, shown, vendor=vendor, category=category, wait=wait
        )
        _print(receipt, form)


@command(sources, "register")
def register_source(
    at: Connection,
    given: Thing,
    display_name: Shown = None,
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Whose it is.")] = None,
    technology: Annotated[str | None, typer.Option(metavar="NAME", help="Of what.")] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Register a source."""
    from ledger.names import resource_name
    from services.cli import registering
    from services.cli.client import Client
    from services.cli.names import Names

    shown = display_name or registering.display_name(given)
    with Client(at) as client:
        names = Names(client)
        receipt = registering.register_source(
            client,
            resource_name("sources", given),
            shown,
            agency=None if agency is None else names.find("agencies", agency).name,
            technology=None if technology is None else names.find("technologies", technology).name,
            wait=wait,
        )
        _print(receipt, form)


@command(technologies, "alias")
def alias_technology(
    at: Connection,
    technology: Annotated[str, typer.Argument(metavar="TECHNOLOGY", help="A registered one.")],
    alias: Annotated[str, typer.Argument(metavar="ALIAS", help="Its other name.")],
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Say that uses of a technology also stand under another name.

    An answer about either name then covers both.
    """
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1.registry_pb2 import AliasTechnologyRequest

    with Client(at) as client:
        names = Names(client)
        request = AliasTechnologyRequest(
            name=client.full_name(names.find("technologies", technology).name),
            alias=names.find("technologies", alias).name,
            wait_for=wait.wire,
        )
        _print(client.call(client.registry.AliasTechnology, request).receipt, form)


def _print(receipt: Receipt, form: Format) -> None:
    from services.cli.objects import receipt_object

    print_object(receipt_object(receipt), form)
