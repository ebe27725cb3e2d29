"""What is a thing of the registers called? A line for people, from its first fact."""

from __future__ import annotations

from ledger.events import (
    AgencyRegistered,
    AllegationMade,
    AuthorizationGranted,
    ExternalLogImported,
    Fact,
    HoldingRecorded,
    ImportDeclared,
    LegalHoldSet,
    LegalInstrumentRegistered,
    MandateGranted,
    NilReturnAttested,
    PerformerApproved,
    ProceedingOpened,
    RulePackActivated,
    SourceRegistered,
    StatementMade,
    TechnologyRegistered,
    VendorIncidentReported,
)

_DIGEST_CHARS = 12


def display_name(fact: Fact) -> str | None:
    """What to call the thing that this fact begins; None where the fact begins none."""
    match fact:
        case (
            AgencyRegistered()
            | TechnologyRegistered()
            | SourceRegistered()
            | LegalInstrumentRegistered()
        ):
            return fact.name
        case ImportDeclared():
            return f"{fact.rows} rows of {fact.file_sha256[:_DIGEST_CHARS]}"
        case ExternalLogImported():
            return f"{fact.rows} rows of {fact.observer}, {fact.file_sha256[:_DIGEST_CHARS]}"
        case AuthorizationGranted():
            return fact.identifier or fact.kind
        case PerformerApproved():
            return _about("approval", fact.agency, fact.technology or "any technology")
        case MandateGranted():
            return _about(fact.body, *fact.agencies)
        case ProceedingOpened():
            return _about(fact.body, fact.reference or fact.kind or "")
        case LegalHoldSet():
            return _about(fact.body, *fact.agencies)
        case VendorIncidentReported():
            return _about(fact.vendor, fact.kind)
        case HoldingRecorded():
            return _about(fact.kind, fact.agency, fact.technology or fact.vendor or "")
        case NilReturnAttested():
            return _about(fact.agency, fact.period.earliest or "", fact.period.latest or "")
        case StatementMade():
            return _about(fact.polarity, fact.scope.agency or "", fact.scope.technology or "")
        case AllegationMade():
            return _about(fact.made_by, fact.scope.agency or "", fact.scope.technology or "")
        case RulePackActivated():
            return fact.pack.partition("/")[2] or fact.pack
        case _:
            return None


def _about(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
