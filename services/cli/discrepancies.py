"""candour discrepancies: where do other observers' logs differ, and who has said why?

list    summary    resolve DISCREPANCY
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.options import As, AsOf, Connection, Format, Wait, Waiting, command
from services.cli.output import print_object, print_rows, say

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.pb.candour.v1.observers_pb2 import (
        ListDiscrepanciesRequest,
        RecordedDiscrepancy,
    )

app: Final = typer.Typer(no_args_is_help=True, help="Where other observers' logs differ.")

_COLUMNS: Final = {
    "discrepancy": "discrepancy",
    "kind": "kind",
    "observer": "observer",
    "occurred": "occurred.earliest",
    "fields": "fields",
    "use": "use",
    "resolved": "resolved.code",
}
_MORE: Final = (
    "agency",
    "technology",
    "observation",
    "leaf_index",
    "recorded_at",
    "occurred.latest",
)
_COUNTS: Final = {"observer": "observer", "kind": "kind", "open": "open", "resolved": "resolved"}
_STATES: Final = ("open", "resolved", "all")


@command(app, "list")
def list_discrepancies(
    at: Connection,
    observer: Annotated[str | None, typer.Option(metavar="NAME", help="Whose log.")] = None,
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="missing_here, missing_there, differing, flattened, masked."),
    ] = None,
    state: Annotated[str, typer.Option(metavar="open|resolved|all", help="Which.")] = "open",
    full: Annotated[
        bool, typer.Option("--full", help="The observer's rows too, which are protected.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="How many at most.")] = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """List discrepancies, the first found first."""
    from services.cli.client import Client

    with Client(at) as client:
        request = _request(client, observer, agency, kind, state, as_of)
        request.full = full
        more = ("sighting", "resolved.reason") if full else ()
        print_rows(_rows(client, request, limit), _COLUMNS, form, more=(*_MORE, *more))


@command(app, "summary")
def summary(
    at: Connection,
    observer: Annotated[str | None, typer.Option(metavar="NAME", help="Whose log.")] = None,
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None,
    as_of: AsOf = None,
    form: As = Format.TABLE,
) -> None:
    """Count discrepancies by observer and kind: open ones, and resolved ones."""
    from services.cli.client import Client

    with Client(at) as client:
        request = _request(client, observer, agency, None, "all", as_of)
        request.page_size = 1
        page = client.call(client.observers.ListDiscrepancies, request)
        rows = [{name: getattr(count, name) for name in _COUNTS.values()} for count in page.counts]
        print_rows(rows, _COUNTS, form)
        say(f"As of tree size {page.tree_size}.")
        if page.unread_entries:
            say(f"{page.unread_entries} entries are of a newer release and not covered.")


@command(app, "resolve")
def resolve(
    at: Connection,
    discrepancy: Annotated[str, typer.Argument(metavar="DISCREPANCY", help="discrepancies/…")],
    code: Annotated[
        str,
        typer.Option(help="reported_since, observer_wrong, ledger_wrong, same_as, explained."),
    ],
    reason: Annotated[str, typer.Option(help="Why, in words; kept as a protected value.")],
    use: Annotated[
        str | None, typer.Option(metavar="USE", help="toolUses/…, where one explains it.")
    ] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Say why the two differ. The discrepancy stays on record, and is open no longer."""
    from ledger.errors import Malformed
    from ledger.events.observers import RESOLUTIONS
    from services.cli.client import Client
    from services.cli.objects import receipt_object
    from services.pb.candour.v1 import record_pb2

    if code not in RESOLUTIONS:
        raise Malformed("--code", f"must be one of {', '.join(RESOLUTIONS)}")
    if not reason.strip():
        raise Malformed("--reason", "must say why")
    fact = record_pb2.DiscrepancyResolved(
        discrepancy=_named("discrepancies", discrepancy),
        code=code,
        use="" if use is None else _named("toolUses", use),
    )
    with Client(at) as client:
        message = record_pb2.RecordedFact(discrepancy_resolved=fact, protected={"reason": reason})
        request = record_pb2.RecordRequest(parent=client.parent, fact=message, wait_for=wait.wire)
        answer = client.call(client.record.Record, request)
    print_object(receipt_object(answer.receipt), form)


def _named(collection: str, given: str) -> str:
    return given if "/" in given else f"{collection}/{given}"


def _request(
    client: Client,
    observer: str | None,
    agency: str | None,
    kind: str | None,
    state: str,
    as_of: str | None,
) -> ListDiscrepanciesRequest:
    from ledger.errors import Malformed
    from services.cli.conditions import as_of as point
    from services.cli.names import Names
    from services.pb.candour.v1 import observers_pb2 as pb

    if state not in _STATES:
        raise Malformed("--state", f"must be one of {', '.join(_STATES)}")
    wanted = pb.DISCREPANCY_STATE_UNSPECIFIED
    if state != "all":
        wanted = pb.DiscrepancyState.Value(f"DISCREPANCY_STATE_{state.upper()}")
    return pb.ListDiscrepanciesRequest(
        parent=client.parent,
        observer=observer or "",
        agency="" if agency is None else Names(client).find("agencies", agency).name,
        kind=kind or "",
        state=wanted,
        as_of=point(as_of, client.head_size()),
    )


def _rows(
    client: Client, request: ListDiscrepanciesRequest, limit: int | None
) -> Iterator[dict[str, Any]]:
    for page in client.pages(client.observers.ListDiscrepancies, request, most=limit):
        yield from map(_object, page.discrepancies)


def _object(item: RecordedDiscrepancy) -> dict[str, Any]:
    """What was found, when the ledger learnt it, and how it ended; null while nobody has said."""
    from services.pb.candour.v1.record_pb2 import RecordedFact
    from services.runtime.fact_messages import read_fact
    from services.runtime.value_messages import read_time

    said: dict[str, Any] = read_fact(RecordedFact(discrepancy_found=item.found)).to_object()
    said |= {"leaf_index": item.leaf_index}
    said |= {"recorded_at": read_time(item.recorded_at, "recorded_at"), "resolved": None}
    if item.HasField("resolved"):
        end = read_fact(RecordedFact(discrepancy_resolved=item.resolved)).to_object()
        end |= {"leaf_index": item.resolved_leaf_index}
        end |= {"recorded_at": read_time(item.resolved_at, "resolved_at")}
        if item.reason:
            end["reason"] = item.reason
        said["resolved"] = end
    if item.sighting_json:
        said["sighting"] = json.loads(item.sighting_json)
    return said
