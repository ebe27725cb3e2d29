"""What happened? Facts in the past tense, one class a topic.

facts.py     the base, the register of topics, reading and writing
values.py    intervals, counts, data flows
tool_use.py  register.py  imports.py  usage_index.py  technology.py  authority.py  sources.py
oversight.py  vendors.py  statements.py  observers.py  rule_packs.py  directory.py
"""

from ledger.events.authority import (
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
    LegalInstrumentRegistered,
    LegalInstrumentVersioned,
    PerformerApprovalEnded,
    PerformerApproved,
)
from ledger.events.directory import CheckpointPublished
from ledger.events.facts import FACTS, Fact, Record, UnknownFact, read_fact
from ledger.events.imports import ImportCompleted, ImportDeclared, ImportWithdrawn
from ledger.events.observers import (
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
    ExternalLogReconciled,
)
from ledger.events.oversight import (
    LegalHoldLifted,
    LegalHoldSet,
    MandateEnded,
    MandateGranted,
    ProceedingClosed,
    ProceedingOpened,
)
from ledger.events.register import (
    AgencyRegistered,
    AuthorizationGranted,
    SourceRegistered,
    TechnologyAliased,
    TechnologyRegistered,
)
from ledger.events.rule_packs import (
    RulePackActivated,
    RulePackDeactivated,
)
from ledger.events.sources import (
    CoverageGapDeclared,
    HeartbeatExpected,
    HeartbeatReceived,
    NilReturnAttested,
)
from ledger.events.statements import (
    AllegationAnswered,
    AllegationEvidenceAttached,
    AllegationMade,
    AllegationResolved,
    Coverage,
    Scope,
    StatementCorrected,
    StatementMade,
)
from ledger.events.technology import (
    TechnologyApproved,
    TechnologyAssessed,
    TechnologyResumed,
    TechnologyRetired,
    TechnologySuspended,
    TrialEnded,
    TrialStarted,
)
from ledger.events.tool_use import (
    Amendment,
    AuthorizationLinked,
    DataFlowReported,
    OutcomeReported,
    ResubmissionConflicted,
    ToolUseAmended,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.events.usage_index import UsageIndexCommitted
from ledger.events.values import Count, DataFlow, Interval, Occurred
from ledger.events.vendors import (
    HoldingConnected,
    HoldingEnded,
    HoldingRecorded,
    VendorIncidentReported,
)

__all__ = [
    "FACTS",
    "AgencyRegistered",
    "AllegationAnswered",
    "AllegationEvidenceAttached",
    "AllegationMade",
    "AllegationResolved",
    "Amendment",
    "AuthorizationGranted",
    "AuthorizationLinked",
    "AuthorizationRenewed",
    "AuthorizationRevoked",
    "AuthorizationVaried",
    "CheckpointPublished",
    "Count",
    "Coverage",
    "CoverageGapDeclared",
    "DataFlow",
    "DataFlowReported",
    "DiscrepancyFound",
    "DiscrepancyResolved",
    "ExternalLogImported",
    "ExternalLogReconciled",
    "Fact",
    "HeartbeatExpected",
    "HeartbeatReceived",
    "HoldingConnected",
    "HoldingEnded",
    "HoldingRecorded",
    "ImportCompleted",
    "ImportDeclared",
    "ImportWithdrawn",
    "Interval",
    "LegalHoldLifted",
    "LegalHoldSet",
    "LegalInstrumentRegistered",
    "LegalInstrumentVersioned",
    "MandateEnded",
    "MandateGranted",
    "NilReturnAttested",
    "Occurred",
    "OutcomeReported",
    "PerformerApprovalEnded",
    "PerformerApproved",
    "ProceedingClosed",
    "ProceedingOpened",
    "Record",
    "ResubmissionConflicted",
    "RulePackActivated",
    "RulePackDeactivated",
    "Scope",
    "SourceRegistered",
    "StatementCorrected",
    "StatementMade",
    "TechnologyAliased",
    "TechnologyApproved",
    "TechnologyAssessed",
    "TechnologyRegistered",
    "TechnologyResumed",
    "TechnologyRetired",
    "TechnologySuspended",
    "ToolUseAmended",
    "ToolUseReported",
    "ToolUseSameAs",
    "ToolUseWithdrawn",
    "TrialEnded",
    "TrialStarted",
    "UnknownFact",
    "UsageIndexCommitted",
    "VendorIncidentReported",
    "read_fact",
]
