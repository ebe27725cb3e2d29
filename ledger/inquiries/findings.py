"""What do the rules find? Every rule of every active pack, a page at a time; numbered 0.

active packs at N ─► rules asked for ─► their uses, or cases of patterns and registers ─► findings

Pack by pack, rule by rule; of each rule certain findings first, by time. `rules` counts all.
Nothing is stored: the same entries give the same findings, byte for byte (docs/adr/0020).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ledger.errors import Malformed
from ledger.inquiries.answering import UNKNOWN_TIMES, answered
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, Counted, Differing
from ledger.inquiries.kinds import Answer, Inquiry
from ledger.inquiries.told import judged_statement
from ledger.limits import MAX_BASIS, MAX_PATTERNS
from ledger.projections.questions import AUTHORITY_RESTS_ON
from ledger.rules.active import ActivePack, active_packs
from ledger.rules.compiling import compile_rule, scope_of
from ledger.rules.findings import Finding, finding_on, findings_on_uses
from ledger.rules.judgement import ALWAYS, Judgement, all_of, not_, says, says_any
from ledger.rules.kinds import (
    Context,
    Hit,
    JudgedStatement,
    PatternPredicate,
    RegisterPredicate,
    UsePredicate,
)
from ledger.rules.packs import Rule
from ledger.rules.statements import made_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsInquiry(Inquiry):
    """All findings, or those of an agency, a rule, a severity, a pack."""

    def protected(self, asked: Asked) -> frozenset[str]:
        return Inquiry.protected(self, asked) | AUTHORITY_RESTS_ON | {"case_number", "reason"}

    def answer(self, asker: Asker, asked: Asked) -> Answer:
        skip = _to_skip(asked)
        rules: list[dict[str, Any]] = []
        shown: list[Finding] = []
        more = False
        total = Counted(0, 0)
        for active, rule in chosen(asker, asked):
            found = RuleFindings(asker, asked, active, rule)
            counted = found.counted()
            if counted == Counted(0, 0):
                continue
            total = Counted(total.count + counted.count, total.possible + counted.possible)
            rules.append(_rule_object(active, rule, counted))
            size = counted.count + counted.possible
            if skip >= size:
                skip -= size
            elif len(shown) < asked.limit:
                page = found.page(skip, asked.limit - len(shown))
                shown += page
                more = more or skip + len(page) < size
                skip = 0
            else:
                more = True
        ended = _to_skip(asked) + len(shown)
        caveats = ["a finding is a rule's judgement on what is recorded, not a verdict on anybody"]
        if total.possible:
            caveats.append(UNKNOWN_TIMES)
        return answered(
            asked,
            self.text,
            "yes" if total.count else ("possibly" if total.possible else "no"),
            [leaf for finding in shown for leaf in finding.leaves],
            count=total.count,
            possible=total.possible,
            rules=rules,
            findings=[finding.to_object() for finding in shown],
            next=f"0/0/{ended}" if more and ended <= MAX_BASIS else None,
            caveats=caveats,
        )


def chosen(asker: Asker, asked: Asked) -> Iterator[tuple[ActivePack, Rule]]:
    """The rules that are asked for."""
    code, severity, pack = (asked.text(name) for name in ("code", "severity", "pack"))
    for active in active_packs(asker.registers(), asked.text("agency")):
        if pack in (None, active.pack.name, f"{active.pack.name}/{active.pack.version}"):
            for rule in active.pack.rules:
                if code in (None, rule.code) and severity in (None, rule.severity):
                    yield active, rule


class RuleFindings:
    """What one rule finds."""

    def __init__(self, asker: Asker, asked: Asked, active: ActivePack, rule: Rule) -> None:
        self._asker, self._active, self._rule = asker, active, rule
        self._agency = asked.text("agency")
        self._hits: list[Hit] | None = None
        self._judgement: Judgement | None = None
        if isinstance(rule.predicate, UsePredicate):
            context = self._context()
            self._judgement = compile_rule(active, rule, asker.registers(), context)
        else:
            self._hits = self._found()

    def counted(self) -> Counted:
        if self._judgement is not None:
            return self._asker.count(self._judgement, grace_us=self._active.pack.grace_us)
        assert self._hits is not None
        certain = sum(hit.certain for hit in self._hits)
        return Counted(certain, len(self._hits) - certain)

    def page(self, skip: int, limit: int) -> list[Finding]:
        """Some of them, from the `skip`th on."""
        if self._judgement is None:
            assert self._hits is not None
            part = self._hits[skip : skip + limit]
            return [finding_on(self._active.pack, self._rule, hit) for hit in part]
        grace_us = self._active.pack.grace_us
        uses = self._asker.uses(self._judgement, skip + limit, grace_us=grace_us)[skip:]
        verdicts = {one.row.use: one.verdicts for one in uses}
        certain = {one.row.use: one.certain for one in uses}
        return list(
            findings_on_uses(
                self._active.pack,
                self._rule,
                self._judgement,
                self._asker.registers(),
                [(one.row, certain[one.row.use]) for one in uses],
                lambda row: verdicts[row.use],
            )
        )

    def _context(self) -> Context:
        context = Context(agency=self._agency)
        if self._rule.predicate.name == "unknown_name":
            scope = scope_of(self._active, self._asker.registers())
            return replace(context, cited=frozenset(self._asker.cited(self._narrowed(scope))))
        return context

    def _narrowed(self, scope: Judgement) -> Judgement:
        parts = [scope] if self._agency is None else [scope, says("agency", self._agency)]
        return all_of(parts)

    def _found(self) -> list[Hit]:
        predicate, parameters = self._rule.predicate, self._rule.parameters
        if isinstance(predicate, PatternPredicate):
            scope = _agencies_of(self._active)
            return self._asker.patterns(predicate, parameters, self._narrowed(scope))
        assert isinstance(predicate, RegisterPredicate)
        context = self._register_context(predicate.name, parameters)
        hits = predicate.find(self._asker.registers(), parameters, context)
        theirs = [hit for hit in hits if hit.agency is None or self._active.judges(hit.agency)]
        return sorted(theirs, key=lambda hit: (not hit.certain, hit.leaves, hit.subject))

    def _register_context(self, name: str, parameters: Mapping[str, Any]) -> Context:
        context = Context(agency=self._agency)
        if name == "source_silent":
            heard = Heard(self._asker)
            return replace(context, as_of_us=self._asker.as_of_us(), heard=heard)
        if name in ("unreported_use", "flattened_or_masked"):
            wanted = Differing(agency=self._agency, kinds=tuple(parameters["kinds"]), open=True)
            return replace(
                context, discrepancies=dict(self._asker.differences(wanted, MAX_PATTERNS))
            )
        if name == "statement_contradicted":
            return replace(context, statements=list(_judged(self._asker)))
        return context


class Heard(Mapping[str, Any]):
    """When sources were heard, asked for one by one: most rules need none of it."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def __getitem__(self, source: str) -> Any:
        return self._asker.heard(source)

    def __iter__(self) -> Iterator[str]:
        return iter(self._asker.registers().names("source"))

    def __len__(self) -> int:
        return len(self._asker.registers().names("source"))


