"""What else does an annual report hold? Who received data, borders, allegations, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from ledger.events import AllegationMade, AllegationResolved, DiscrepancyFound
from ledger.events.statements import Scope
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import After, Asker, Differing, JudgedUse
from ledger.inquiries.figures import Figure, figure, listed_object, told_object
from ledger.inquiries.finding import by_rule
from ledger.limits import (
    MAX_ANSWER_USES,
    MAX_FIGURE_BASIS,
    MAX_REPORT_DIFFERENCES,
    MAX_REPORT_FLOWS,
)
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.rules.coverage import unconnected_holdings
from ledger.rules.judgement import Judgement, all_of, not_, says
from ledger.rules.moments import Span, effective

Section: TypeAlias = dict[str, Any]
_SHARED: Final = not_(says("flow_country", None))


def section(title: str, figures: list[Figure], **more: Any) -> Section:
    return {"title": title, "figures": figures, **more}


def first_uses(asker: Asker, found: Judgement) -> tuple[list[JudgedUse], dict[str, int]]:
    """The uses that meet a condition, MAX_REPORT_FLOWS at most; what a section says of the rest."""
    uses: list[JudgedUse] = []
    after: After | None = None
    while len(uses) < MAX_REPORT_FLOWS:
        page = asker.uses(found, MAX_ANSWER_USES, after=after)
        uses += page
        if len(page) < MAX_ANSWER_USES:
            return uses, {}
        after = page[-1].place
    more = {"of_first_uses": MAX_REPORT_FLOWS} if asker.uses(found, 1, after=after) else {}
    return uses, more


def flowing(asker: Asker, scope: Judgement) -> tuple[list[JudgedUse], dict[str, int]]:
    """As `first_uses`, of the uses in scope whose data went anywhere."""
    return first_uses(asker, all_of((scope, _SHARED)))


def sharing(
    asker: Asker, scope: Judgement, uses: Sequence[JudgedUse], more: dict[str, int]
) -> Section:
    """Who received data, as far as flows say; `uses` and `more` are those of `flowing`."""
    shared = all_of((scope, _SHARED))
    figures = [figure(asker, "uses whose data went anywhere", shared)]
    recipients: dict[str, list[Any]] = {}
    for one in uses:
        for recipient in {flow.recipient for flow in one.row.flows if flow.recipient is not None}:
            recipients.setdefault(recipient, []).append(one)
    for recipient, shown in sorted(recipients.items()):
        certain = sum(one.certain for one in shown)
        listed = sorted(shown, key=lambda one: not one.certain)[:MAX_FIGURE_BASIS]
        figures.append(
            {
                "key": recipient,
                "count": certain,
                "possible": len(shown) - certain,
                **listed_object((one, one.certain) for one in listed),
            }
        )
    return section("Sharing: who received data of uses", figures, **more)


def left_country(asker: Asker, asked: Asked, rule: str, **given: Any) -> Judgement:
    """Uses in scope that a rule on borders finds; those without any flow are passed by at once.

    The rules name every country there is, which takes a judge its time.
    """
    return all_of((_SHARED, by_rule(rule, given)(asker, asked)))


def cross_border(
    asker: Asker,
    asked: Asked,
    scope: Judgement,
    uses: Sequence[JudgedUse],
    more: dict[str, int],
) -> Section:
    """Which countries data went to; `uses` and `more` are those of `flowing`.

    Each country is counted over all uses; of one that none of `uses` names, nothing is said.
    """
    abroad = left_country(asker, asked, "data_abroad")
    unpermitted = left_country(asker, asked, "cross_border_without_permission")
    figures = [
        figure(asker, "uses whose data went to another country", abroad),
        figure(asker, "of these, without a permission that is named", unpermitted),
    ]
    countries = {
        country
        for one in uses
        for flow in one.row.flows
        for country in (flow.processing_country, flow.storage_country, flow.access_country)
        if country is not None
    }
    figures += [
        figure(asker, country, all_of((scope, says("flow_country", country))))
        for country in sorted(countries)
    ]
    of_first = {f"countries_{name}": number for name, number in more.items()}
    return section("Across borders, and which countries data went to", figures, **of_first)


def allegations(asker: Asker, asked: Asked, agency: str) -> list[Figure]:
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


def missing(asker: Asker, asked: Asked, agency: str) -> Section:
    """Open differences with others' logs that are about the year; holdings that no source stands behind."""
    figures: list[Figure] = []
    more: dict[str, int] = {}
    for kind, label in (
        ("missing_here", "in another's log, and not in the ledger"),
        ("missing_there", "in the ledger, and not in another's log"),
    ):
        wanted = Differing(agency=agency, kinds=(kind,), open=True)
        entries: dict[bool | None, list[tuple[int, str]]] = {True: [], None: [], False: []}
        differences = asker.differences(wanted, MAX_REPORT_DIFFERENCES + 1)
        if len(differences) > MAX_REPORT_DIFFERENCES:
            more = {"of_first_differences": MAX_REPORT_DIFFERENCES}
        for name, history in differences[:MAX_REPORT_DIFFERENCES]:
            fact = history[0].fact
            assert isinstance(fact, DiscrepancyFound), "a difference begins by being found"
            when = _within_year(asked, effective(fact.occurred, history[0].recorded_us))
            when = None if fact.occurred is None else when
            entries[when].append((history[0].leaf_index, name))
        figures.append({"key": kind, "label": label, **told_object(entries[True], entries[None])})
    registers = asker.registers()
    holdings = [
        (registers.history(name)[0].leaf_index, name)
        for name, _ in unconnected_holdings(registers, Scope(agency=agency))
    ]
    label = "units, licences, trials, invoices and accounts with no source behind them, of any year"
    figures.append({"key": "unconnected", "label": label, **told_object(holdings, ())})
    return section("Missing records", figures, **more)


def _within_year(asked: Asked, span: Span) -> bool | None:
    """Does a moment that is known to lie in a span lie in the year? None: it may."""
    first, last = asked.period_us()
    first = OPEN_EARLIEST if first is None else first
    last = OPEN_LATEST if last is None else last
    if span[1] < first or last < span[0]:
        return False
    return True if first <= span[0] and span[1] <= last else None
