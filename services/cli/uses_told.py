"""candour uses amend | outcome | flows: what is told of a use after its report. Nothing is edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.facts import On, Since, Until, interval, occurred, print_receipt
from services.cli.failures import USAGE, CommandFailed
from services.cli.options import As, Connection, Format, Wait, Waiting, command
from services.cli.uses import app as app
from services.cli.uses import use_name
from services.cli.uses_changes import Use

if TYPE_CHECKING:
    from ledger.events.tool_use import Amendment

_FLAGS: Final = {"technology": "--technology", "occurred": "--from, --to or --date"}


@command(app, "amend")
def amend(
    at: Connection,
    name: Use,
    reason: Annotated[str, typer.Option(help="Why, in words; kept as a protected value.")],
    code: Annotated[str | None, typer.Option(help="Why, as a code.")] = None,
    technology: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which it was after all.")
    ] = None,
    since: Since = None,
    until: Until = None,
    date: Annotated[
        str | None, typer.Option(metavar="DAY", help="A bare date, where no more is known.")
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Another member, as unit=Fraud; repeatable."
        ),
    ] = None,
    unset: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A member nobody knows any more.")
    ] = None,
    new_reason: Annotated[
        str | None, typer.Option(help="The reason of the use, given anew.")
    ] = None,
    case: Annotated[str | None, typer.Option(help="The case number, given anew.")] = None,
    performer: Annotated[
        str | None, typer.Option(metavar="WHO", help="Who it was, as the source calls them.")
    ] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Put a report right. What it said first stays in the log, and `candour history` shows it."""
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1 import common_pb2, record_pb2
    from services.runtime.fact_messages import write_amendment

    given = amended(change or ())
    with Client(at) as client:
        if technology is not None:
            given["technology"] = Names(client).find("technologies", technology).name
        if (when := _when(since, until, date)) is not None:
            given["occurred"] = when
        request = record_pb2.AmendToolUseRequest(
            name=client.full_name(use_name(name)),
            to=write_amendment(amendment_of(given)),
            unset=unset or (),
            code=code or "",
            reason=reason,
            wait_for=wait.wire,
        )
        if new_reason is not None:
            request.new_reason.value = new_reason
        if case is not None:
            request.case_number.value = case
        if performer is not None:
            request.performer.CopyFrom(common_pb2.Performer(user_id=performer))
        answer = client.call(client.record.AmendToolUse, request)
    print_receipt(answer.receipt, form)


@command(app, "outcome")
def outcome(
    at: Connection,
    name: Use,
    came_of_it: Annotated[
        str,
        typer.Argument(
            metavar="OUTCOME", help="none, lead, identification, arrest, rescue, wrong_person"
        ),
    ],
    verified: Annotated[
        bool | None, typer.Option("--verified/--not-verified", help="By a person.")
    ] = None,
    on: On = None,
    verifier: Annotated[
        list[str] | None, typer.Option(metavar="WHO", help="Kept as a protected value; repeatable.")
    ] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Tell what came of a use."""
    from ledger.errors import Malformed
    from ledger.events.tool_use import OUTCOMES
    from services.cli.client import Client
    from services.pb.candour.v1 import common_pb2, record_pb2
    from services.runtime.value_messages import write_occurred

    if came_of_it not in OUTCOMES:
        raise Malformed("OUTCOME", f"must be one of {', '.join(OUTCOMES)}")
    with Client(at) as client:
        request = record_pb2.ReportOutcomeRequest(
            name=client.full_name(use_name(name)),
            outcome=common_pb2.Outcome.Value(f"OUTCOME_{came_of_it.upper()}"),
            human_verified=verified,
            at=write_occurred(occurred(on, "--on")),
            verifiers=verifier or (),
            wait_for=wait.wire,
        )
        answer = client.call(client.record.ReportOutcome, request)
    print_receipt(answer.receipt, form)


@command(app, "flows")
def flows(
    at: Connection,
    name: Use,
    category: Annotated[str | None, typer.Option(help="What went, as face_image.")] = None,
    recipient: Annotated[str | None, typer.Option(help="To whom.")] = None,
    processing: Annotated[str | None, typer.Option(help="Country of processing, as US.")] = None,
    storage: Annotated[str | None, typer.Option(help="Country of storage.")] = None,
    access: Annotated[str | None, typer.Option(help="Country of access.")] = None,
    permission: Annotated[str | None, typer.Option(help="By which permission.")] = None,
    wait: Waiting = Wait.COMMITTED,
    form: As = Format.TABLE,
) -> None:
    """Tell where data of a use went. One flow a call; each is an entry of its own."""
    from services.cli.client import Client
    from services.pb.candour.v1 import common_pb2, record_pb2

    flow = common_pb2.DataFlow(
        category=category or "",
        recipient=recipient or "",
        processing_country=processing or "",
        storage_country=storage or "",
        access_country=access or "",
        permission=permission or "",
    )
    if flow == common_pb2.DataFlow():
        raise CommandFailed("Nothing is said of the flow", "Say --recipient, say", exit_code=USAGE)
    with Client(at) as client:
        request = record_pb2.ReportDataFlowsRequest(
            name=client.full_name(use_name(name)), data_flows=[flow], wait_for=wait.wire
        )
        answer = client.call(client.record.ReportDataFlows, request)
    print_receipt(answer.receipt, form)


def amended(changes: Any) -> dict[str, Any]:
    """`unit=Fraud` and the like, as JSON members of an Amendment. Raises CommandFailed."""
    from dataclasses import fields

    from ledger.events.tool_use import Amendment

    known = {item.name: str(item.type) for item in fields(Amendment)}
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in known or name in _FLAGS:
            flag = f": that is {_FLAGS[name]}" if name in _FLAGS else ""
            rest = ", ".join(item for item in known if item not in _FLAGS)
            raise CommandFailed(
                f"--set {change} names no member to change{flag}", f"One of {rest}", exit_code=USAGE
            )
        found[name] = _value(name, known[name], value)
    return found


def _value(name: str, kind: str, text: str) -> Any:
    """A member as JSON: true or false, a count (`3`, `3+`), a span (`A/B`), or the text."""
    if "bool" in kind and text in ("true", "false"):
        return text == "true"
    if "Count" in kind and text.removesuffix("+").isdecimal():
        return {"at_least" if text.endswith("+") else "exactly": int(text.removesuffix("+"))}
    if "Interval" in kind and "/" in text:
        first, _, last = text.partition("/")
        ends = (None if end in ("", "..") else end for end in (first, last))
        return interval(*ends).to_object()
    if "str" in kind:
        return text
    shapes = {"bool": "true or false", "Count": "3, or 3+ for at least 3", "Interval": "A/B"}
    wanted = next(shape for word, shape in shapes.items() if word in kind)
    raise CommandFailed(f"--set {name}: {text} is none", f"Say {wanted}", exit_code=USAGE)


def amendment_of(given: dict[str, Any]) -> Amendment:
    """Raises Malformed."""
    from ledger.domain.fact_checks import check_fact
    from ledger.events.tool_use import Amendment, ToolUseAmended

    found = Amendment.from_object(given)
    check_fact(ToolUseAmended(agency="agencies/any", to=found))
    return found


def _when(since: str | None, until: str | None, date: str | None) -> dict[str, Any] | None:
    if date is not None:
        if since is not None or until is not None:
            raise CommandFailed("--date stands alone, without --from and --to", exit_code=USAGE)
        found = occurred(date, "--date")
        return None if found is None else found.to_object()
    if since is None and until is None:
        return None
    return interval(since, until).to_object()
