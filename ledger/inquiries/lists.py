"""What some lists of uses say beside the uses: technologies, flows, lags, exposure, outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.events import PerformerApproved, TechnologyAssessed, VendorIncidentReported
from ledger.inquiries.answering import groups_object
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, JudgedUse
from ledger.inquiries.finding import Find, attached_afterwards, grace_us, in_scope
from ledger.limits import MAX_ANSWER_USES
from ledger.rules.judgement import Judgement, all_of
from ledger.rules.kinds import UsePredicate
from ledger.rules.predicates import PREDICATES
from ledger.rules.verdicts import with_grace

More = Mapping[str, Any]


def all_technologies(asker: Asker, asked: Asked) -> More:
    """Every technology the agency used, so that an alias cannot hide a use."""
    narrowed = {"technology", "unit", "performer", "case_number", "from", "to", "zone"}
    wide = Asked(
        asked.question,
        asked.tree_size,
        {name: value for name, value in asked.parameters.items() if name not in narrowed},
    )
    found = in_scope(asker, wide)
    return {
        "technologies_used": groups_object(("technology",), asker.groups(found, ("technology",)))
    }


def lags(asker: Asker, asked: Asked) -> More:
    """How long after the use each authority came, and whether a pack's grace allows it."""
    grace = grace_us(asker, asked.text("agency"))
    shown = []
    for one in asker.uses(attached_afterwards(asker, asked), MAX_ANSWER_USES):
        for verdict in one.verdicts:
            graced = with_grace(verdict, grace)
            if graced.lag_us is not None:
                shown.append(
                    {
                        "leaf_index": one.row.first,
                        "authorization": graced.authorization,
                        "verdict": graced.code,
                        "lag_s": graced.lag_us // 1_000_000,
                    }
                )
    return {"lags": shown, "grace_s": grace // 1_000_000}


def flows_of(find: Find) -> Any:
    """Where the data of the found uses went, to whom, by which permission."""

    def more(asker: Asker, asked: Asked) -> More:
        shown = []
        for one in asker.uses(find(asker, asked), MAX_ANSWER_USES):
            shown += [{"leaf_index": one.row.first, **flow.to_object()} for flow in one.row.flows]
        return {"flows": shown}

    return more


def assessments(asker: Asker, _asked: Asked) -> More:
    """What was assessed, when and by whom."""
    return {
        "assessments": [
            {"leaf_index": told.leaf_index, **fact.to_object()}
            for _name, told, fact in asker.registers().told("technology", TechnologyAssessed)
        ]
    }


def approved_list(asker: Asker, asked: Asked) -> More:
    """Whom the register approves, by the ledger's pseudonyms where they are shown."""
    agency = asked.text("agency")
    return {
        "approved": [
            {"name": name, "performer": told.shown.get("performer"), **fact.to_object()}
            for name, told, fact in asker.registers().told("approval", PerformerApproved)
            if agency in (None, fact.agency)
        ]
    }


def exposed(asker: Asker, asked: Asked) -> Judgement:
    """Uses in scope before an incident at the vendor: one named, or any."""
    predicate = PREDICATES["exposed_to_incident"]
    assert isinstance(predicate, UsePredicate)
    given = {key: parameter.default for key, parameter in predicate.parameters.items()}
    found: Judgement = predicate.compile(
        asker.registers(), given, asker.context(asked.text("agency"))
    )
    return all_of((in_scope(asker, asked), found))


def incidents(asker: Asker, asked: Asked) -> More:
    """The incidents, and which agencies and cases the exposed uses are of."""
    found = exposed(asker, asked)
    uses = asker.uses(found, MAX_ANSWER_USES)
    cases = sorted({one.row.case_number for one in uses if one.row.case_number is not None})
    return {
        "incidents": [
            {"name": name, "leaf_index": told.leaf_index, **fact.to_object()}
            for name, told, fact in asker.registers().told("incident", VendorIncidentReported)
        ],
        "cases": cases,
    }


def urgency(asker: Asker, asked: Asked, find: Find) -> list[dict[str, Any]]:
    """For each use with urgency: what authority came for it afterwards."""
    return [_confirmed(one) for one in asker.uses(find(asker, asked), MAX_ANSWER_USES)]


def confirmed_by(find: Find) -> Any:
    """By which authority urgency was confirmed later, if by any."""

    def more(asker: Asker, asked: Asked) -> More:
        return {"confirmations": urgency(asker, asked, find)}

    return more


def _confirmed(one: JudgedUse) -> dict[str, Any]:
    later = [verdict for verdict in one.verdicts if verdict.lag_us is not None]
    return {
        "leaf_index": one.row.first,
        "confirmed": bool(later) or any(v.code == "valid_before" for v in one.verdicts),
        "by": [
            {"authorization": verdict.authorization, "lag_s": (verdict.lag_us or 0) // 1_000_000}
            for verdict in later
        ],
    }
