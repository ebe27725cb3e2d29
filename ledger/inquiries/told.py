"""Answers from the registers: coverage, statements, records of many uses, other people's logs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    ExternalLogImported,
)
from ledger.events.statements import Scope
from ledger.inquiries.answering import (
    ONLY_THE_LEDGER,
    basis_of,
    counted_object,
    coverage_in,
    groups_object,
    summed,
    use_shown,
)
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, Counted, Differing, JudgedUse, Keys, Mark
from ledger.inquiries.finding import by_rule, in_scope, rules_of
from ledger.inquiries.scoping import scope_in_words
from ledger.limits import MAX_STATEMENT_SIGHTINGS, MAX_STATEMENT_USES
from ledger.projections.registers import Told
from ledger.rules.judgement import Judgement, above, all_of, exactly
from ledger.rules.kinds import Context, Hit, PatternPredicate, UsePredicate
from ledger.rules.moments import Span
from ledger.rules.predicates import PREDICATES
from ledger.rules.statements import (
    Sighting,
    by_order,
    corrections,
    judge_statement,
    made_of,
    scope_query,
)
from ledger.times import MAX_US, MIN_US, text_of_us

Answered = Mapping[str, Any]


def what_a_no_covers(asker: Asker, asked: Asked) -> Answered:
    """Question 2."""
    found = coverage_in(asker, scope_in_words(asked))
    return {
        "value": "thin" if found.thin else "covered",
        "basis": found.leaves,
        "coverage": found.to_object(),
        "caveats": [ONLY_THE_LEDGER, "a source that was heard may still not have told all"],
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
    scope = exactly(scope_query(statement.scope, made, registers))
    matched: dict[int, Mark] = {}
    for recorded in by_order(history):
        marks = asker.marks(all_of((scope, recorded)), MAX_STATEMENT_USES)
        matched.update((mark.first, mark) for mark in marks)
    sightings = list(_sightings(asker, statement.scope))
    cover = coverage_in(asker, statement.scope)
    verdicts = judge_statement(
        history, [(mark, mark.certain) for mark in matched.values()], sightings, cover
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
    """Unreported uses in scope that another observer's log has; a resolved one counts no more.

    One that was reported since is a use by now, and was none when they spoke.
    """
    group = asker.registers().aliases.group(scope.technology or "")
    wanted = Differing(
        agency=scope.agency, kinds=("missing_here",), open=True, reported_since_is_open=True
    )
    for name, history in asker.differences(wanted, MAX_STATEMENT_SIGHTINGS):
        fact = history[0].fact
        assert isinstance(fact, DiscrepancyFound)
        if scope.technology is None or fact.technology in (None, *group):
            yield Sighting(name, history[0], fact)


def _span_object(span: Span) -> dict[str, str]:
    """Both ends, as far as they are known."""
    ends = {"earliest": span[0], "latest": span[1]}
    return {name: text_of_us(us) for name, us in ends.items() if MIN_US <= us <= MAX_US}


# --- reasons, accounts, delays ----------------------------------------------------
def reasons(asker: Asker, asked: Asked) -> Answered:
    """Question 15: vague, copied, artefact and missing reasons, and the rate in each unit."""
    scope, agency = in_scope(asker, asked), asked.text("agency")
    registers, context = asker.registers(), Context(agency=agency)
    said = asker.groups(scope, ("unit", "reason_state"))  # one reading for both
    units, states = _by_one(said, 0), _by_one(said, 1)
    kinds: list[dict[str, Any]] = []
    basis: list[int] = []
    for name in ("missing_reason", "vague_reason", "ui_artefact_reason"):
        for pack, rule in rules_of(asker, agency, name):
            assert isinstance(rule.predicate, UsePredicate)
            found = all_of((scope, rule.predicate.compile(registers, rule.parameters, context)))
            by_unit = asker.groups(found, ("unit",))
            kinds.append(
                {
                    "code": rule.code,
                    "title": rule.title,
                    "pack": pack,
                    **counted_object(summed(by_unit)),
                    "by_unit": _with_rates(by_unit, units),
                }
            )
            basis += basis_of(asker, found)
    copied = _patterns(asker, scope, agency, "copied_reason")
    basis += [leaf for hit in copied for leaf in hit.leaves]
    whole = summed(units)
    return {
        "value": "yes" if copied or any(kind["count"] for kind in kinds) else "no",
        "basis": basis,
        "kinds": kinds,
        "copied": [hit_object(hit) for hit in copied],
        "uses": counted_object(whole),
        "by_unit": groups_object(("unit",), units),
        "states": groups_object(("reason_state",), states),
        "caveats": [
            "a reason that is withheld or masked is none of these, and none of their opposites"
        ],
    }


def _by_one(groups: Sequence[tuple[Keys, Counted]], place: int) -> list[tuple[Keys, Counted]]:
    """Groups by two keys as groups by one of them."""
    found: dict[str, Counted] = {}
    for keys, counted in groups:
        before = found.get(keys[place], Counted(0, 0))
        found[keys[place]] = Counted(
            before.count + counted.count, before.possible + counted.possible
        )
    return [((key,), found[key]) for key in sorted(found)]


def _with_rates(
    found: Sequence[tuple[Keys, Counted]], units: Sequence[tuple[Keys, Counted]]
) -> list[dict[str, Any]]:
    """Each unit's count, of how many uses, in parts of ten thousand of those that are certain."""
    whole = dict(units)
    return [
        {
            **shown,
            "of": whole[keys].count,
            "rate_per_10000": counted.count * 10_000 // max(1, whole[keys].count),
        }
        for shown, (keys, counted) in zip(groups_object(("unit",), found), found, strict=True)
    ]


