"""Who used which technology, when, under what authority? The facts of a tool use.

Everything that names a person, a case, a subject or a search stands in the entry's
`protected` member as a commitment (ledger/disclosure.py), never here.

Source: PROV Activity and CASE InvestigativeAction for the shape; docs/glossary.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from ledger.events.facts import Fact, Record, fact
from ledger.events.values import Count, DataFlow, Interval, Occurred

ACQUISITIONS: Final = (
    "procured",
    "free_trial",
    "demo",
    "personal_account",
    "shared",
    "vendor_performed",
)
TRIGGERS: Final = ("human", "automated_alert", "api", "scheduled")
CREDENTIAL_STRENGTHS: Final = ("none", "password", "multi_factor", "hardware_key", "shared_account")
OUTCOMES: Final = ("none", "lead", "identification", "arrest", "rescue", "wrong_person")
CAPTURES: Final = ("live", "backfill")

# The protected fields a tool use may commit to.
PROTECTED_FIELDS: Final = (
    "performer",  # the ledger's pseudonym: "p-" and 32 hex digits
    "performer_identity",  # user id, name, badge, where there is no source record to hold them
    "supervisor",
    "verifiers",
    "case_number",
    "subject",
    "object",
    "reason",
    "urgency_reason",
    "claimed_basis",
    "occurred_text",
    "source_event_id",
    "source_record",
)


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUseReported(Fact):
    """A system reported one use of one technology. Stream `tool_use/<uuid>`, version 1."""

    TOPIC: ClassVar[str] = "tool_use.reported.v1"

    agency: str
    authorizations: tuple[str, ...] = ()
    technology: str | None = None
    occurred: Occurred | None = None
    technology_version: str | None = None
    capability: str | None = None
    acquisition: str | None = None
    trigger: str | None = None
    credential_strength: str | None = None
    unit: str | None = None
    performer_role: str | None = None
    performers: Count | None = None  # where only their number is known: "at least one"
    urgency_used: bool | None = None
    purpose: str | None = None
    offence_class: str | None = None
    object_category: str | None = None
    objects: Count | None = None
    reference_database: str | None = None
    window_requested: Interval | None = None
    window_returned: Interval | None = None
    networks_searched: Count | None = None
    devices_searched: Count | None = None
    data_flows: tuple[DataFlow, ...] | None = None
    outcome: str | None = None
    moderation: str | None = None
    source_sequence: int | None = None
    import_: str | None = None  # the file it came in with; `import` in the entry


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationLinked(Fact):
    """A register entry of authority was linked to a use, after the report.

    Carries what the use stood under before, so that this entry alone says which
    answers it changes. Stream: the use's.
    """

    TOPIC: ClassVar[str] = "authorization.linked_to_use.v1"

    authorization: str
    agency: str
    authorizations_before: tuple[str, ...] = ()
    technology: str | None = None
    occurred: Occurred | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUseWithdrawn(Fact):
    """The report was wrong and no longer counts; it stays in the log. Stream: the use's.

    The reason in words is protected; `code` says its kind.
    """

    TOPIC: ClassVar[str] = "tool_use.withdrawn.v1"

    agency: str
    code: str | None = None
    authorizations_before: tuple[str, ...] = ()
    technology: str | None = None
    occurred: Occurred | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUseSameAs(Fact):
    """This report tells of a search that another report already holds. Stream: the use's.

    `same_as` names the stream that goes on counting (`tool_use/<uuid>`).
    """

    TOPIC: ClassVar[str] = "tool_use.same_as.v1"

    same_as: str
    agency: str
    authorizations_before: tuple[str, ...] = ()
    technology: str | None = None
    occurred: Occurred | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ResubmissionConflicted(Fact):
    """Its source used the id of this report for another content, which was refused.

    Stream: the first report's, which stands as it was. `differing` names members, in the clear
    and protected ones alike, without their values. Whose report it was, and when it came, says
    the envelope. Protected: `content`, a keyed digest of what was said (ledger/identity.py).
    """

    TOPIC: ClassVar[str] = "tool_use.resubmission_conflicted.v1"

    differing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment(Record):
    """What a use is to say from now on; a member that is absent stays as it was."""

    technology: str | None = None
    occurred: Occurred | None = None
    technology_version: str | None = None
    capability: str | None = None
    acquisition: str | None = None
    trigger: str | None = None
    credential_strength: str | None = None
    unit: str | None = None
    performer_role: str | None = None
    urgency_used: bool | None = None
    purpose: str | None = None
    offence_class: str | None = None
    object_category: str | None = None
    objects: Count | None = None
    reference_database: str | None = None
    window_requested: Interval | None = None
    window_returned: Interval | None = None
    networks_searched: Count | None = None
    devices_searched: Count | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUseAmended(Fact):
    """The report is put right; what it said first stays in the log. Stream: the use's.

    Like every change it carries what the use stood under before: `agency`, `technology`,
    `occurred` and `authorizations_before` are the old ones. `unset` names members that are
    unknown from now on. Protected fields may be given anew (`performer`, `reason`, …), and the
    reason for the amendment is protected (`amendment_reason`); `code` says its kind.
    """

    TOPIC: ClassVar[str] = "tool_use.amended.v1"

    agency: str
    to: Amendment
    code: str | None = None
    unset: tuple[str, ...] = ()
    authorizations_before: tuple[str, ...] = ()
    technology: str | None = None
    occurred: Occurred | None = None


def after_amendment(fact: ToolUseAmended) -> tuple[str | None, Occurred | None]:
    """Technology and time of a use once it is amended."""
    technology = fact.technology if fact.to.technology is None else fact.to.technology
    occurred = fact.occurred if fact.to.occurred is None else fact.to.occurred
    return (
        None if "technology" in fact.unset else technology,
        None if "occurred" in fact.unset else occurred,
    )


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReported(Fact):
    """What came of a use, told after the report. Verifiers are protected (`verifiers`).

    `human_verified` says whether a person checked the result before it was acted on.
    """

    TOPIC: ClassVar[str] = "tool_use.outcome_reported.v1"

    outcome: str
    human_verified: bool | None = None
    at: Occurred | None = None


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class DataFlowReported(Fact):
    """Where data of a use went, told after the report; these are added to those known."""

    TOPIC: ClassVar[str] = "tool_use.data_flow_reported.v1"

    data_flows: tuple[DataFlow, ...]
