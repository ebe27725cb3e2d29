"""What does the agency owe the public for a year? The annual report, every figure with its entries.

    agency, year ──► sections ──► {"title", "figures": [figures.py]} ──ledger/exports──► HTML, CSV

Each figure is counted by the same conditions as the numbered questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ledger.inquiries.answering import UNKNOWN_TIMES, counted_object, coverage
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker
from ledger.inquiries.figures import Figure, figure, grouped
from ledger.inquiries.finding import in_scope
from ledger.inquiries.report_parts import (
    Section,
    allegations,
    cross_border,
    flowing,
    missing,
    section,
    sharing,
)
from ledger.projections.uses import OPEN_LATEST
from ledger.rules.active import active_packs
from ledger.rules.compiling import compile_rule
from ledger.rules.judgement import ALWAYS, Judgement, above, all_of, says, within
from ledger.rules.kinds import Context, UsePredicate

Answered = Mapping[str, Any]
_GROUPS: Final = (
    ("Uses by technology", "technology"),
    ("Uses by purpose", "purpose"),
    ("Uses by outcome", "outcome"),
    ("Uses by unit", "unit"),
    ("Uses by what set them off", "trigger"),
    ("Uses by how the technology was acquired", "acquisition"),
)
_FIGURES: Final[tuple[tuple[str, Judgement], ...]] = (
    ("uses", ALWAYS),
    ("uses that cite no authority", says("authorization", None)),
    ("uses put right after they were reported", above("amendments", 0)),
    ("records later than 24 hours", above("delay", 86_400)),
)


def annual_report(asker: Asker, asked: Asked) -> Answered:
    """Question 25, in its own form."""
    scope, agency = in_scope(asker, asked), asked.text("agency") or ""
    flows = flowing(asker, scope)
    sections = [
        section("In all", [figure(asker, key, all_of((scope, one))) for key, one in _FIGURES]),
        months(asker, asked, scope),
        *(grouped(asker, title, scope, by) for title, by in _GROUPS),
        sharing(asker, scope, *flows),
        cross_border(asker, asked, scope, *flows),
        section("Findings", list(findings(asker, scope, agency))),
        section("Allegations", allegations(asker, asked, agency)),
        missing(asker, asked, agency),
    ]
    return report_of(asker, asked, "Annual report", scope, sections)


def report_of(
    asker: Asker,
    asked: Asked,
    title: str,
    scope: Judgement,
    sections: list[Section],
    **more: Any,
) -> Answered:
    """A report of any form, from its sections."""
    counted = asker.count(scope)
    figures = [one for part in sections for one in part["figures"]]
    basis = {leaf for one in figures for leaf in (*one["basis"], *one["possible_basis"])}
    caveats = ["a figure counts what was reported to the ledger, not what was done"]
    if counted.possible:
        caveats += [
            UNKNOWN_TIMES,
            "a use that lies in no one month for certain is possible in each",
        ]
    if asked.text("zone") is None:
        caveats.append("days and months are UTC's")
    return {
        "value": counted_object(counted),
        "basis": basis,
        "title": title,
        "sections": sections,
        "coverage": coverage(asker, asked),
        "caveats": caveats,
        **more,
    }


def months(asker: Asker, asked: Asked, scope: Judgement) -> Section:
    """One figure a month of the year, in the days of the zone that was asked for."""
    year = asked.number("year") or 0
    figures = []
    for month in range(1, 13):
        following = f"{year + month // 12:04d}-{month % 12 + 1:02d}-01"
        first, after = (_day_us(asked, day) for day in (f"{year:04d}-{month:02d}-01", following))
        found = all_of((scope, within(first, after - 1)))
        figures.append(figure(asker, f"{year:04d}-{month:02d}", found))
    return section("Uses by month", figures, by="month")


def _day_us(asked: Asked, day: str) -> int:
    """When a day begins there; the end of the calendar for the day after it."""
    if len(day) > len("9999-01-01"):
        return OPEN_LATEST
    first, _ = replace(
        asked, parameters={**asked.without("year").parameters, "from": day}
    ).period_us()
    assert first is not None, "a day was asked for"
    return first


def findings(
    asker: Asker, scope: Judgement, agency: str, pack: str | None = None
) -> Iterator[Figure]:
    """What rules about single uses find, pack by pack; only what finds anything."""
    registers, context = asker.registers(), Context(agency=agency, cited=frozenset())
    for active in active_packs(registers, agency):
        for rule in active.pack.rules:
            if pack not in (None, active.pack.name):
                continue
            if not isinstance(rule.predicate, UsePredicate):
                continue
            if rule.predicate.name == "unknown_name":
                context = replace(context, cited=frozenset(asker.cited(scope)))
            found = all_of((scope, compile_rule(active, rule, registers, context)))
            told = figure(
                asker,
                f"{active.pack.name}/{rule.code}",
                found,
                grace_us=active.pack.grace_us,
                label=rule.title,
                severity=rule.severity,
            )
            if told["count"] or told["possible"]:
                yield told
