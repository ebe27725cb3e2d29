"""What does the agency owe the public for a year? The annual report, every figure with its entries.

    agency, year ──► sections ──► {"title", "figures": [figures.py]} ──ledger/exports──► HTML, CSV

Each figure is counted by the same conditions as the numbered questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from ledger.events import AllegationMade, AllegationResolved, DiscrepancyFound
from ledger.events.statements import Scope
from ledger.inquiries.answering import UNKNOWN_TIMES, counted_object, coverage
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, Differing
from ledger.inquiries.figures import Figure, figure, grouped, listed_object, told_object
from ledger.inquiries.finding import by_rule, in_scope
from ledger.limits import MAX_ANSWER_USES, MAX_FIGURE_BASIS, MAX_REPORT_DIFFERENCES
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.rules.active import active_packs
from ledger.rules.compiling import compile_rule
from ledger.rules.coverage import unconnected_holdings
from ledger.rules.judgement import ALWAYS, Judgement, above, all_of, not_, says, within
from ledger.rules.kinds import Context, UsePredicate
from ledger.rules.moments import Span, effective

Answered = Mapping[str, Any]
Section = dict[str, Any]
_GROUPS: Final = (
    ("Uses by technology", "technology"),
    ("Uses by purpose", "purpose"),
    ("Uses by outcome", "outcome"),
    ("Uses by unit", "unit"),
    ("Uses by what set them off", "trigger"),
    ("Uses by how the technology was acquired", "acquisition"),
)
_SHARED: Final = not_(says("flow_country", None))
_FIGURES: Final[tuple[tuple[str, Judgement], ...]] = (
    ("uses", ALWAYS),
    ("uses that cite no authority", says("authorization", None)),
    ("uses put right after they were reported", above("amendments", 0)),
    ("records later than 24 hours", above("delay", 86_400)),
)


def annual_report(asker: Asker, asked: Asked) -> Answered:
    """Question 25, in its own form."""
    scope, agency = in_scope(asker, asked), asked.text("agency") or ""
    sections = [
        section("In all", [figure(asker, key, all_of((scope, one))) for key, one in _FIGURES]),
        months(asker, asked, scope),
        *(grouped(asker, title, scope, by) for title, by in _GROUPS),
        _sharing(asker, scope),
        _cross_border(asker, asked),
        section("Findings", list(findings(asker, scope, agency))),
        section("Allegations", _allegations(asker, asked, agency)),
        section("Missing records", list(_missing(asker, asked, agency))),
    ]
    return report_of(asker, asked, "Annual report", scope, sections)


def section(title: str, figures: list[Figure], **more: Any) -> Section:
    return {"title": title, "figures": figures, **more}


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


def _sharing(asker: Asker, scope: Judgement) -> Section:
    """Who received data, as far as flows say."""
    shared = all_of((scope, _SHARED))
    figures = [figure(asker, "uses whose data went to a country that is named", shared)]
    uses = asker.uses(scope, MAX_ANSWER_USES)
    recipients: dict[str, list[Any]] = {}
    for one in uses:
        for recipient in {flow.recipient for flow in one.row.flows if flow.recipient is not None}:
            recipients.setdefault(recipient, []).append(one)
    for recipient, shown in sorted(recipients.items()):
        certain = sum(one.certain for one in shown)
        listed = shown[:MAX_FIGURE_BASIS]
        figures.append(
            {
                "key": recipient,
                "count": certain,
                "possible": len(shown) - certain,
                **listed_object((one, one.certain) for one in listed),
            }
        )
    more = {} if len(uses) < MAX_ANSWER_USES else {"of_first_uses": MAX_ANSWER_USES}
    return section("Sharing: who received data of uses", figures, **more)


def _cross_border(asker: Asker, asked: Asked) -> Section:
    abroad = by_rule("data_abroad")(asker, asked)
    unpermitted = by_rule("cross_border_without_permission")(asker, asked)
    figures = [
        figure(asker, "uses whose data went to another country", abroad),
        figure(asker, "of these, without a permission that is named", unpermitted),
    ]
    countries = {
        country
        for one in asker.uses(abroad, MAX_ANSWER_USES)
        for flow in one.row.flows
        for country in (flow.processing_country, flow.storage_country, flow.access_country)
        if country is not None
    }
    figures += [
        figure(asker, country, all_of((abroad, says("flow_country", country))))
        for country in sorted(countries)
    ]
    return section("Across borders, and countries that such data went to", figures)


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


def _allegations(asker: Asker, asked: Asked, agency: str) -> list[Figure]:
    """Those made in the year, or perhaps in it, with what became of each."""
    registers = asker.registers()
    figures: list[Figure] = []
    for name, told, fact in registers.told("allegation", AllegationMade):
        when = _within_year(asked, effective(fact.made, told.recorded_us))
        if fact.scope.agency not in (None, agency) or when is False:
            continue
        resolved = [
            one.fact.resolution
            for one in registers.history(name)
            if isinstance(one.fact, AllegationResolved)
        ]
        entry = [(told.leaf_index, name)]
        certain, possible = (entry, []) if when else ([], entry)
        label = resolved[-1] if resolved else "open"
        figures.append({"key": name, "label": label, **told_object(certain, possible)})
    return figures


def _missing(asker: Asker, asked: Asked, agency: str) -> Iterator[Figure]:
    """Open differences with others' logs that are about the year; holdings that no source stands behind."""
    for kind, label in (
        ("missing_here", "in another's log, and not in the ledger"),
        ("missing_there", "in the ledger, and not in another's log"),
    ):
        wanted = Differing(agency=agency, kinds=(kind,), open=True)
        entries: dict[bool | None, list[tuple[int, str]]] = {True: [], None: [], False: []}
        for name, history in asker.differences(wanted, MAX_REPORT_DIFFERENCES):
            fact = history[0].fact
            assert isinstance(fact, DiscrepancyFound), "a difference begins by being found"
            when = _within_year(asked, effective(fact.occurred, history[0].recorded_us))
            when = None if fact.occurred is None else when
            entries[when].append((history[0].leaf_index, name))
        yield {"key": kind, "label": label, **told_object(entries[True], entries[None])}
    registers = asker.registers()
    holdings = [
        (registers.history(name)[0].leaf_index, name)
        for name, _ in unconnected_holdings(registers, Scope(agency=agency))
    ]
    label = "units, licences, trials, invoices and accounts with no source behind them, of any year"
    yield {"key": "unconnected", "label": label, **told_object(holdings, ())}


def _within_year(asked: Asked, span: Span) -> bool | None:
    """Does a moment that is known to lie in a span lie in the year? None: it may."""
    first, last = asked.period_us()
    first = OPEN_EARLIEST if first is None else first
    last = OPEN_LATEST if last is None else last
    if span[1] < first or last < span[0]:
        return False
    return True if first <= span[0] and span[1] <= last else None
