"""Answers from the registers: coverage, statements, records of many uses, other people's logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
)
from ledger.events.observers import DISCREPANCIES
from ledger.events.statements import Scope
from ledger.inquiries.answering import (
    ONLY_THE_LEDGER,
    counted_object,
    groups_object,
    judged_object,
)
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, JudgedUse
from ledger.inquiries.finding import by_rule, in_scope, rules_of
from ledger.inquiries.scoping import scope_in_words
from ledger.limits import MAX_ANSWER_USES, MAX_STATEMENT_USES
from ledger.projections.registers import Told
from ledger.rules.coverage import coverage_of
from ledger.rules.judgement import Judgement, above, all_of, exactly
from ledger.rules.kinds import Hit, PatternPredicate, UsePredicate
from ledger.rules.moments import Span
from ledger.rules.predicates import PREDICATES
from ledger.rules.statements import Sighting, corrections, judge_statement, made_of, scope_query
from ledger.times import text_of_us

Answered = Mapping[str, Any]


def what_a_no_covers(asker: Asker, asked: Asked) -> Answered:
    """Question 2."""
    uses = asker.uses(in_scope(asker, asked), MAX_ANSWER_USES)
    found = coverage_of(asker.registers(), scope_in_words(asked), [one.row for one in uses])
    return {
        "value": "thin" if found.thin else "covered",
        "basis": found.leaves,
        "coverage": found.to_object(),
        "caveats": [ONLY_THE_LEDGER],
    }


# --- statements -----------------------------------------------------------------
def statements(asker: Asker, asked: Asked) -> Answered:
    """Question 3: every statement in scope, judged."""
    registers = asker.registers()
    wanted, agency = asked.text("statement"), asked.text("agency")
    shown: list[dict[str, Any]] = []
    basis: set[int] = set()
    for name in registers.names("statement"):
        statement, _told, _made = made_of(registers.history(name))
        if wanted is not None and name != wanted:
            continue
        if agency is not None and statement.scope.agency not in (None, agency):
            continue
        judged = judged_statement(asker, name)
        basis |= set(judged.pop("basis"))
        shown.append(judged)
    contradicted = [one for one in shown if any("contradicted" in code for code in one["codes"])]
    return {
        "value": "yes" if contradicted else "no",
        "basis": basis,
        "statements": shown,
        "caveats": [
            "this judges what the record held, never what a speaker knew",
            "order is told by the tree where the statement names a tree size, else by the "
            "operator's clock",
        ],
    }


def judged_statement(asker: Asker, name: str) -> dict[str, Any]:
    """One statement with its verdicts; `basis` are the entries it rests on."""
    registers = asker.registers()
    history = registers.history(name)
    statement, told, made = made_of(history)
    found = exactly(scope_query(statement.scope, made, registers))
    matched = asker.uses(found, MAX_STATEMENT_USES)
    sightings = list(_sightings(asker, statement.scope))
    cover = coverage_of(registers, statement.scope, [one.row for one in matched])
    verdicts = judge_statement(
        history, [(one.row, one.certain) for one in matched], sightings, cover
    )
    leaves = {told.leaf_index for told in history} | set(cover.leaves)
    leaves |= {leaf for verdict in verdicts for leaf in verdict.leaves}
    lags = [verdict.lag_us for verdict in verdicts if verdict.lag_us is not None]
    shown: dict[str, Any] = {
        "name": name,
        "polarity": statement.polarity,
        "scope": statement.scope.to_object(),
        "made": _span_object(made),
        "recorded_at": text_of_us(told.recorded_us),
        "codes": [verdict.code for verdict in verdicts],
        "verdicts": [verdict.to_object() for verdict in verdicts],
        "coverage": cover.to_object(),
        "corrected_by": [one.leaf_index for one in corrections(history)],
        "basis": sorted(leaves),
    }
    if lags:
        shown["lag_s"] = min(lags) // 1_000_000
    for member in ("quote", "speaker_role", "audience", "source_url"):
        if (value := getattr(statement, member)) is not None:
            shown[member] = value
    return shown


def _sightings(asker: Asker, scope: Scope) -> Iterator[Sighting]:
    """Unreported uses in scope that another observer's log has; a resolved one counts no more."""
    group = asker.registers().aliases.group(scope.technology or "")
    for name, history in asker.discrepancies().items():
        fact = history[0].fact
        if not isinstance(fact, DiscrepancyFound) or fact.kind != "missing_here":
            continue
        if scope.agency not in (None, fact.agency):
            continue
        if scope.technology is not None and fact.technology not in (None, *group):
            continue
        if not _resolved(history, but=("reported_since",)):
            yield Sighting(name, history[0], fact)


