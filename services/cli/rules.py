"""candour rules: which rule packs are there, what do they say, and do their own examples hold?

    name[@version] | path of a TOML file ──► Pack ──► list, show, test: table | JSON | CSV

No ledger is asked: packs are data of this release, or files of your own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import typer

from services.cli.failures import USAGE, CommandFailed
from services.cli.options import As, Format, command
from services.cli.output import print_object, print_rows, say

if TYPE_CHECKING:
    from ledger.rules.examples import Outcome
    from ledger.rules.packs import Pack, Rule

app: Final = typer.Typer(no_args_is_help=True, help="Rule packs: list, read, test them.")
Wanted: TypeAlias = Annotated[
    str,
    typer.Argument(metavar="PACK", help="A pack's name, name@version, or the path of a file."),
]
_LIST: Final = {
    "pack": "name",
    "version": "version",
    "title": "title",
    "where": "jurisdiction",
    "rules": "rules",
}
_RULES: Final = {
    "code": "code",
    "severity": "severity",
    "title": "title",
    "law": "legal_reference",
    "predicate": "predicate",
}
_OUTCOMES: Final = {"": "verdict", "example": "title", "expected": "expected", "found": "found"}


@command(app, "list")
def list_packs(form: As = Format.TABLE) -> None:
    """List the packs of this release, in every version."""
    from ledger.rules.packs import shipped

    rows = [{**_head(pack), "rules": len(pack.rules)} for pack in shipped()]
    print_rows(rows, _LIST, form, more=("sha256",))


@command(app, "predicates")
def list_predicates(form: As = Format.TABLE) -> None:
    """List what a rule can ask: the closed list of predicates, and their parameters."""
    from ledger.rules.predicates import PREDICATES

    rows = [
        {"name": found.name, "finds": found.summary, "parameters": list(found.parameters)}
        for found in PREDICATES.values()
    ]
    print_rows(rows, {"predicate": "name", "finds": "finds", "parameters": "parameters"}, form)


@command(app, "show")
def show(wanted: Wanted, form: As = Format.TABLE) -> None:
    """Show a pack: its law, and each of its rules."""
    pack = _pack(wanted)
    rules = [_rule(rule) for rule in pack.rules]
    if form is Format.CSV:
        print_rows(rules, _RULES, form, more=("parameters", "note"))
    elif form is Format.JSON:
        print_object({**_head(pack), "rules": rules}, form)
    else:
        print_object(_head(pack), form)
        print()
        print_rows(rules, _RULES, form)


@command(app, "test")
def run_test(wanted: Wanted, form: As = Format.TABLE) -> None:
    """Run a pack's own examples. Exit status: 0 all hold, 1 one does not, 2 the pack is broken."""
    from ledger.errors import Malformed
    from ledger.rules.examples import run_examples

    pack = _pack(wanted)
    try:
        outcomes = list(run_examples(pack))
    except Malformed as error:
        raise _broken(wanted, error) from None
    print_rows(map(_outcome, outcomes), _OUTCOMES, form)
    failed = sum(not outcome.holds for outcome in outcomes)
    name = f"{pack.name} version {pack.version}"
    if failed:
        raise CommandFailed(
            f"{name}: {failed} of {len(outcomes)} examples do not hold",
            "Correct the rule, or what the example expects",
        )
    if not outcomes:
        raise CommandFailed(f"{name} has no examples", "Write one for each rule as [[example]]")
    say(f"{name}: {len(outcomes)} examples hold.")


def _pack(wanted: str) -> Pack:
    """The pack that somebody means: a file where there is one, else one of this release."""
    from ledger.errors import Malformed
    from ledger.limits import MAX_PACK_BYTES
    from ledger.rules.packs import read_pack

    path = Path(wanted)
    if path.suffix == ".toml" or path.is_file():
        try:
            with path.open("rb") as file:
                return read_pack(file.read(MAX_PACK_BYTES + 1))
        except Malformed as error:
            raise _broken(wanted, error) from None
    return shipped_pack(wanted)


def shipped_pack(wanted: str) -> Pack:
    """A pack of this release: name, or name@version. Raises CommandFailed."""
    from ledger.errors import Unverifiable
    from ledger.rules.packs import newest, pack_of

    name, _, version = wanted.partition("@")
    try:
        return pack_of(name, version) if version else newest(name)
    except Unverifiable as error:
        raise CommandFailed(
            str(error), "`candour rules list` shows them all", exit_code=USAGE
        ) from None


def _broken(wanted: str, error: Exception) -> CommandFailed:
    return CommandFailed(
        f"{wanted} is no rule pack: {error}",
        "docs/guides/rules.md says how to write one",
        exit_code=USAGE,
    )


def _head(pack: Pack) -> dict[str, Any]:
    return {
        "name": pack.name,
        "version": pack.version,
        "title": pack.title,
        "jurisdiction": pack.jurisdiction or None,
        "legal_basis": pack.legal_basis or None,
        "grace_hours": pack.grace_us // 3_600_000_000,
        "categories": list(pack.categories) or None,
        "note": pack.note or None,
        "sha256": pack.sha256,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    parameters = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in rule.parameters.items()
    }
    return {
        "code": rule.code,
        "severity": rule.severity,
        "title": rule.title,
        "legal_reference": rule.legal_reference or None,
        "predicate": rule.predicate.name,
        "parameters": parameters,
        "note": rule.note or None,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    found = None if outcome.holds else _codes(outcome.found, outcome.expected)
    return {
        "verdict": "holds" if outcome.holds else "FAILS",
        "title": outcome.title,
        "expected": _codes(outcome.expected, outcome.found),
        "found": found,
    }


def _codes(codes: Mapping[str, list[str]], other: Mapping[str, list[str]]) -> str:
    """`subject: code code?`, of the subjects where the two differ; of all where they do not."""
    differing = [subject for subject in codes if codes[subject] != other.get(subject)]
    shown = differing if codes != other else list(codes)
    return "; ".join(f"{subject}: {' '.join(codes[subject])}" for subject in sorted(shown))
