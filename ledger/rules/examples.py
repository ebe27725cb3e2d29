"""Does a pack find what its author says it finds? Its own examples, run as a ledger would.

[[example]] told = [fact | use | link …], expect = {…} ──entries──► fold ──findings──► same codes?

title   what the example shows                agency  whose registers the facts speak of
told    inline tables in the order they were recorded, each with `recorded`, or a minute after
        the one before:
          {topic = "technology.approved.v1", technology = "technologies/t", …}   a fact
          {use = "u1", technology = "technologies/t", occurred = "2020-02-21T10:00:00Z", …}
          {use = "u1", link = "authorizations/w"}                    a link; or topic = "tool_use.…"
        `occurred`, `made`, `effective` may be a moment or a date as text; `shown` holds what is
        protected: {reason = "x", performer = "p-1"}
expect  use, or resource name, to the codes that are found for certain; others are found nowhere
possible  likewise, those that may be
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.errors import Malformed, Unverifiable
from ledger.events import DiscrepancyFound
from ledger.limits import MAX_EXAMPLE_ENTRIES
from ledger.projections.answers import Fold
from ledger.projections.registers import Told
from ledger.rules.active import ActivePack
from ledger.rules.example_entries import entry_of, time_of
from ledger.rules.findings import Finding, findings_of
from ledger.rules.judging import Authorities
from ledger.rules.kinds import Context
from ledger.rules.packs import Pack
from ledger.streams import name_of_stream
from ledger.times import us_of_text

_MEMBERS: Final = {
    "title": str,
    "agency": str,
    "told": list,
    "rules": list,
    "expect": dict,
    "possible": dict,
}
_START: Final = "2020-01-01T00:00:00Z"
_AGENCY: Final = "agencies/example"

Codes = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one example: code by code, what was expected and what was found.

    Members:
        expected, found: Subject to codes, each `code` or, where only possible, `code?`.
    """

    title: str
    expected: Mapping[str, list[str]]
    found: Mapping[str, list[str]]

    @property
    def holds(self) -> bool:
        return self.expected == self.found


def run_examples(pack: Pack) -> Iterator[Outcome]:
    """Run each example of a pack.

    Raises:
        Malformed: An example is written otherwise than this module says.
    """
    for number, example in enumerate(pack.examples):
        where = f"example[{number}]"
        try:
            yield _run(pack, example, where)
        except Unverifiable as error:
            raise Malformed(where, str(error)) from None
        except Malformed as error:
            if error.field.startswith("example"):
                raise
            raise Malformed(f"{where}.{error.field}", error.reason) from None


def _run(pack: Pack, example: Mapping[str, Any], where: str) -> Outcome:
    for key, value in example.items():
        if key not in _MEMBERS or type(value) is not _MEMBERS[key]:
            raise Malformed(f"{where}.{key}", f"is none of {', '.join(_MEMBERS)}, or ill-typed")
    told = _expanded(example.get("told", []), where)
    if not 1 <= len(told) <= MAX_EXAMPLE_ENTRIES or not all(isinstance(i, dict) for i in told):
        raise Malformed(f"{where}.told", f"must list 1..{MAX_EXAMPLE_ENTRIES} tables")
    findings = _findings(pack, told, example.get("agency", _AGENCY), where)
    expected = _expected(example.get("expect", {}), "", where)
    for subject, codes in _expected(example.get("possible", {}), "?", where).items():
        expected[subject] = sorted({*expected.get(subject, []), *codes})
    about = example.get("rules") or [rule.code for rule in pack.rules]
    for code in {code.rstrip("?") for codes in expected.values() for code in codes}.union(about):
        if all(rule.code != code for rule in pack.rules):
            raise Malformed(where, f"speaks of {code}, which is no rule of the pack")
    found = _by_subject(finding for finding in findings if finding.code in about)
    return Outcome(str(example.get("title", where)), expected, found)


def _expanded(told: list[Any], where: str) -> list[Any]:
    """Every line as often as it says."""
    found: list[Any] = []
    for item in told[: MAX_EXAMPLE_ENTRIES + 1]:
        times = item.get("times") if isinstance(item, dict) else None
        if times is None:
            found.append(item)
        elif type(times) is int and 1 <= times <= MAX_EXAMPLE_ENTRIES and "use" in item:
            found += [item | {"use": f"{item['use']}-{number + 1}"} for number in range(times)]
        else:
            raise Malformed(f"{where}.told", f"a use may stand 1..{MAX_EXAMPLE_ENTRIES} times")
    return found


def _findings(pack: Pack, told: list[Any], agency: str, where: str) -> list[Finding]:
    fold, authorities = Fold(), Authorities()
    discrepancies: dict[str, list[Told]] = {}
    as_of_us = us_of_text(_START)
    for leaf_index, item in enumerate(told):
        place = f"{where}.told[{leaf_index}]"
        as_of_us = time_of(item, as_of_us, place)
        fact, entry = entry_of(item, as_of_us, agency, place)
        shown = item.get("shown", {})
        authorities.add(leaf_index, entry, fact, shown)
        if entry.stream.startswith("discrepancy/"):
            known = discrepancies.setdefault(name_of_stream(entry.stream), [])
            known.append(Told(leaf_index, as_of_us, fact, entry.capture, shown))
            if not isinstance(known[0].fact, DiscrepancyFound):
                raise Malformed(place, "resolves what was not found")
        else:
            fold.add(leaf_index, entry, shown)
    uses = [use for use in fold.uses.values() if fold.counted(use)]
    context = Context(
        as_of_us=as_of_us,
        cited=frozenset(name for use in uses for name in use.authorizations),
        discrepancies=discrepancies,
    )
    verdicts = authorities.judge(fold.registers)
    return findings_of([ActivePack(pack)], fold.registers, uses, verdicts, context)


def _expected(found: Mapping[str, Any], mark: str, where: str) -> Codes:
    expected: Codes = {}
    for subject, codes in found.items():
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            raise Malformed(f"{where}.expect.{subject}", "must be a list of codes")
        if codes:
            expected[subject] = sorted(f"{code}{mark}" for code in codes)
    return expected


def _by_subject(findings: Iterable[Finding]) -> Codes:
    found: dict[str, set[str]] = {}
    for finding in findings:
        subject = finding.subject.removeprefix("toolUses/")
        found.setdefault(subject, set()).add(finding.code + ("" if finding.certain else "?"))
    return {subject: sorted(codes) for subject, codes in found.items()}