def _resolved(history: Sequence[Told], but: tuple[str, ...] = ()) -> bool:
    return any(
        isinstance(told.fact, DiscrepancyResolved) and told.fact.code not in but for told in history
    )


def _span_object(span: Span) -> dict[str, str]:
    return {"earliest": text_of_us(span[0]), "latest": text_of_us(span[1])}


# --- reasons, accounts, delays ----------------------------------------------------
def reasons(asker: Asker, asked: Asked) -> Answered:
    """Question 15: vague, copied, artefact and missing reasons, and the rate in each unit."""
    scope, agency = in_scope(asker, asked), asked.text("agency")
    registers, context = asker.registers(), asker.context(agency)
    kinds: dict[str, Any] = {}
    basis: list[int] = []
    for name in ("missing_reason", "vague_reason", "ui_artefact_reason"):
        for pack, rule in rules_of(asker, agency, name):
            assert isinstance(rule.predicate, UsePredicate)
            found = all_of((scope, rule.predicate.compile(registers, rule.parameters, context)))
            kinds[rule.code] = {
                "pack": pack,
                **counted_object(asker.count(found)),
                "by_unit": groups_object(("unit",), asker.groups(found, ("unit",))),
            }
            basis += [leaf for one in asker.uses(found, MAX_ANSWER_USES) for leaf in one.leaves]
    copied = _patterns(asker, scope, agency, "copied_reason")
    basis += [leaf for hit in copied for leaf in hit.leaves]
    whole = asker.count(scope)
    return {
        "value": "yes" if copied or any(kind["count"] for kind in kinds.values()) else "no",
        "basis": basis,
        "kinds": kinds,
        "copied": [hit_object(hit) for hit in copied],
        "uses": counted_object(whole),
        "by_unit": groups_object(("unit",), asker.groups(scope, ("unit",))),
        "states": groups_object(("reason_state",), asker.groups(scope, ("reason_state",))),
        "caveats": [
            "a reason that is withheld or masked is none of these, and none of their opposites"
        ],
    }


def accounts(asker: Asker, asked: Asked) -> Answered:
    """Question 16: accounts that several people use, or one uses impossibly fast."""
    scope, agency = in_scope(asker, asked), asked.text("agency")
    shared = by_rule("shared_credential")(asker, asked)
    counted = asker.count(shared)
    fast = _patterns(asker, scope, agency, "impossible_use")
    uses = asker.uses(shared, MAX_ANSWER_USES)
    return {
        "value": "yes" if counted.count or fast else ("possibly" if counted.possible else "no"),
        "basis": [leaf for one in uses for leaf in one.leaves]
        + [leaf for hit in fast for leaf in hit.leaves],
        "shared": counted_object(counted) | {"uses": [judged_object(one) for one in uses]},
        "impossible": [hit_object(hit) for hit in fast],
        "caveats": [
            "an account is what the source calls a performer; nobody says it is one person"
        ],
    }


