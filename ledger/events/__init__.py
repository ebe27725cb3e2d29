"""What happened? Facts in the past tense, one class a topic.

facts.py     the base, the register of topics, reading and writing
values.py    intervals, counts, data flows
tool_use.py  register.py  imports.py  usage_index.py
"""

from ledger.events.facts import FACTS, Fact, Record, UnknownFact, read_fact
from ledger.events.imports import ImportCompleted, ImportDeclared, ImportWithdrawn
from ledger.events.register import (
    AgencyRegistered,
    AuthorizationGranted,
    SourceRegistered,
    TechnologyAliased,
    TechnologyRegistered,
)
from ledger.events.tool_use import (
    AuthorizationLinked,
    ToolUseReported,
    ToolUseSameAs,
    ToolUseWithdrawn,
)
from ledger.events.usage_index import UsageIndexCommitted
from ledger.events.values import Count, DataFlow, Interval, Occurred

__all__ = [
    "FACTS",
    "AgencyRegistered",
    "AuthorizationGranted",
    "AuthorizationLinked",
    "Count",
    "DataFlow",
    "Fact",
    "ImportCompleted",
    "ImportDeclared",
    "ImportWithdrawn",
    "Interval",
    "Occurred",
    "Record",
    "SourceRegistered",
    "TechnologyAliased",
    "TechnologyRegistered",
    "ToolUseReported",
    "ToolUseSameAs",
    "ToolUseWithdrawn",
    "UnknownFact",
    "UsageIndexCommitted",
    "read_fact",
]