def _agencies_of(active: ActivePack) -> Judgement:
    """Uses of the agencies that a pack judges: patterns have no other bounds."""
    if active.agencies is not None:
        return says_any("agency", active.agencies)
    return not_(says_any("agency", active.others)) if active.others else ALWAYS


def _judged(asker: Asker) -> Iterator[JudgedStatement]:
    registers = asker.registers()
    for name in registers.names("statement"):
        judged = judged_statement(asker, name)
        statement, _told, _made = made_of(registers.history(name))
        lags = [one["lag_s"] for one in judged["verdicts"] if "lag_s" in one]
        yield JudgedStatement(
            statement=name,
            agency=statement.scope.agency,
            codes=tuple(judged["codes"]),
            leaves=tuple(judged["basis"]),
            lag_us=min(lags) * 1_000_000 if lags else None,
            certain=tuple(one["code"] for one in judged["verdicts"] if one["certain"]),
        )


def _rule_object(active: ActivePack, rule: Rule, counted: Counted) -> dict[str, Any]:
    found = {
        **{name: getattr(rule, name) for name in ("code", "title", "severity")},
        "pack": f"{active.pack.name}/{active.pack.version}",
        "count": counted.count,
        "possible": counted.possible,
    }
    return found | ({"legal_reference": rule.legal_reference} if rule.legal_reference else {})


def _to_skip(asked: Asked) -> int:
    """How many findings the pages before held. Raises Malformed."""
    after = asked.after
    if after is None:
        return 0
    if after[:2] != (0, 0) or not 0 <= after.first <= MAX_BASIS:
        raise Malformed("after", "must be the `next` of an answer; narrow the question for more")
    return after.first