def delays(asker: Asker, asked: Asked) -> Answered:
    """Question 22: how late records came, by source."""
    scope = in_scope(asker, asked)
    hours = asked.number("hours")
    limits = (hours,) if hours is not None else (1, 24, 48, 168)
    late: dict[str, Any] = {}
    basis: list[int] = []
    for limit in limits:
        found = all_of((scope, above("delay", limit * 3_600)))
        late[f"over_{limit}h"] = {
            **counted_object(asker.count(found)),
            "by_source": groups_object(("source",), asker.groups(found, ("source",))),
        }
        basis += [leaf for one in asker.uses(found, MAX_ANSWER_USES) for leaf in one.leaves]
    return {
        "value": late,
        "basis": basis,
        "uses": counted_object(asker.count(scope)),
        "by_source": groups_object(("source",), asker.groups(scope, ("source",))),
        "by_capture": groups_object(("capture",), asker.groups(scope, ("capture",))),
        "caveats": ["a record taken from history is late by its nature: see by_capture"],
    }


def _patterns(asker: Asker, scope: Judgement, agency: str | None, name: str) -> list[Hit]:
    predicate = PREDICATES[name]
    assert isinstance(predicate, PatternPredicate)
    return [
        hit
        for _pack, rule in rules_of(asker, agency, name)
        for hit in asker.patterns(predicate, rule.parameters, scope)
    ]


def hit_object(hit: Hit) -> dict[str, Any]:
    return {
        "subject": hit.subject,
        "certain": hit.certain,
        "leaf_indexes": list(hit.leaves),
        **hit.detail,
    }


# --- second observers, amendments -------------------------------------------------
_KINDS: Final = DISCREPANCIES


def observers(asker: Asker, asked: Asked) -> Answered:
    """Question 17: do other people's logs agree with ours?"""
    observer, agency = asked.text("observer"), asked.text("agency")
    totals: dict[str, dict[str, dict[str, int]]] = {}
    shown: list[dict[str, Any]] = []
    basis: list[int] = []
    for name, history in asker.discrepancies().items():
        fact = history[0].fact
        if not isinstance(fact, DiscrepancyFound):
            continue
        if observer not in (None, fact.observer) or agency not in (None, fact.agency):
            continue
        state = "resolved" if _resolved(history) else "open"
        kinds = totals.setdefault(
            fact.observer, {kind: {"open": 0, "resolved": 0} for kind in _KINDS}
        )
        kinds[fact.kind][state] += 1
        basis += [told.leaf_index for told in history]
        if len(shown) < MAX_ANSWER_USES:
            shown.append({"name": name, "kind": fact.kind, "state": state, "use": fact.use})
    logs = []
    for name, told, fact in _logs(asker):
        if observer in (None, fact.observer) and agency in (None, fact.agency):
            basis.append(told.leaf_index)
            logs.append({"name": name, "observer": fact.observer, "rows": fact.rows})
    unresolved = sum(kind["open"] for kinds in totals.values() for kind in kinds.values())
    value = "no" if unresolved else ("yes" if logs else "not_recorded")
    return {
        "value": value,
        "basis": basis,
        "observers": totals,
        "logs": logs,
        "discrepancies": shown,
        "caveats": ["logs agree only where they overlap: see the period of each log"],
    }


def _logs(asker: Asker) -> Iterator[tuple[str, Told, ExternalLogImported]]:
    yield from asker.registers().told("observation", ExternalLogImported)


def amendments(asker: Asker, asked: Asked) -> Answered:
    """Question 21: what was put right or withdrawn; what was erased is not recorded yet."""
    scope = in_scope(asker, asked)
    amended = asker.uses(all_of((scope, above("amendments", 0))), MAX_ANSWER_USES)
    gone = asker.withdrawn(scope, MAX_ANSWER_USES)
    return {
        "value": "yes" if amended or gone else "no",
        "basis": [leaf for one in (*amended, *gone) for leaf in one.leaves],
        "amended": [_changed_object(one) for one in amended],
        "withdrawn": [_changed_object(one) for one in gone],
        "redaction": groups_object(("reason_state",), asker.groups(scope, ("reason_state",))),
        "caveats": [
            "erasure is not recorded by this release, and nothing can be erased",
            "each first report stays in the log, and can be proven",
        ],
    }


def _changed_object(one: JudgedUse) -> dict[str, Any]:
    return judged_object(one) | {
        "amendments": one.row.amendments,
        "state": one.row.state.name.lower(),
        "leaf_indexes": list(one.leaves),
    }
