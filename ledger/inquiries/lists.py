"""What some lists of uses say beside the uses: technologies, flows, lags, exposure, outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.events import PerformerApproved, TechnologyAssessed, VendorIncidentReported
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, JudgedUse
from ledger.inquiries.finding import Find, attached_afterwards, grace_us, in_scope
from ledger.projections.registers import Registers
from ledger.rules.authority import authority_of
from ledger.rules.judgement import Judgement, all_of
from ledger.rules.kinds import Context, UsePredicate
from ledger.rules.predicates import PREDICATES
from ledger.rules.verdicts import with_grace

More = Mapping[str, Any]


def all_technologies(asker: Asker, asked: Asked) -> More:
    """Every technology the agency used, so that another name cannot hide a use; each with one use."""
    wide = asked.without("technology", "unit", "performer", "case_number", "from", "to", "zone")
    examples = asker.examples(in_scope(asker, wide), ("technology",))
    return {
        "technologies_used": [
            {"technology": technology, "leaf_index": leaf}
            for (technology,), leaf in examples.items()
        ]
    }


def lags(asker: Asker, asked: Asked) -> More:
    """How long after the use each authority came, and whether a pack's grace allows it."""
    grace = grace_us(asker, asked.text("agency"))
    shown = []
    for one in asker.uses(attached_afterwards(asker, asked), asked.limit, after=asked.after):
        for verdict in one.verdicts:
            graced = with_grace(verdict, grace)
            if graced.code in ("attached_late", "ratified_in_grace"):
                assert graced.lag_us is not None
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
        for one in asker.uses(find(asker, asked), asked.limit, after=asked.after):
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
        asker.registers(), given, Context(agency=asked.text("agency"))
    )
    return all_of((in_scope(asker, asked), found))


def incidents(asker: Asker, asked: Asked) -> More:
    """The incidents, and which agencies and cases the exposed uses are of."""
    found = exposed(asker, asked)
    uses = asker.uses(found, asked.limit, after=asked.after)
    cases = sorted({one.row.case_number for one in uses if one.row.case_number is not None})
    return {
        "incidents": [
            {"name": name, "leaf_index": told.leaf_index, **fact.to_object()}
            for name, told, fact in asker.registers().told("incident", VendorIncidentReported)
        ],
        "cases": cases,
    }


def confirmed_by(find: Find) -> Any:
    """By which authority urgency was confirmed later, if by any, and who granted it."""

    def more(asker: Asker, asked: Asked) -> More:
        found = asker.uses(find(asker, asked), asked.limit, after=asked.after)
        return {"confirmations": [_confirmed(asker, one) for one in found]}

    return more


def _confirmed(asker: Asker, one: JudgedUse) -> dict[str, Any]:
    later = [verdict for verdict in one.verdicts if verdict.code == "attached_late"]
    return {
        "leaf_index": one.row.first,
        "authorised_before": any(verdict.code == "valid_before" for verdict in one.verdicts),
        "confirmed": bool(later),
        "by": [
            {
                "authorization": verdict.authorization,
                "lag_s": (verdict.lag_us or 0) // 1_000_000,
                "granted_by": officers(asker.registers(), verdict.authorization or ""),
            }
            for verdict in later
        ],
    }


def officers(registers: Registers, authorization: str) -> list[str]:
    """Who granted and renewed it, as far as that is shown."""
    authority = authority_of(registers.history(authorization))
    shown = () if authority is None else (period.officer for period in authority.periods)
    return list(dict.fromkeys(officer for officer in shown if officer is not None))
