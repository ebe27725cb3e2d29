"""candour demo halifax: what would a ledger have shown of February 2020?

    scenario ─► a ledger of its own, told one way or another ─► questions ─► bundles that verify

No server is asked, and none is started. The facts are the press's, the ledger is simulated: its
origin begins with `simulated.invalid`, and its keys sign nothing else.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.failures import USAGE, CommandFailed
from services.cli.options import Format
from services.cli.output import print_rows, say

if TYPE_CHECKING:
    from services.cli.scenarios.evidence import Case
    from services.cli.scenarios.scenario import Scenario

_COLUMNS: Final = {"": "asked", "the record says": "said", "evidence": "bundle"}
_WIDTH: Final = 100
_COMPARED: Final = {
    "variant": "variant",
    "the use": "title",
    "the denial": "codes",
    "lag": "lag",
}


class Shape(StrEnum):
    """How the story is printed."""

    TABLE = "table"
    JSON = "json"


def halifax(
    lied: Annotated[
        bool, typer.Option("--lied", help="The use was in the ledger before the denial.")
    ] = False,
    unaware: Annotated[
        bool, typer.Option("--unaware", help="It was recorded only after the denial.")
    ] = False,
    unreported: Annotated[
        bool, typer.Option("--unreported", help="Never reported: found in the vendor's log.")
    ] = False,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep", metavar="DIR", file_okay=False, help="Leave ledgers and bundles here."
        ),
    ] = None,
    form: Annotated[
        Shape, typer.Option("--format", help="How to print it. JSON of one variant: an object.")
    ] = Shape.TABLE,
) -> None:
    """Halifax, February 2020: what a ledger would have proven. Simulated; needs no server.

    Without a variant all three are shown, one after another; as JSON they are a list.
    """
    from services.cli.scenarios.scenario import read_scenario
    from services.cli.scenarios.story import to_object

    scenario = read_scenario()
    flags = {"lied": lied, "unaware": unaware, "unreported": unreported}
    chosen = [name for name, wanted in flags.items() if wanted]
    if len(chosen) > 1:
        raise CommandFailed(
            "Choose one variant, or none for all three",
            f"Not {' and '.join(chosen)}",
            exit_code=USAGE,
        )
    folder = Path(tempfile.mkdtemp(prefix="candour-halifax-")) if keep is None else keep.resolve()
    cases = [_case(scenario, name, folder, kept=keep is not None) for name in chosen or flags]
    if form is Shape.JSON:
        found = [to_object(case) for case in cases]
        sys.stdout.write(json.dumps(found[0] if chosen else found, ensure_ascii=False, indent=1))
        sys.stdout.write("\n")
    else:
        _print_head(scenario)
        for case in cases:
            _print_case(case)
        if len(cases) > 1:
            _print_compared(cases)
    if keep is None:
        say(f"Bundles and trust files are left in {folder}: delete them when you have seen them")


def _case(scenario: Scenario, variant: str, folder: Path, *, kept: bool) -> Case:
    """One variant, told and asked; its ledger goes again unless it is to be kept."""
    from services.cli.scenarios.evidence import ask_all
    from services.cli.scenarios.replay import DATA, replayed
    from services.cli.scenarios.vendor_log import compare_with_log

    own = folder / variant
    if own.exists():
        raise CommandFailed(f"{own} is there already", "Choose another directory for --keep")
    with replayed(scenario, variant, own) as replay:
        log = scenario.variants[variant].log
        if log is not None:
            (own / log.file).write_text(log.text, encoding="utf-8")
            compare_with_log(replay, scenario, log)
        replay.project()
        case = ask_all(replay, scenario, variant, own)
    if not kept:
        shutil.rmtree(own / DATA)
    return case


def _print_head(scenario: Scenario) -> None:
    print(f"{scenario.title}. SIMULATED: no such ledger was there.")
    print(f"The facts are those of {scenario.source}; what it leaves open stays open.")
    print("Each answer says what the record held, never what a speaker knew.\n")
    for said in scenario.quotes():
        derived = " (the day is derived)" if said.date_derived else ""
        print(f'  {said.made_at}  "{said.quote}"\n              {said.speaker}{derived}')


def _print_case(case: Case) -> None:
    from services.cli.scenarios.story import findings_in_words, lines

    print(f"\n── {case.variant}: {case.scenario.variants[case.variant].title}\n")
    print_rows((line.to_row() for line in lines(case)), _COLUMNS, Format.TABLE)
    print(textwrap.fill(f"the rules find: {findings_in_words(case)} (?: possibly)", _WIDTH))
    for fact, assumed in case.scenario.assumed(case.variant).items():
        print(f"assumed in {fact}: {assumed}")
    print()
    for bundle in case.bundles:
        # From the checkpoint of that day on, the ledger only grew.
        older = f" --older {case.then}" if bundle == case.denial.proven.bundle else ""
        print(f"$ candour-verify {bundle} --trust {case.trust}{older}")


def _print_compared(cases: list[Case]) -> None:
    from services.cli.scenarios.story import lag_in_words

    rows = [
        {
            "variant": case.variant,
            "title": case.scenario.variants[case.variant].title,
            "codes": case.denial.judged["codes"],
            "lag": lag_in_words(case.denial.judged.get("lag_s")),
        }
        for case in cases
    ]
    print("\n── The same facts, three records\n")
    print_rows(rows, _COMPARED, Format.TABLE)
