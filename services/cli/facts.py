"""How does a command tell the ledger one fact? Names found, times read, one call, one receipt.

    flags ──Teller──► Fact ──check──► RecordedFact ──Record──► receipt

A WHEN is an RFC 3339 time, a bare date (which stays a date: nobody knows the hour), or an interval
`A/B` whose open end is `..`: `../2020-02-28` is "some time until then".
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.options import Connection, Format, Wait, Waiting

if TYPE_CHECKING:
    from ledger.events import Fact, Interval, Occurred
    from services.cli.client import Client
    from services.pb.candour.v1.common_pb2 import Performer, Receipt

_DATE_CHARS: Final = len("2020-02-21")
_OPEN: Final = ("", "..")

OfAgency: TypeAlias = Annotated[
    str | None, typer.Option("--agency", metavar="NAME", help="Of this agency; else of all.")
]
Agency: TypeAlias = Annotated[str, typer.Option("--agency", metavar="NAME", help="Whose it is.")]
OfTechnology: TypeAlias = Annotated[
    str | None, typer.Option("--technology", metavar="NAME", help="Of this technology.")
]
Unit: TypeAlias = Annotated[str | None, typer.Option("--unit", help="Of this unit.")]
On: TypeAlias = Annotated[
    str | None,
    typer.Option("--on", metavar="WHEN", help="When it came about: a time, a date, or A/B."),
]
Since: TypeAlias = Annotated[
    str | None, typer.Option("--from", metavar="WHEN", help="From here on; else open.")
]
Until: TypeAlias = Annotated[
    str | None,
    typer.Option("--to", metavar="WHEN", help="To here; a date holds its whole day; else open."),
]
Code: TypeAlias = Annotated[str | None, typer.Option("--code", help="Why, as a code.")]
Reference: TypeAlias = Annotated[
    str | None, typer.Option("--reference", help="Where it is written down.")
]
Names: TypeAlias = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="What to call it here; else made up.")
]


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a fact is told, and its receipt printed."""

    backfill: Annotated[
        bool, typer.Option("--backfill", help="Taken from history, not told as it happens.")
    ] = False
    wait: Waiting = Wait.COMMITTED
    form: Annotated[Format, typer.Option("--format", help="How to print the data.")] = Format.TABLE


class Teller:
    """Reads what the flags of one command say.

    Args:
        client: Of the ledger that is told.
    """

    def __init__(self, client: Client) -> None:
        from services.cli.names import Names as Registered

        self.client = client
        self._names = Registered(client)

    def name(self, collection: str, given: str) -> str:
        """The register name of a thing. Raises Malformed, CommandFailed."""
        return self._names.find(collection, given).name

    def agency(self, given: str | None) -> str | None:
        return None if given is None else self.name("agencies", given)

    def technology(self, given: str | None) -> str | None:
        return None if given is None else self.name("technologies", given)

    def all(self, collection: str, given: Iterable[str] | None) -> tuple[str, ...]:
        """The register names of several."""
        return tuple(self.name(collection, one) for one in given or ())


def fresh_name(collection: str, given: str | None, *hints: str | None) -> str:
    """A name for a new thing: the one that was given, or one made of hints that nobody has.

    Raises:
        Malformed: `given` can be no name of this collection.
    """
    from ledger.names import resource_name, slug

    if given is not None:
        return resource_name(collection, given)
    words = [hint.rpartition("/")[2] for hint in hints if hint]
    return f"{collection}/{slug('-'.join([*words, secrets.token_hex(3)]))}"


def occurred(text: str | None, flag: str) -> Occurred | None:
    """When something came about; None where nobody says. Raises Malformed."""
    from ledger.events import Occurred
    from ledger.times import text_of_us, us_of_text
    from services.cli import conditions

    if text is None:
        return None
    first, slash, last = text.partition("/")
    if slash:
        return Occurred(
            earliest=None if first in _OPEN else conditions.time_of(first, flag),
            latest=None if last in _OPEN else conditions.time_of(last, flag, at_end=True),
        )
    if len(text) == _DATE_CHARS:
        conditions.day_of(text, flag)
        return Occurred(date=text)
    at = text_of_us(us_of_text(text, field=flag))
    return Occurred(earliest=at, latest=at)


def interval(since: str | None, until: str | None) -> Interval:
    """The span of --from and --to. Raises Malformed."""
    from ledger.errors import Malformed
    from ledger.events import Interval
    from services.cli import conditions

    first = None if since is None else conditions.time_of(since, "--from")
    last = None if until is None else conditions.time_of(until, "--to", at_end=True)
    if since is not None and until is not None:
        ends = conditions.us_of(since, "--from"), conditions.us_of(until, "--to", at_end=True)
        if ends[1] < ends[0]:
            raise Malformed("--to", "lies before --from")
    return Interval(earliest=first, latest=last)


def period(since: str | None, until: str | None) -> Interval | None:
    """As interval; None where neither end is given."""
    return None if since is None and until is None else interval(since, until)


def moment(text: str | None, flag: str, *, at_end: bool = False) -> str | None:
    """One moment; a date is its first, or its last. Raises Malformed."""
    from services.cli import conditions

    return None if text is None else conditions.time_of(text, flag, at_end=at_end)


def tell(
    at: Connection,
    told: Told,
    make: Callable[[Teller], Fact],
    *,
    protected: Mapping[str, str | None] | None = None,
    performer: Performer | None = None,
) -> None:
    """Tell one fact, and print its receipt.

    Args:
        make: The fact, of what a Teller finds.
        protected: Protected texts by field; None for one that is not given.
        performer: Whom it is about, where it speaks of a performer.
    Raises:
        Malformed, CommandFailed: It is no fact, or the ledger does not take it.
    """
    from services.cli.client import Client

    with Client(at) as client:
        receipt = record(
            client, make(Teller(client)), told, protected=protected, performer=performer
        )
    print_receipt(receipt, told.form)


def record(
    client: Client,
    fact: Fact,
    told: Told,
    *,
    protected: Mapping[str, str | None] | None = None,
    performer: Performer | None = None,
) -> Receipt:
    """As `tell`, without printing."""
    from ledger.domain.fact_checks import check_fact
    from services.pb.candour.v1 import common_pb2, record_pb2
    from services.runtime.fact_messages import write_fact

    message = write_fact(check_fact(fact))
    given: dict[str, Any] = {name: text for name, text in (protected or {}).items() if text}
    message.protected.update(given)
    if performer is not None:
        message.performer.CopyFrom(performer)
    if told.backfill:
        message.capture = common_pb2.CAPTURE_BACKFILL
    request = record_pb2.RecordRequest(parent=client.parent, fact=message, wait_for=told.wait.wire)
    return client.call(client.record.Record, request).receipt


def print_receipt(receipt: Receipt, form: Format) -> None:
    from services.cli.objects import receipt_object
    from services.cli.output import print_object

    print_object(receipt_object(receipt), form)
