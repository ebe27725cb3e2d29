"""What was an authorization, from its history? Periods, scopes, revocation: with their uncertainty.

    granted ─► renewed, varied … ─► revoked          Told … ──authority_of──► Authority

Nothing is judged here; verdicts.py asks what held at one moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.events import (
    AuthorizationGranted,
    AuthorizationRenewed,
    AuthorizationRevoked,
    AuthorizationVaried,
)
from ledger.projections.registers import Told
from ledger.projections.uses import OPEN_EARLIEST
from ledger.rules.moments import Span, effective, ends, exact

# In force from a day on; nobody grants them for a case.
IN_FORCE: Final = frozenset({"statute", "policy"})
ALWAYS: Final[Span] = (OPEN_EARLIEST, OPEN_EARLIEST)


@dataclass(frozen=True, slots=True)
class Period:
    """One interval of validity: the grant's own, or a renewal's.

    Members:
        valid: First and last moment.
        granted: When somebody granted it.
        officer: Who did, where that is shown.
    """

    valid: Span
    granted: Span
    officer: str | None


@dataclass(frozen=True, slots=True)
class ScopeSince:
    """What it allowed from some moment on; an empty member is not bounded."""

    since: Span
    technologies: tuple[str, ...]
    units: tuple[str, ...]
    offence_classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authority:
    """An authorization as its history tells it.

    Members:
        periods: In the order they were told; the grant's own is the first.
        scopes: Likewise.
        revoked: When, if it was.
        self_authorised: Declared so.
        leaves: All of its entries.
    """

    periods: tuple[Period, ...]
    scopes: tuple[ScopeSince, ...]
    revoked: Span | None
    self_authorised: bool
    leaves: tuple[int, ...]


def authority_of(history: Sequence[Told]) -> Authority | None:
    """Read a history, in leaf order; None where nothing was granted."""
    if not history or not isinstance(history[0].fact, AuthorizationGranted):
        return None
    grant = history[0].fact
    periods = [Period(ends(grant.valid), _granted(history[0], grant), _officer(history[0]))]
    scopes = [ScopeSince(ALWAYS, grant.technologies, grant.units, grant.offence_classes)]
    revoked: Span | None = None
    for told in history[1:]:
        fact = told.fact
        if isinstance(fact, AuthorizationRenewed):
            granted = _not_before(_granted(told, fact), periods[0].granted)
            periods.append(Period(ends(fact.valid), granted, _officer(told)))
        elif isinstance(fact, AuthorizationVaried):
            since = effective(fact.effective, told.recorded_us)
            scopes.append(ScopeSince(since, fact.technologies, fact.units, fact.offence_classes))
        elif isinstance(fact, AuthorizationRevoked) and revoked is None:
            revoked = effective(fact.effective, told.recorded_us)
    return Authority(
        tuple(periods),
        tuple(scopes),
        revoked,
        grant.self_authorisation is True,
        tuple(told.leaf_index for told in history),
    )


def _granted(told: Told, fact: AuthorizationGranted | AuthorizationRenewed) -> Span:
    if fact.granted_at is not None:
        return exact(fact.granted_at)
    if isinstance(fact, AuthorizationGranted) and fact.kind in IN_FORCE:
        return ALWAYS
    return effective(None, told.recorded_us)


def _not_before(granted: Span, original: Span) -> Span:
    """Nothing is renewed before it was granted."""
    return max(granted[0], original[0]), max(granted[1], original[0])


def _officer(told: Told) -> str | None:
    officer = told.shown.get("granting_officer")
    return officer if isinstance(officer, str) and officer else None


def granted_at(history: Sequence[Told], us: int) -> AuthorizationGranted:
    """The grant with the interval and scope that held at a moment, as far as they are certain.

    Args:
        history: Of an authorization that was granted.
    """
    authority, grant = authority_of(history), history[0].fact
    assert authority is not None, "it was granted"
    assert isinstance(grant, AuthorizationGranted)
    intervals = [grant.valid]
    intervals += [
        told.fact.valid for told in history if isinstance(told.fact, AuthorizationRenewed)
    ]
    holding = (
        interval
        for period, interval in zip(authority.periods, intervals, strict=True)
        if period.valid[0] <= us <= period.valid[1]
    )
    scope = [scope for scope in authority.scopes if us >= scope.since[1]][-1]
    return replace(
        grant,
        valid=next(holding, grant.valid),
        technologies=scope.technologies,
        units=scope.units,
        offence_classes=scope.offence_classes,
    )