def accounts(asker: Asker, asked: Asked) -> Answered:
    """Question 16: accounts that several people use, or one uses impossibly fast."""
    scope, agency = in_scope(asker, asked), asked.text("agency")
    shared = by_rule("shared_credential")(asker, asked)
    counted = asker.count(shared)
    fast = _patterns(asker, scope, agency, "impossible_use")
    uses = asker.uses(shared, asked.limit, after=asked.after)
    return {
        "value": "yes" if counted.count or fast else ("possibly" if counted.possible else "no"),
        "basis": [leaf for one in uses for leaf in one.leaves]
        + [leaf for hit in fast for leaf in hit.leaves],
        "shared": counted_object(counted) | {"uses": [use_shown(one) for one in uses]},
        "impossible": [hit_object(hit) for hit in fast],
        "caveats": [
            "an account is what the source calls a performer; nobody says it is one person"
        ],
    }


def delays(asker: Asker, asked: Asked) -> Answered:
    """Question 22: how late records came, by source: in steps, and over so many hours."""
    scope, hours = in_scope(asker, asked), asked.number("hours")
    steps = asker.groups(scope, ("source", "delay"))
    found: dict[str, Any] = {
        "value": counted_object(summed(steps)),
        "by_delay": groups_object(("source", "delay"), steps),
        "by_capture": groups_object(("capture",), asker.groups(scope, ("capture",))),
        "caveats": [
            "a record taken from history is late by its nature: see by_capture",
            "`delay` is the least of these that holds it; blank where the time is not known",
        ],
    }
    late = all_of((scope, above("delay", 3_600 * (24 if hours is None else hours))))
    found["basis"] = basis_of(asker, late)
    if hours is not None:
        by_source = asker.groups(late, ("source",))
        found["late"] = [
            {
                "over_h": hours,
                **counted_object(summed(by_source)),
                "by_source": groups_object(("source",), by_source),
            }
        ]
    return found


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
def observers(asker: Asker, asked: Asked) -> Answered:
    """Question 17: do other people's logs agree with ours?"""
    wanted = Differing(
        observer=asked.text("observer"),
        agency=asked.text("agency"),
        kinds=tuple(filter(None, (asked.text("kind"),))),
    )
    totals: dict[str, dict[str, dict[str, int]]] = {}
    for one in asker.difference_counts(wanted):
        kinds = totals.setdefault(one.observer, {})
        kinds[one.kind] = {"open": one.open, "resolved": one.resolved}
    shown: list[dict[str, Any]] = []
    basis: list[int] = []
    for name, history in asker.differences(wanted, asked.limit):
        shown.append(_difference_object(name, history))
        basis += [told.leaf_index for told in history]
    logs = []
    for name, told, fact in asker.registers().told("observation", ExternalLogImported):
        if wanted.observer in (None, fact.observer) and wanted.agency in (None, fact.agency):
            basis.append(told.leaf_index)
            logs.append({"name": name, **fact.to_object()})
    unresolved = sum(kind["open"] for kinds in totals.values() for kind in kinds.values())
    value = "no" if unresolved else ("yes" if logs else "not_recorded")
    listed = sum(sum(kind.values()) for kinds in totals.values() for kind in kinds.values())
    caveats = ["logs agree only where they overlap: see the period of each log"]
    if not logs:
        caveats.append("no log of this observer was ever compared with the ledger")
    if listed > len(shown):
        caveats.append(f"the first {len(shown)} differences are listed; all are counted")
    return {
        "value": value,
        "basis": basis,
        "open": unresolved,
        "observers": totals,
        "logs": logs,
        "discrepancies": shown,
        "caveats": caveats,
    }


def _difference_object(name: str, history: Sequence[Told]) -> dict[str, Any]:
    fact = history[0].fact
    assert isinstance(fact, DiscrepancyFound)
    found: dict[str, Any] = {
        "name": name,
        "kind": fact.kind,
        "observer": fact.observer,
        "state": "open",
        "leaf_indexes": [told.leaf_index for told in history],
    }
    for told in history:
        if isinstance(told.fact, DiscrepancyResolved):
            found |= {"state": "resolved", "resolution": told.fact.code}
    for member in ("use", "technology"):
        if (value := getattr(fact, member)) is not None:
            found[member] = value
    return found | ({"fields": list(fact.fields)} if fact.fields else {})


def amendments(asker: Asker, asked: Asked) -> Answered:
    """Question 21: what was put right or withdrawn; what was erased is not recorded yet."""
    scope = in_scope(asker, asked)
    changed = all_of((scope, above("amendments", 0)))
    amended = asker.uses(changed, asked.limit, after=asked.after)
    gone = asker.withdrawn(scope, asked.limit)
    return {
        "value": "yes" if amended or gone else "no",
        "basis": [leaf for one in (*amended, *gone) for leaf in one.leaves],
        **counted_object(asker.count(changed)),
        "amended": [_changed_object(one) for one in amended],
        "withdrawn": [_changed_object(one) for one in gone],
        "reasons": groups_object(("reason_state",), asker.groups(scope, ("reason_state",))),
        "caveats": [
            "erasure is not recorded by this release, and nothing can be erased",
            "each first report stays in the log, and can be proven",
        ],
    }


def _changed_object(one: JudgedUse) -> dict[str, Any]:
    return use_shown(one) | {
        "amendments": one.row.amendments,
        "state": one.row.state.name.lower(),
        "leaf_indexes": list(one.leaves),
    }
