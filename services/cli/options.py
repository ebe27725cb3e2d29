"""Which options do commands share? Groups of them, declared once as dataclasses.

    @command(app, "list")
    def list_uses(wanted: Wanted, at: Connection, …)    Wanted's fields become options

Nothing heavy is imported here: `candour --help` is read more often than anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from services.pb.candour.v1.ingest_pb2 import WaitFor

F = TypeVar("F", bound=Callable[..., None])

DEFAULT_TARGET: Final = "127.0.0.1:50051"
DEFAULT_LEDGER: Final = "main"


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


As: TypeAlias = Annotated[Format, typer.Option("--format", help="How to print the data.")]


class Wait(StrEnum):
    """What a command waits for, beyond being durable."""

    COMMITTED = "committed"
    PUBLISHED = "published"
    WITNESSED = "witnessed"

    @property
    def wire(self) -> WaitFor.ValueType:
        from services.pb.candour.v1.ingest_pb2 import WaitFor

        return WaitFor.Value(f"WAIT_FOR_{self.name}")


Waiting: TypeAlias = Annotated[
    Wait, typer.Option("--wait", help="Until a checkpoint over it is published, or cosigned.")
]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Which ledger, where."""

    target: Annotated[
        str,
        typer.Option(
            "--target", envvar="CANDOUR_TARGET", metavar="HOST:PORT", help="Where the ledger is."
        ),
    ] = DEFAULT_TARGET
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger",
            envvar="CANDOUR_LEDGER",
            metavar="NAME",
            help=f"Which ledger of that server; by default its only one, or {DEFAULT_LEDGER}.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which uses are asked for: all conditions hold together."""

    performer: Annotated[
        str | None,
        typer.Option(
            metavar="WHO",
            help="A pseudonym (p-…), or what the source calls them.",
            show_default=False,
        ),
    ] = None
    technology: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None
    authorization: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name, id or number; `none`: no authority is cited."),
    ] = None
    case: Annotated[str | None, typer.Option(metavar="NUMBER", help="The case number.")] = None
    source: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="WHEN", help="A date (UTC) or an RFC 3339 time."),
    ] = None
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="WHEN", help="As --from; a date holds its whole day."),
    ] = None
    filter: Annotated[
        str | None,
        typer.Option("--filter", metavar="AIP-160", help="Any other condition, as one expression."),
    ] = None


AsOf: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="SIZE|WHEN",
        help="What the ledger knew at this tree size, or at the last checkpoint before this time.",
    ),
]


def command(app: typer.Typer, name: str) -> Callable[[F], F]:
    """Register a command whose dataclass parameters stand for one option a field."""

    def register(function: F) -> F:
        app.command(name)(_flattened(function))
        return function

    return register


def _flattened(function: Callable[..., None]) -> Callable[..., None]:
    hints = get_type_hints(function, include_extras=True)
    flat: list[inspect.Parameter] = []
    groups: dict[str, tuple[type[Any], tuple[str, ...]]] = {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and is_dataclass(kind):
            members = _fields(kind)
            groups[parameter.name] = kind, tuple(member.name for member in members)
            flat += members
        else:
            flat.append(parameter.replace(annotation=kind, kind=parameter.KEYWORD_ONLY))

    @wraps(function)
    def call(**given: Any) -> None:
        for name, (kind, members) in groups.items():
            given[name] = kind(**{member: given.pop(member) for member in members})
        function(**given)

    call.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return call


def _fields(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in inspect.signature(group).parameters.values()
    ]
