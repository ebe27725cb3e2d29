"""What is a caller told of an error? A code, a reason and facts for each of our classes.

A caller learns the field, the rule and the resource, never a protected value. Another class
is told of with `explain.register`. Source: AIP-193.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Final

import sqlalchemy.exc
from grpc import StatusCode

from ledger.domain.base import NotInState, NotRegistered
from ledger.errors import Malformed, Refused, Unverifiable
from ledger.evidence import OtherHistory, TooManyEntries
from ledger.inquiries.asked import ZoneDataMissing
from ledger.limits import MAX_BUNDLE_ENTRIES
from ledger.log import ConflictingResubmission
from ledger.rules.denials import Denial, listed
from ledger.rules.judgement import RuleTooLarge
from ledger.rules.packs import PackUnknown
from ledger.store.core import StoreUnavailable, StreamConflict
from ledger.store.moved import LedgerMoved
from ledger.store.view_aggregates import TooManyGroups
from ledger.streams import name_of_stream
from services.runtime.refusals import (
    CheckpointMissing,
    ContradictedByRecord,
    CoverageThin,
    Damaged,
    DeadlineOver,
    DirectoryLost,
    Draining,
    HistoryLost,
    LeafBeyondTree,
    LedgerBusy,
    LedgerNotHosted,
    NoQuorum,
    NotListed,
    NotPublished,
    NotReported,
    Overloaded,
    TreeSizeBeyondHead,
    Unauthenticated,
    Unconfirmed,
    UsageRootMissing,
    UsageRootNotKept,
    ViewsBehind,
)

_log: Final = logging.getLogger("candour.status")


@dataclass(frozen=True, slots=True)
class Explained:
    """What a caller is told.

    Members:
        code, message: For people.
        reason, metadata: For programs, as ErrorInfo.
        retry: True where the same request may succeed in a while.
        violation: Field and broken rule, as BadRequest.
    """

    code: StatusCode
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry: bool = False
    violation: tuple[str, str] | None = None


@singledispatch
def explain(error: Exception) -> Explained:
    """What to tell of an error; register more classes with `explain.register`."""
    incident = os.urandom(4).hex()
    # Its text may hold what a database was given, so neither caller nor log gets it.
    _log.error(
        "incident %s: unexpected %s\n%s",
        incident,
        type(error).__qualname__,
        "".join(traceback.format_tb(error.__traceback__)),
    )
    message = f"an error of the service itself; its log says more of incident {incident}"
    return Explained(StatusCode.INTERNAL, "INTERNAL", message, {"incident": incident})


@explain.register
def _(error: Malformed) -> Explained:
    code, violation = StatusCode.INVALID_ARGUMENT, (error.field, error.reason)
    return Explained(code, "MALFORMED", str(error), {"field": error.field}, violation=violation)


@explain.register
def _(error: NotRegistered) -> Explained:
    names = {"name": error.name}
    if error.name.startswith("agencies/"):  # only ever named beside what is asked for
        message = f"{error}: call RegistryService.RegisterAgency, then submit again"
        code = StatusCode.FAILED_PRECONDITION
        return Explained(code, "AGENCY_NOT_REGISTERED", message, names)
    return Explained(StatusCode.NOT_FOUND, "NOT_FOUND", str(error), names)


@explain.register
def _(error: ConflictingResubmission) -> Explained:
    facts = {"name": error.name, "leaf_index": str(error.leaf_index)}
    return Explained(StatusCode.ALREADY_EXISTS, "CONFLICTING_RESUBMISSION", str(error), facts)


@explain.register
def _(error: NotInState) -> Explained:
    facts = {
        "name": name_of_stream(error.stream),
        "state": error.state,
        "allowed": ",".join(error.allowed),
    }
    if error.track is not None:
        facts["track"] = error.track
    return Explained(StatusCode.FAILED_PRECONDITION, "NOT_IN_STATE", str(error), facts)


@explain.register
def _(error: StoreUnavailable) -> Explained:
    message = "the store is not available; submit again: what was recorded lands once"
    return Explained(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", message, retry=True)


@explain.register
def _(error: LedgerMoved) -> Explained:
    return Explained(StatusCode.UNAVAILABLE, "LEDGER_MOVED", str(error), retry=True)


@explain.register(sqlalchemy.exc.OperationalError)
@explain.register(sqlalchemy.exc.InterfaceError)
@explain.register(sqlalchemy.exc.TimeoutError)
def _(_error: Exception) -> Explained:
    message = "the views are not available; ask again"
    return Explained(StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", message, retry=True)


@explain.register
def _(error: Overloaded) -> Explained:
    facts = {"queued": str(error.queued)}
    return Explained(StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", str(error), facts, retry=True)


@explain.register
def _(error: LedgerBusy) -> Explained:
    facts = {"ledger": error.ledger, "calls": str(error.calls)}
    code = StatusCode.RESOURCE_EXHAUSTED
    return Explained(code, "LEDGER_BUSY", str(error), facts, retry=True)


@explain.register
def _(error: NotListed) -> Explained:
    return Explained(StatusCode.NOT_FOUND, "NOT_LISTED", str(error), {"ledger": error.ledger})


@explain.register
def _(error: Draining) -> Explained:
    return Explained(StatusCode.UNAVAILABLE, "DRAINING", str(error), retry=True)


@explain.register
def _(error: StreamConflict) -> Explained:
    facts = {"name": name_of_stream(error.stream)}
    message = f"others keep changing {facts['name']}; ask again"
    return Explained(StatusCode.ABORTED, "CONCURRENT_CHANGE", message, facts, retry=True)


@explain.register
def _(error: LeafBeyondTree) -> Explained:
    facts = {"tree_size": str(error.tree_size)}
    return Explained(StatusCode.OUT_OF_RANGE, "BEYOND_TREE", str(error), facts)


@explain.register
def _(error: TreeSizeBeyondHead) -> Explained:
    facts = {"tree_size": str(error.tree_size), "head": str(error.head)}
    return Explained(StatusCode.OUT_OF_RANGE, "BEYOND_HEAD", str(error), facts)


@explain.register
def _(error: ViewsBehind) -> Explained:
    facts = {"demanded": str(error.demanded), "held": str(error.held)}
    return Explained(StatusCode.UNAVAILABLE, "VIEWS_BEHIND", str(error), facts, retry=True)


@explain.register
def _(error: UsageRootMissing) -> Explained:
    facts = {"at_most": str(error.at_most), "least": str(error.least)}
    return Explained(StatusCode.NOT_FOUND, "USAGE_ROOT_MISSING", str(error), facts)


@explain.register
def _(error: UsageRootNotKept) -> Explained:
    sizes = {"at_most": error.at_most, "tree_size": error.tree_size}
    near = {"before": error.before, "after": error.after}
    facts = {name: str(size) for name, size in {**sizes, **near}.items() if size is not None}
    return Explained(StatusCode.NOT_FOUND, "USAGE_ROOT_NOT_KEPT", str(error), facts)


@explain.register
def _(error: NotPublished) -> Explained:
    facts = {"tree_size": str(error.tree_size)}
    return Explained(StatusCode.UNAVAILABLE, "NOT_PUBLISHED", str(error), facts, retry=True)


@explain.register
def _(error: CheckpointMissing) -> Explained:
    facts = {"tree_size": str(error.tree_size), "next_size": str(error.next_size or "")}
    return Explained(StatusCode.NOT_FOUND, "CHECKPOINT_MISSING", str(error), facts)


@explain.register
def _(error: OtherHistory) -> Explained:
    facts = {"tree_size": str(error.tree_size)}
    return Explained(StatusCode.FAILED_PRECONDITION, "OTHER_HISTORY", str(error), facts)


@explain.register
def _(error: NoQuorum) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "NO_QUORUM", str(error))


@explain.register
def _(error: HistoryLost) -> Explained:
    facts = {"signed_size": str(error.signed_size), "tree_size": str(error.tree_size)}
    return Explained(StatusCode.FAILED_PRECONDITION, "HISTORY_LOST", str(error), facts)


@explain.register
def _(error: DirectoryLost) -> Explained:
    facts = {"ledger": error.ledger, "tree_size": str(error.tree_size)}
    return Explained(StatusCode.FAILED_PRECONDITION, "DIRECTORY_LOST", str(error), facts)


@explain.register
def _(error: Unconfirmed) -> Explained:
    facts = {"witnesses": ",".join(error.silent)}
    return Explained(StatusCode.UNAVAILABLE, "UNCONFIRMED", str(error), facts, retry=True)


@explain.register
def _(error: TooManyGroups) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "TOO_MANY_GROUPS", str(error))


@explain.register
def _(error: PackUnknown) -> Explained:
    facts = {"pack": error.name, "version": error.version}
    return Explained(StatusCode.FAILED_PRECONDITION, "PACK_UNKNOWN", str(error), facts)


@explain.register
def _(error: RuleTooLarge) -> Explained:
    facts = {"rule": error.rule, "tests": str(error.tests)}
    return Explained(StatusCode.FAILED_PRECONDITION, "RULE_TOO_LARGE", str(error), facts)


@explain.register
def _(error: ZoneDataMissing) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "ZONE_DATA_MISSING", str(error))


@explain.register
def _(error: TooManyEntries) -> Explained:
    facts = {"most": str(MAX_BUNDLE_ENTRIES)}
    return Explained(StatusCode.FAILED_PRECONDITION, "TOO_MANY_ENTRIES", str(error), facts)


@explain.register
def _(error: LedgerNotHosted) -> Explained:
    facts = {"name": f"ledgers/{error.name}"}
    return Explained(StatusCode.NOT_FOUND, "LEDGER_NOT_FOUND", str(error), facts)


@explain.register
def _(error: NotReported) -> Explained:
    return Explained(StatusCode.NOT_FOUND, "NOT_REPORTED", str(error), {"source": error.source})


@explain.register
def _(error: CoverageThin) -> Explained:
    code = StatusCode.FAILED_PRECONDITION
    return Explained(code, "COVERAGE_THIN", str(error), _facts_of(error.denial))


@explain.register
def _(error: ContradictedByRecord) -> Explained:
    code = StatusCode.FAILED_PRECONDITION
    return Explained(code, "CONTRADICTED_BY_RECORD", str(error), _facts_of(error.denial))


def _facts_of(denial: Denial) -> dict[str, str]:
    """Numbers, and as many names as a trailer holds."""
    numbers = {
        "tree_size": denial.tree_size,
        "count": denial.count,
        "possible": denial.possible,
        "sighted": denial.sighted,
        "asked": denial.asked,
        "of": denial.of,
    }
    covered = denial.covered
    names = {
        "heard": covered.heard,
        "silent": covered.silent,
        "nil_returns": covered.nil_returns,
        "gaps": covered.gaps,
        "unconnected": covered.unconnected,
    }
    facts = {name: str(number) for name, number in numbers.items() if number is not None}
    return facts | {name: listed(some) for name, some in names.items() if some}


@explain.register
def _(error: Unauthenticated) -> Explained:
    return Explained(StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED", str(error))


@explain.register
def _(error: DeadlineOver) -> Explained:
    return Explained(StatusCode.DEADLINE_EXCEEDED, "DEADLINE_OVER", str(error))


@explain.register
def _(error: Damaged) -> Explained:
    return Explained(StatusCode.DATA_LOSS, "DAMAGED", str(error), {"what": error.what})


@explain.register
def _(error: Unverifiable) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "NOT_KNOWN_TO_THIS_RELEASE", str(error))


@explain.register
def _(error: Refused) -> Explained:
    return Explained(StatusCode.FAILED_PRECONDITION, "REFUSED", str(error))
