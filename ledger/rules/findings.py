"""What do the rules find? Every rule of every active pack, over registers and uses; in one order.

    ActivePack, Registers ──compile_rule──► Judgement ──judge each use──► Finding, certain or possible
                          ──patterns, registers──► Hit ──► Finding

Pure, so that a verifier gets the same findings from the same entries, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from ledger.canonical_json import JsonValue
from ledger.filters import TextTest
from ledger.limits import MAX_FINDING_LEAVES
from ledger.projections.questions import judge
from ledger.projections.registers import Registers
from ledger.projections.uses import UseRow
from ledger.rules.active import ActivePack
from ledger.rules.compiling import compile_rule
from ledger.rules.judgement import Basis, Judgement
from ledger.rules.kinds import Context, Hit, PatternPredicate, RegisterPredicate, UsePredicate
from ledger.rules.packs import Pack, Rule
from ledger.rules.verdicts import Verdict, with_grace
from ledger.streams import name_of_stream

Verdicts: TypeAlias = Callable[[UseRow], Sequence[Verdict]]
AUTHORITY: Final = ("authority_is", "no_authority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule's judgement on one use, or on something of the registers.

    Members:
        code, title, severity, legal_reference, note: The rule's.
        pack, version: Which pack it stands in.
        subject: `toolUses/…`, or another resource name.
        agency: Whose it is, if anybody's.
        certain: False where what is not known could make it otherwise.
        leaves: Leaf indexes of the entries it rests on, rising; MAX_FINDING_LEAVES at most.
        detail: What more there is: lags, counts, names.
    """

    code: str
    title: str
    severity: str
    legal_reference: str
    note: str
    pack: str
    version: str
    subject: str
    agency: str | None
    certain: bool
    leaves: tuple[int, ...]
    detail: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))

    def to_object(self) -> dict[str, Any]:
        """As JSON; what is empty is absent."""
        found: dict[str, Any] = {
            **{name: getattr(self, name) for name in ("code", "title", "severity")},
            **{name: getattr(self, name) for name in ("pack", "version", "subject", "certain")},
            "leaf_indexes": list(self.leaves),
        }
        for name in ("agency", "legal_reference", "note"):
            if value := getattr(self, name):
                found[name] = value
        return found | ({"detail": dict(self.detail)} if self.detail else {})


def findings_of(
    packs: Sequence[ActivePack],
    registers: Registers,
    uses: Sequence[UseRow],
    verdicts: Verdicts,
    context: Context,
) -> list[Finding]:
    """All findings: pack by pack, rule by rule, each by leaf index, then by name.

    Args:
        uses: Those that count, in leaf order.
        verdicts: The verdicts on what a use cites, without grace (rules.verdicts.verdict).
        context: With `cited`, where a rule asks for names that are not registered.
    Raises:
        RuleTooLarge: A rule needs more conditions than can be judged.
    """
    return [
        finding
        for active in packs
        for rule in active.pack.rules
        for finding in findings_of_rule(active, rule, registers, uses, verdicts, context)
    ]


def findings_of_rule(
    active: ActivePack,
    rule: Rule,
    registers: Registers,
    uses: Sequence[UseRow],
    verdicts: Verdicts,
    context: Context,
) -> Iterator[Finding]:
    """The findings of one rule, as `findings_of` says."""
    pack = active.pack
    if isinstance(rule.predicate, UsePredicate):
        judgement = compile_rule(active, rule, registers, context)
        yield from _on_uses(pack, rule, judgement, registers, uses, verdicts)
        return
    if isinstance(rule.predicate, PatternPredicate):
        theirs = [use for use in uses if active.judges(use.agency)]
        hits = rule.predicate.find(theirs, registers, rule.parameters)
    else:
        assert isinstance(rule.predicate, RegisterPredicate)
        found = rule.predicate.find(registers, rule.parameters, context)
        hits = [hit for hit in found if hit.agency is None or active.judges(hit.agency)]
    for hit in sorted(hits, key=lambda hit: (hit.leaves, hit.subject, repr(hit.detail))):
        yield finding_on(pack, rule, hit)


def _on_uses(
    pack: Pack,
    rule: Rule,
    judgement: Judgement,
    registers: Registers,
    uses: Sequence[UseRow],
    verdicts: Verdicts,
) -> Iterator[Finding]:
    aliases = registers.aliases.groups()

    def codes(use: UseRow) -> tuple[str, ...]:
        return tuple(with_grace(verdict, pack.grace_us).code for verdict in verdicts(use))

    found = [
        (use, judge(judgement.certain, use, aliases, codes) is True)
        for use in uses
        if judge(judgement.possible, use, aliases, codes) is not False
    ]
    yield from findings_on_uses(pack, rule, judgement, registers, found, verdicts)


def findings_on_uses(
    pack: Pack,
    rule: Rule,
    judgement: Judgement,
    registers: Registers,
    uses: Iterable[tuple[UseRow, bool]],
    verdicts: Verdicts,
) -> Iterator[Finding]:
    """The findings of a rule about single uses.

    Args:
        judgement: The rule, compiled.
        uses: Those it finds, each with whether it does for certain.
        verdicts: As of `findings_of`.
    """
    aliases = registers.aliases.groups()
    of_agencies, others = _bases(judgement)

    def graced(use: UseRow) -> list[Verdict]:
        return [with_grace(verdict, pack.grace_us) for verdict in verdicts(use)]

    def codes(use: UseRow) -> tuple[str, ...]:
        return tuple(verdict.code for verdict in graced(use))

    for use, certain in uses:
        leaves = {use.first, use.since, *of_agencies.get(use.agency, ())}
        for basis in others:
            if judge(basis.when, use, aliases, codes) is not False:
                leaves.update(basis.leaves)
        detail: dict[str, Any] = {}
        if rule.predicate.name in AUTHORITY:
            found = graced(use)
            leaves.update(leaf for verdict in found for leaf in verdict.leaves)
            detail = _cited(found)
        hit = Hit(
            subject=name_of_stream(use.use),
            agency=use.agency,
            leaves=tuple(sorted(leaves))[:MAX_FINDING_LEAVES],
            certain=certain,
            detail=detail,
        )
        yield finding_on(pack, rule, hit)


def _bases(judgement: Judgement) -> tuple[dict[str, set[int]], list[Basis]]:
    """What a rule rests on: for the uses of one agency, of which there may be thousands; and else."""
    of_agencies: dict[str, set[int]] = {}
    others: list[Basis] = []
    for basis in judgement.basis:
        match basis.when:
            case TextTest("agency", "=", str(agency)):
                of_agencies.setdefault(agency, set()).update(basis.leaves)
            case _:
                others.append(basis)
    return of_agencies, others


def _cited(found: Sequence[Verdict]) -> dict[str, Any]:
    """What a finding on authority says of each that the use cites."""
    cited = [
        {"authorization": verdict.authorization, "verdict": verdict.code}
        | ({} if verdict.lag_us is None else {"lag_s": verdict.lag_us // 1_000_000})
        for verdict in found
    ]
    return {"authority": cited} if cited else {}


def finding_on(pack: Pack, rule: Rule, hit: Hit) -> Finding:
    """One case as a finding of a rule."""
    return Finding(
        code=rule.code,
        title=rule.title,
        severity=rule.severity,
        legal_reference=rule.legal_reference,
        note=rule.note,
        pack=pack.name,
        version=pack.version,
        subject=hit.subject,
        agency=hit.agency,
        certain=hit.certain,
        leaves=hit.leaves,
        detail=hit.detail,
    )
