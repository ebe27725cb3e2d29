"""candour allegation make | evidence | answer | resolve | list | show: what somebody says was done.

AllegationMade ─► evidence, the agency's answer, resolution     beside it: the uses in its scope
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.facts import (
    Names,
    OfAgency,
    OfTechnology,
    On,
    Reference,
    Since,
    Told,
    Unit,
    Until,
    fresh_name,
    occurred,
    period,
    tell,
)
from services.cli.options import As, AsOf, Connection, Format, command
from services.cli.output import print_object, print_rows, say
from services.cli.things import print_things, told_object

if TYPE_CHECKING:
    from collections.abc import Mapping

app: Final = typer.Typer(no_args_is_help=True, help="Allegations, beside the uses they concern.")

Allegation: TypeAlias = Annotated[
    str, typer.Argument(metavar="ALLEGATION", help="allegations/… as list prints it.")
]
Url: TypeAlias = Annotated[str | None, typer.Option("--url", help="Where it can be read.")]
_LIST: Final = {
    "by": "made_by",
    "claim": "claim",
    "agency": "scope.agency",
    "technology": "scope.technology",
    "from": "scope.period.earliest",
    "to": "scope.period.latest",
    "made": "made",
}
_HISTORY: Final = {
    "leaf": "leaf_index",
    "recorded": "recorded_at",
    "by": "reporter",
    "what": "topic",
    "says": "event.polarity",
    "resolution": "event.resolution",
    "document": "event.document_sha256",
}


@command(app, "make")
def make(
    at: Connection,
    told: Told,
    made_by: Annotated[
        str, typer.Option("--by", help="`person`, or the name of a body; never a person's name.")
    ],
    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Against whom.")] = None,
    technology: OfTechnology = None,
    unit: Unit = None,
    since: Since = None,
    until: Until = None,
    on: On = None,
    claim: Annotated[str | None, typer.Option(help="What kind, as a code.")] = None,
    particulars: Annotated[
        str | None, typer.Option(help="What exactly; kept as a protected value.")
    ] = None,
    url: Url = None,
    name: Names = None,
) -> None:
    """Say that a body or person alleges something, about a scope."""
    from ledger.events import AllegationMade
    from ledger.events.statements import Scope

    span = period(since, until)
    tell(
        at,
        told,
        lambda t: AllegationMade(
            allegation=fresh_name("allegations", name, agency or "all", technology),
            made_by=made_by,
            scope=Scope(
                agency=t.agency(agency),
                technology=t.technology(technology),
                period=span,
                unit=unit,
            ),
            made=occurred(on, "--on"),
            claim=claim,
            source_url=url,
        ),
        protected={"particulars": particulars},
    )


@command(app, "evidence")
def evidence(
    at: Connection,
    told: Told,
    allegation: Allegation,
    sha256: Annotated[str, typer.Option(help="Of the document, in hex: the ledger keeps no more.")],
    media_type: Annotated[str | None, typer.Option(help="As application/pdf.")] = None,
    url: Url = None,
) -> None:
    """Attach a document that bears on it, by its digest."""
    from ledger.events import AllegationEvidenceAttached

    tell(
        at,
        told,
        lambda t: AllegationEvidenceAttached(
            allegation=t.name("allegations", allegation),
            document_sha256=sha256,
            media_type=media_type,
            url=url,
        ),
    )


@command(app, "answer")
def answer(
    at: Connection,
    told: Told,
    allegation: Allegation,
    polarity: Annotated[
        str, typer.Argument(metavar="POLARITY", help="denies, confirms, partial, declines")
    ],
    on: On = None,
    words: Annotated[
        str | None, typer.Option("--words", help="In what words; kept as a protected value.")
    ] = None,
    statement: Annotated[
        str | None, typer.Option(metavar="NAME", help="A statement that is the answer.")
    ] = None,
) -> None:
    """Say what the agency answers to it."""
    from ledger.events import AllegationAnswered

    tell(
        at,
        told,
        lambda t: AllegationAnswered(
            allegation=t.name("allegations", allegation),
            polarity=polarity,
            answered=occurred(on, "--on"),
            statement=None if statement is None else t.name("statements", statement),
        ),
        protected={"answer": words},
    )


@command(app, "resolve")
def resolve(
    at: Connection,
    told: Told,
    allegation: Allegation,
    resolution: Annotated[
        str,
        typer.Argument(
            metavar="RESOLUTION", help="upheld, partly_upheld, not_upheld, withdrawn, undecided"
        ),
    ],
    on: On = None,
    by: Annotated[str | None, typer.Option("--by", help="Who decided: a body or office.")] = None,
    reference: Reference = None,
) -> None:
    """Say what somebody with the right to decide has decided."""
    from ledger.events import AllegationResolved

    tell(
        at,
        told,
        lambda t: AllegationResolved(
            allegation=t.name("allegations", allegation),
            resolution=resolution,
            resolved=occurred(on, "--on"),
            resolved_by=by,
            reference=reference,
        ),
    )


@command(app, "list")
def list_allegations(
    at: Connection,
    agency: OfAgency = None,
    technology: OfTechnology = None,
    form: As = Format.TABLE,
) -> None:
    """List the allegations, against an agency or about a technology."""
    print_things(
        at,
        "allegations",
        _LIST,
        form,
        agency=agency,
        technology=technology,
        more=("scope.unit", "source_url"),
    )


@command(app, "show")
def show(
    at: Connection, allegation: Allegation, as_of: AsOf = None, form: As = Format.TABLE
) -> None:
    """Show one allegation, each entry that tells of it, and how many uses its scope holds."""
    from services.cli import conditions
    from services.cli.client import Client
    from services.cli.facts import Teller
    from services.pb.candour.v1 import query_pb2, record_pb2

    with Client(at) as client:
        name = Teller(client).name("allegations", allegation)
        size = client.head_size()
        point = conditions.as_of(as_of, size)
        request = record_pb2.ListHistoryRequest(name=client.full_name(name), as_of=point)
        entries: list[dict[str, Any]] = []
        state = ""
        for page in client.pages(client.record.ListHistory, request):
            entries += map(told_object, page.entries)
            state = page.states.get("", "")
        wanted = filter_of(entries[0]["event"].get("scope", {}))
        counted = client.call(
            client.query.SummarizeToolUses,
            query_pb2.SummarizeToolUsesRequest(
                parent=client.parent,
                filter=wanted,
                as_of=point,
                min_tree_size=size,
                by=query_pb2.SUMMARY_KEY_AGENCY,
            ),
        )
    found: dict[str, Any] = {
        **entries[0]["event"],
        "name": name,
        "state": state,
        "recorded_at": entries[0]["recorded_at"],
        "uses": {"count": counted.count, "possible": counted.possible, "filter": wanted},
        "tree_size": counted.tree_size,
        "history": entries,
    }
    print_object(found, form, leave_out=("history", "allegation"))
    if form is Format.TABLE:
        print()
        print_rows(entries, _HISTORY, form)
        say(
            f"Its scope holds {counted.count} uses for certain, {counted.possible} more possibly:"
            f" `candour uses list --filter '{wanted}'`"
        )


def filter_of(scope: Mapping[str, Any]) -> str:
    """The filter for the uses in a scope, a use at its edge possibly among them."""
    from ledger import filters
    from ledger.filters import And, Compare, Expr, Value

    parts: list[Expr] = [
        Compare(member, "=", Value(scope[member]))
        for member in ("agency", "technology", "unit")
        if member in scope
    ]
    span = scope.get("period", {})
    if "earliest" in span:
        parts.append(Compare("occurred", ">=", Value(span["earliest"])))
    if "latest" in span:
        parts.append(Compare("occurred", "<=", Value(span["latest"])))
    return filters.format(parts[0] if len(parts) == 1 else And(tuple(parts)))
