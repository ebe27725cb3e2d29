"""What does the agency owe the public for a year? The annual report, every figure with its entries.

    agency, year ──► sections ──► {"title", "figures": [{"key", "count", "possible", "basis"}]}

Each figure is counted by the same conditions as the numbered questions, and names the entries it
counts, MAX_FIGURE_BASIS of them at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ledger.events import AllegationMade, AllegationResolved, DiscrepancyFound
from ledger.events.statements import Scope
from ledger.inquiries.answering import counted_object, coverage
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, Keys
from ledger.inquiries.finding import in_scope
from ledger.limits import MAX_ANSWER_USES, MAX_FIGURE_BASIS
from ledger.rules.active import active_packs
from ledger.rules.compiling import compile_rule
from ledger.rules.coverage import unconnected_holdings
from ledger.rules.judgement import ALWAYS, Judgement, above, all_of, not_, says
from ledger.rules.kinds import UsePredicate

Answered = Mapping[str, Any]
_GROUPS: Final[tuple[tuple[str, Keys], ...]] = (
    ("Uses by technology", ("technology",)),
    ("Uses by purpose", ("purpose",)),
    ("Uses by outcome", ("outcome",)),
    ("Uses by unit", ("unit",)),
    ("Uses by month", ("month",)),
    ("Uses by what set them off", ("trigger",)),
    ("Uses by how the technology was acquired", ("acquisition",)),
)
_FIGURES: Final[tuple[tuple[str, Judgement], ...]] = (
    ("uses", ALWAYS),
    ("uses that cite no authority", says("authorization", None)),
    ("uses whose data went anywhere", not_(says("flow_country", None))),
    ("uses with a flow that names no permission", not_(says("unpermitted_country", None))),
    ("records later than 24 hours", above("delay", 86_400)),
    ("uses amended", above("amendments", 0)),
)


def annual_report(asker: Asker, asked: Asked) -> Answered:
    """Question 25."""
    scope, agency = in_scope(asker, asked), asked.text("agency") or ""
    sections: list[dict[str, Any]] = [
        {
            "title": "In all",
            "figures": [_figure(asker, name, all_of((scope, found))) for name, found in _FIGURES],
        }
    ]
    sections += [_grouped(asker, title, scope, by) for title, by in _GROUPS]
    sections.append({"title": "Findings", "figures": _findings(asker, scope, agency)})
    sections.append({"title": "Allegations", "figures": _allegations(asker, agency)})
    sections.append({"title": "Missing records", "figures": _missing(asker, agency)})
    basis = {leaf for part in sections for figure in part["figures"] for leaf in figure["basis"]}
    uses = asker.uses(scope, MAX_ANSWER_USES)
    return {
        "value": counted_object(asker.count(scope)),
        "basis": basis,
        "sections": sections,
        "coverage": coverage(asker, asked, uses),
        "caveats": ["days are UTC days" if asked.text("zone") is None else "days are local days"],
    }


def _figure(asker: Asker, key: str, found: Judgement) -> dict[str, Any]:
    leaves = [one.row.first for one in asker.uses(found, MAX_FIGURE_BASIS)]
    return {"key": key, **counted_object(asker.count(found)), "basis": leaves}


def _grouped(asker: Asker, title: str, scope: Judgement, by: Keys) -> dict[str, Any]:
    figures = []
    for keys, counted in asker.groups(scope, by):
        found = all_of((scope, _says(by[0], keys[0])))
        leaves = [one.row.first for one in asker.uses(found, MAX_FIGURE_BASIS)]
        figures.append({"key": keys[0], **counted_object(counted), "basis": leaves})
    return {"title": title, "by": list(by), "figures": figures}


def _says(by: str, key: str) -> Judgement:
    """Uses of one group; months have no field, so theirs are all uses of the scope."""
    return ALWAYS if by == "month" else says(by, key or None)


def _findings(asker: Asker, scope: Judgement, agency: str) -> list[dict[str, Any]]:
    registers, context = asker.registers(), asker.context(agency)
    figures = []
    for active in active_packs(registers, agency):
        for rule in active.pack.rules:
            if not isinstance(rule.predicate, UsePredicate):
                continue
            found = all_of((scope, compile_rule(active, rule, registers, context)))
            figure = _figure(asker, f"{active.pack.name}/{rule.code}", found)
            if figure["count"] or figure["possible"]:
                figures.append({**figure, "title": rule.title, "severity": rule.severity})
    return figures


def _allegations(asker: Asker, agency: str) -> list[dict[str, Any]]:
    registers = asker.registers()
    figures = []
    for name, told, fact in registers.told("allegation", AllegationMade):
        if fact.scope.agency not in (None, agency):
            continue
        history = registers.history(name)
        resolved = [one.fact for one in history if isinstance(one.fact, AllegationResolved)]
        figures.append(
            {
                "key": name,
                "title": resolved[-1].resolution if resolved else "open",
                "count": 1,
                "possible": 0,
                "basis": [one.leaf_index for one in history][:MAX_FIGURE_BASIS],
                "recorded": told.leaf_index,
            }
        )
    return figures


def _missing(asker: Asker, agency: str) -> list[dict[str, Any]]:
    figures = []
    for kind in ("missing_here", "missing_there"):
        leaves = [
            history[0].leaf_index
            for history in asker.discrepancies().values()
            if isinstance(history[0].fact, DiscrepancyFound)
            and history[0].fact.kind == kind
            and history[0].fact.agency == agency
        ]
        figures.append(
            {"key": kind, "count": len(leaves), "possible": 0, "basis": leaves[:MAX_FIGURE_BASIS]}
        )
    holdings = unconnected_holdings(asker.registers(), Scope(agency=agency))
    leaves = [asker.registers().history(name)[0].leaf_index for name, _ in holdings]
    figures.append({"key": "unconnected", "count": len(leaves), "possible": 0, "basis": leaves})
    return figures
