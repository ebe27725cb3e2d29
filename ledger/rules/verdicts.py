"""Did a valid authority cover this use, and was it there beforehand? Ten codes, never typed in.

    UseRow, Citation, history of the authorization ──verdict──► Verdict ──with_grace──► Verdict
                                    all of a use's ──authority_of_use──► Verdict

At a moment t of the use, the first line that holds decides:

| code            | holds where                                                             | from       |
|-----------------|-------------------------------------------------------------------------|------------|
| none            | the use cites nothing                                                   | use        |
| unknown         | the register has no such grant                                          | register   |
| revoked         | t is at or after the moment the revocation took effect                  | world time |
| not_yet_valid   | t lies before every interval of validity, renewals included             | world time |
| expired         | t lies in none of them, and after one                                   | world time |
| out_of_scope    | technology, unit or offence class lies outside the scope in force at t  | world time |
| self_authorised | declared so, or the granting officer that is shown is the performer     | what is shown |
| attached_late   | it was granted after t, or linked after t by a later entry              | both       |
| valid_before    | none of these                                                           | both       |

* The use's time, a revocation's, a variation's and a grant's may be known only as a span. Each
  moment of the use at which anything may change is tried: one code for all, or `unknown`.
* A fact whose moment nobody told had come about when it was recorded (moments.py). A statute or a
  policy that says no `granted_at` was in force as long as it is valid.
* Of several intervals that hold t, the one told first counts, and a renewal is never older than its
  grant. So no later entry of a register turns `valid_before` into `attached_late`, or back.
* A scope is bounded by what it names; a use that does not say its unit is then `unknown`.
* `lag_us`: from the use's latest end to the link's record or to the grant, whichever is later; it
  stands with every code but `none` and `unknown`, wherever one of the two came after the use.
* Whose authorization it is, its places and its subjects are not judged.

`ratified_in_grace` is the tenth: an `attached_late` whose lag a rule pack allows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ledger.projections.registers import Told
from ledger.projections.uses import UseRow
from ledger.rules.authority import Authority, Period, ScopeSince, authority_of
from ledger.rules.citations import Citation
from ledger.rules.moments import is_at_or_after, of_use

# From the best to the worst that can be said of a use as a whole; `unknown` may be any but the first.
CODES: Final = (
    *("valid_before", "unknown", "ratified_in_grace", "attached_late", "self_authorised"),
    *("out_of_scope", "expired", "not_yet_valid", "revoked", "none"),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one authorization that a use cites, or of a use as a whole.

    Members:
        code: One of CODES.
        authorization: Its name; None where none is cited.
        lag_us: How long after the use it was granted or linked, if it was; above 0.
        leaves: Leaf indexes of the entries it rests on, rising.
    """

    code: str
    authorization: str | None
    lag_us: int | None
    leaves: tuple[int, ...]


def verdict(
    use: UseRow,
    citation: Citation,
    history: Sequence[Told],
    *,
    aliases: Mapping[str, tuple[str, ...]],
    known_as: Collection[str] = (),
) -> Verdict:
    """Judge one citation.

    Args:
        history: All that was told of the authorization, in leaf order; empty if nothing was.
        aliases: Technology to all names of the same one, itself included.
        known_as: What the use shows of its performer, beside the pseudonym: name, badge.
    """
    authority = authority_of(history)
    leaves = {use.first, citation.leaf_index, *(told.leaf_index for told in history)}
    if use.amendments:
        leaves.add(use.since)
    rests_on = tuple(sorted(leaves))
    if authority is None:
        return Verdict("unknown", citation.authorization, None, rests_on)
    judge = _Judge(use, citation, authority, aliases, frozenset(known_as))
    codes = {code for us in judge.moments() for code in judge.codes_at(us)}
    code = codes.pop() if len(codes) == 1 else "unknown"
    lag_us = None if code == "unknown" else judge.lag_us()
    return Verdict(code, citation.authorization, lag_us, rests_on)


def with_grace(found: Verdict, grace_us: int) -> Verdict:
    """The verdict under a rule pack that allows an authority to follow within some time."""
    if found.code == "attached_late" and found.lag_us is not None and found.lag_us <= grace_us:
        return replace(found, code="ratified_in_grace")
    return found


