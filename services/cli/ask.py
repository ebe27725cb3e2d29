"""candour ask: the numbered questions of an oversight body, answered, and proven with --out.

    candour ask list                         which questions there are
    candour ask 4 --agency "Sampleton PD"    Ask ──► the answer in a sentence, then what is behind it
    candour ask 4 … --out answer.json        ProveAnswer ──chunks──► bundle ──► candour-verify

Exit status: 0 for any answer, "no" and "not recorded" too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.failures import USAGE, CommandFailed
from services.cli.options import As, AsOf, Connection, Format
from services.cli.output import print_rows, say
from services.cli.prove import Older, check_command, older_of, write_whole

if TYPE_CHECKING:
    from services.cli.client import Client
    from services.cli.names import Names
    from services.pb.candour.v1 import oversight_pb2 as pb

_QUESTIONS: Final = {"": "number", "question": "text", "takes": "parameters"}
_NAMED: Final = {"agency": "agencies", "technology": "technologies"}

Out: TypeAlias = Annotated[
    Path | None,
    typer.Option("--out", dir_okay=False, help="Put the answer with its evidence here, too."),
]
Disclose: TypeAlias = Annotated[
    str,
    typer.Option(metavar="FIELD,…", help="With --out: more protected fields to show."),
]
Complete: TypeAlias = Annotated[
    bool,
    typer.Option("--complete", help="With --out: every entry, which proves none was left out."),
]
Limit: TypeAlias = Annotated[
    int, typer.Option(min=1, max=1_000, help="List so many uses, findings or differences.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """What narrows a question; each takes some of these."""

    agency: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None
    technology: Annotated[str | None, typer.Option(metavar="NAME", help="Name or id.")] = None
    unit: Annotated[str | None, typer.Option(metavar="CODE", help="A unit of the agency.")] = None
    performer: Annotated[
        str | None, typer.Option(metavar="WHO", help="A pseudonym (p-…), or the source's name.")
    ] = None
    case: Annotated[str | None, typer.Option(metavar="NUMBER", help="The case number.")] = None
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="First day, YYYY-MM-DD.")
    ] = None
    until: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="Last day, inclusive.")
    ] = None
    zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Days are days there: America/Halifax. Else UTC."),
    ] = None
    statement: Annotated[str | None, typer.Option(metavar="NAME", help="statements/…")] = None
    observer: Annotated[str | None, typer.Option(metavar="NAME", help="Of question 17.")] = None
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Of question 17.")] = None
    by: Annotated[str | None, typer.Option(metavar="KEY", help="Count by this.")] = None
    and_by: Annotated[str | None, typer.Option(metavar="KEY", help="And by this.")] = None
    year: Annotated[int | None, typer.Option(min=1, max=9_999, help="Of question 25.")] = None
    report_form: Annotated[
        str | None,
        typer.Option("--form", metavar="FORM", help="Of question 25: annual, piidpa, eu-26-10."),
    ] = None
    hours: Annotated[int | None, typer.Option(min=0, help="Of question 22: later than.")] = None


def ask(
    at: Connection,
    narrowed: Narrowed,
    question: Annotated[str, typer.Argument(metavar="N|list", help="A question's number.")],
    as_of: AsOf = None,
    limit: Limit = 50,
    out: Out = None,
    disclose: Disclose = "",
    complete: Complete = False,
    older: Older = None,
    form: As = Format.TABLE,
) -> None:
    """Answer a question of an oversight body: which, how many, what it covers, what is uncertain."""
    from services.cli.client import Client

    with Client(at) as client:
        if question == "list":
            _list(client, form)
            return
        from services.cli.names import Names

        number = _number(question)
        parameters = parameters_of(narrowed, Names(client))
        show(client, number, parameters, as_of, limit, out, disclose, complete, older, form)


def show(
    client: Client,
    number: int,
    parameters: pb.Parameters,
    as_of: str | None,
    limit: int,
    out: Path | None,
    disclose: str,
    complete: bool,
    older: str | None,
    form: Format,
) -> None:
    """Ask, print, and fetch the evidence where it is wanted: of the same tree size."""
    from ledger.canonical_json import decode
    from services.cli import conditions
    from services.cli.answers import print_answer
    from services.pb.candour.v1 import oversight_pb2 as pb
    from services.pb.candour.v1.common_pb2 import AsOf as AsOfMessage

    before = older_of(older)
    size = client.head_size()
    request = pb.AskRequest(
        parent=client.parent,
        question=number,
        parameters=parameters,
        as_of=conditions.as_of(as_of, size),
        min_tree_size=size,
        page_size=limit,
    )
    response = client.call(client.oversight.Ask, request)
    answer: dict[str, Any] = decode(response.answer_json.encode(), what="answer")
    print_answer(answer, form)
    if out is None:
        if form is Format.TABLE:
            say("With --out FILE the answer comes with its evidence, to check it offline.")
        return
    prove = pb.ProveAnswerRequest(
        parent=client.parent,
        question=number,
        parameters=parameters,
        as_of=AsOfMessage(tree_size=response.tree_size),
        page_size=limit,
        disclose=[field.strip() for field in disclose.split(",") if field.strip()],
        complete=complete,
        older=before,
    )
    chunks = client.stream(client.oversight.ProveAnswer, prove)
    write_whole(out, (part.chunk for part in chunks))
    say(f"Check it: {check_command(out, older)} (trust.txt from the ledger's operator)")


def _list(client: Client, form: Format) -> None:
    from services.pb.candour.v1.oversight_pb2 import ListQuestionsRequest

    listed = client.call(client.oversight.ListQuestions, ListQuestionsRequest()).questions
    rows = [
        {
            "number": item.number,
            "text": item.text if item.recorded else f"{item.text} (not recorded yet)",
            "parameters": [_flag(name, name in item.required) for name in item.parameters],
        }
        for item in listed
    ]
    print_rows(rows, _QUESTIONS, form)


def _flag(name: str, required: bool) -> str:
    """A parameter as a command line gives it; marked where the question needs it."""
    flags = {"first_day": "from", "last_day": "to", "case_number": "case"}
    flag = "--" + flags.get(name, name).replace("_", "-")
    return f"{flag}!" if required else flag


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:4]) <= 27:
        raise CommandFailed(
            f"There is no question {text!r}", "candour ask list shows them", exit_code=USAGE
        )
    return int(text)


def parameters_of(narrowed: Narrowed, names: Names) -> pb.Parameters:
    """What the flags say; names resolved by the registers.

    Raises:
        Malformed: A name or a day cannot be read; `field` is the flag.
    """
    from services.cli import conditions
    from services.pb.candour.v1 import oversight_pb2 as pb

    given: dict[str, Any] = {
        "unit": narrowed.unit,
        "performer": narrowed.performer,
        "case_number": narrowed.case,
        "first_day": narrowed.since,
        "last_day": narrowed.until,
        "zone": narrowed.zone,
        "observer": narrowed.observer,
        "kind": narrowed.kind,
        "by": narrowed.by,
        "and_by": narrowed.and_by,
        "year": narrowed.year,
        "hours": narrowed.hours,
        "form": narrowed.report_form,
    }
    for flag, day in (("--from", narrowed.since), ("--to", narrowed.until)):
        if day is not None:
            conditions.day_of(day, flag)
    for name, collection in _NAMED.items():
        text = getattr(narrowed, name)
        given[name] = None if text is None else names.find(collection, text).name
    statement = narrowed.statement
    if statement is not None and "/" not in statement:
        statement = f"statements/{statement}"
    given["statement"] = statement
    return pb.Parameters(**{name: value for name, value in given.items() if value is not None})
