"""candour ask: the numbered questions of an oversight body, answered, and proven with --out.

    candour ask list                         which questions there are
    candour ask 4 --agency "Sampleton PD"    Ask ──► the answer in a sentence, then what is behind it
    candour ask 4 … --out answer.json        ProveAnswer ──chunks──► bundle ──► candour-verify

Exit status: 0 for any answer, "no" and "not recorded" too.
"""

from __future__ import annotations

from collections.abc import Iterable
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
WithCount: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--with-count",
        help="With --out, of question 1 about an agency, a technology and UTC days: put a proven"
        " count in, so that the answer leaves out no use.",
    ),
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
    with_count: WithCount = False,
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
        count = _count_of(client, number, parameters, as_of, out) if with_count else None
        show(client, number, parameters, as_of, limit, out, disclose, complete, older, form, count)


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
    count: dict[str, Any] | None = None,
) -> None:
    """Ask, print, and fetch the evidence where it is wanted: of the same tree size.

    Args:
        count: A proven count that goes into the evidence, as a bundle's object.
    """
    from ledger.canonical_json import decode
    from ledger.verify.bundle import read_object, with_proven_count
    from services.cli import conditions
    from services.cli.answers import print_answer
    from services.pb.candour.v1 import oversight_pb2 as pb
    from services.pb.candour.v1.common_pb2 import AsOf as AsOfMessage

    before = older_of(older)
    size = client.head_size()
    if count is not None:
        as_of = str(count["question"]["tree_size"])
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
    proven: Iterable[bytes] = (
        part.chunk for part in client.stream(client.oversight.ProveAnswer, prove)
    )
    if count is not None:
        proven = [with_proven_count(read_object(b"".join(proven)), count)]
    write_whole(out, proven)
    say(f"Check it: {check_command(out, older)} (trust.txt from the ledger's operator)")


def _count_of(
    client: Client, number: int, asked: pb.Parameters, as_of: str | None, out: Path | None
) -> dict[str, Any]:
    """The proven count for question 1, as a bundle's object."""
    from ledger.verify.bundle import read_object
    from ledger.verify.inquiry_steps import FIRST_DAY, LAST_DAY
    from services.cli import conditions
    from services.pb.candour.v1.proofs_pb2 import ProveUsageRequest

    said = {field.name for field, _ in asked.ListFields()}
    fits = {"agency", "technology"} <= said <= {"agency", "technology", "first_day", "last_day"}
    if out is None or number != 1 or not fits:
        raise CommandFailed(
            "--with-count takes question 1, --agency, --technology, --from, --to and --out, and no more",
            exit_code=USAGE,
        )
    request = ProveUsageRequest(
        parent=client.parent,
        agency=asked.agency,
        technology=asked.technology,
        first_day=asked.first_day or FIRST_DAY,
        last_day=asked.last_day or LAST_DAY,
    )
    if as_of is not None:
        request.as_of.CopyFrom(conditions.as_of(as_of, 0))
    chunks = client.stream(client.proofs.ProveUsage, request)
    return read_object(b"".join(part.chunk for part in chunks))


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