def authority_of_use(use: UseRow, found: Iterable[Verdict]) -> Verdict:
    """The verdict on a use as a whole: the best of its citations.

    One valid authority is enough. Where there is none, but something cannot be told, the whole
    cannot be told.
    """
    best = min(found, key=_rank, default=None)
    return best or Verdict("none", None, None, (use.first,))


def _rank(found: Verdict) -> tuple[int, int]:
    return CODES.index(found.code), found.lag_us or 0


@dataclass(frozen=True, slots=True)
class _Judge:
    """One use under one authority."""

    use: UseRow
    citation: Citation
    authority: Authority
    aliases: Mapping[str, tuple[str, ...]]
    known_as: frozenset[str]

    def moments(self) -> Iterator[int]:
        """Moments of the use, at least one for each stretch in which nothing changes."""
        first, last = of_use(self.use)
        yield first
        if first == last:
            return
        yield last
        edges = {edge for period in self.authority.periods for edge in period.valid}
        edges |= {edge for period in self.authority.periods for edge in period.granted}
        edges |= {edge for scope in self.authority.scopes for edge in scope.since}
        edges |= {*(self.authority.revoked or ()), self.citation.recorded_us}
        for edge in edges:
            for us in (edge - 1, edge, edge + 1):
                if first < us < last:
                    yield us

    def codes_at(self, us: int) -> Iterator[str]:
        """Every code that may hold if the use took place at this moment; one, if all is known."""
        authority = self.authority
        revoked = authority.revoked is not None and is_at_or_after(us, authority.revoked)
        if revoked is not False:
            yield "revoked"
            if revoked:
                return
        period = self._period_at(us)
        if period is None:
            began = any(period.valid[0] <= us for period in authority.periods)
            yield "expired" if began else "not_yet_valid"
            return
        within = self._within_scope(us)
        if within is not True:
            yield "out_of_scope"
            if within is False:
                return
        if authority.self_authorised or self._granted_by_performer(period):
            yield "self_authorised"
            return
        late = self._late(us, period)
        if late is not False:
            yield "attached_late"
        if late is not True:
            yield "valid_before"

    def lag_us(self) -> int | None:
        """How long after the use's latest end it was certainly linked or granted."""
        latest = of_use(self.use)[1]
        period = self._period_at(latest) or self.authority.periods[0]
        linked = latest if self.citation.reported else self.citation.recorded_us
        lag = max(linked, period.granted[0]) - latest
        return lag if lag > 0 else None

    def _period_at(self, us: int) -> Period | None:
        """Of the intervals that hold a moment, the one told first."""
        holding = (p for p in self.authority.periods if p.valid[0] <= us <= p.valid[1])
        return next(holding, None)

    def _late(self, us: int, period: Period) -> bool | None:
        if not self.citation.reported and self.citation.recorded_us > us:
            return True
        before = is_at_or_after(us, period.granted)
        return None if before is None else not before

    def _within_scope(self, us: int) -> bool | None:
        """Does the scope in force allow the use? The last that took effect is in force."""
        verdicts: set[bool | None] = set()
        for scope in reversed(self.authority.scopes):
            in_force = is_at_or_after(us, scope.since)
            if in_force is not False:
                verdicts.add(self._allows(scope))
            if in_force:
                break
        return verdicts.pop() if len(verdicts) == 1 else None

    def _allows(self, scope: ScopeSince) -> bool | None:
        technology = self.use.technology
        names = () if technology is None else self.aliases.get(technology, (technology,))
        each = (
            _holds(scope.technologies, names),
            _holds(scope.units, _texts(self.use.unit)),
            _holds(scope.offence_classes, _texts(self.use.offence_class)),
        )
        if False in each:
            return False
        return None if None in each else True

    def _granted_by_performer(self, period: Period) -> bool:
        officer = period.officer
        return officer is not None and (officer == self.use.performer or officer in self.known_as)


def _texts(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)


def _holds(bounds: tuple[str, ...], said: tuple[str, ...]) -> bool | None:
    """Is what a use says within these bounds? None where it says nothing."""
    if not bounds:
        return True
    return any(text in bounds for text in said) if said else None
