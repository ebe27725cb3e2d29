"""What is wrong with the registers themselves? Silence, no connection, names of nothing.

Registers at N, discrepancies, judged statements ──► Hit: a source, a holding, a statement …
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ledger.events import (
    DiscrepancyFound,
    DiscrepancyResolved,
    HoldingConnected,
    HoldingEnded,
    HoldingRecorded,
)
from ledger.events.facts import Record, members_of
from ledger.events.observers import DISCREPANCIES
from ledger.projections.registers import Registers
from ledger.rules.kinds import Context, Hit, Parameter, Parameters, RegisterPredicate
from ledger.rules.silence import source_silent
from ledger.streams import COLLECTIONS

_SECOND_US: Final = 1_000_000
_CONTRADICTED: Final = (
    *("contradicted_by_known", "contradicted_later", "contradicted_by_other_observer"),
    "order_unknown",
)
# Members that name one thing of a register, or several.
_NAMING: Final = {
    **{kind: (collection,) for kind, collection in COLLECTIONS.items() if kind != "tool_use"},
    "agencies": ("agencies",),
    "technologies": ("technologies",),
    "by_statement": ("statements",),
}


def unconnected_holding(registers: Registers, _given: Parameters, context: Context) -> list[Hit]:
    """What an agency has of a technology, with no source that reports what is done with it."""
    found = []
    for name, told, fact in registers.told("holding", HoldingRecorded):
        later = [after.fact for after in registers.history(name)[1:]]
        if context.concerns(fact.agency) and not any(
            isinstance(after, HoldingConnected | HoldingEnded) for after in later
        ):
            detail = {"kind": fact.kind, "technology": fact.technology, "unit": fact.unit}
            known = {member: value for member, value in detail.items() if value is not None}
            leaves = (told.leaf_index,)
            found.append(Hit(subject=name, agency=fact.agency, leaves=leaves, detail=known))
    return found


def discrepancy(_registers: Registers, given: Parameters, context: Context) -> list[Hit]:
    """What a second observer's log says otherwise, and nobody has resolved."""
    found = []
    for name, history in context.discrepancies.items():
        fact = history[0].fact
        resolved = any(isinstance(told.fact, DiscrepancyResolved) for told in history)
        if (
            isinstance(fact, DiscrepancyFound)
            and fact.kind in given["kinds"]
            and context.concerns(fact.agency)
            and not resolved
        ):
            said: dict[str, Any] = {"kind": fact.kind, "observer": fact.observer}
            said |= {"use": fact.use} if fact.use else {}
            said |= {"fields": list(fact.fields)} if fact.fields else {}
            leaves = (history[0].leaf_index,)
            found.append(Hit(subject=name, agency=fact.agency, leaves=leaves, detail=said))
    return found


def statement_contradicted(_registers: Registers, given: Parameters, context: Context) -> list[Hit]:
    """Statements that the record contradicts, or may contradict where the order is unknown."""
    found = []
    for judged in context.statements:
        codes = [code for code in judged.codes if code in given["verdicts"]]
        if codes and context.concerns(judged.agency):
            sure = codes if judged.certain is None else judged.certain
            certain = any(code != "order_unknown" and code in sure for code in codes)
            detail: dict[str, Any] = {"verdicts": codes}
            detail |= {} if judged.lag_us is None else {"lag_s": judged.lag_us // _SECOND_US}
            found.append(
                Hit(
                    subject=judged.statement,
                    agency=judged.agency,
                    leaves=judged.leaves,
                    certain=certain,
                    detail=detail,
                )
            )
    return found


def register_names_unknown(registers: Registers, _given: Parameters, context: Context) -> list[Hit]:
    """Facts of the registers that name something no register holds."""
    found = []
    for kind in COLLECTIONS:
        for name in registers.names(kind):
            for told in registers.history(name):
                agency = getattr(told.fact, "agency", None)
                unknown = sorted({n for n in _named(told.fact) if not registers.is_registered(n)})
                if unknown and context.concerns(agency):
                    detail: dict[str, Any] = {"topic": told.fact.TOPIC, "unknown": unknown}
                    leaves = (told.leaf_index,)
                    found.append(Hit(subject=name, agency=agency, leaves=leaves, detail=detail))
    return found


def _named(record: Record) -> Iterator[str]:
    """Resource names in a fact, but for aliases, which need no entry of their own."""
    for member in members_of(type(record)):
        collections = _NAMING.get(member.name)
        value = getattr(record, member.name)
        if isinstance(value, Record):
            yield from _named(value)
        elif collections is not None and value is not None:
            for name in value if isinstance(value, tuple) else (value,):
                if name.partition("/")[0] in collections:
                    yield name


PREDICATES: Final = (
    RegisterPredicate(
        "source_silent",
        "a source was silent for longer than it said it would be",
        {},
        source_silent,
    ),
    RegisterPredicate(
        "unconnected_holding",
        "a unit, licence, trial, invoice or account with no source behind it",
        {},
        unconnected_holding,
    ),
    RegisterPredicate(
        "unreported_use",
        "a use that another observer has, and the ledger has not",
        {"kinds": Parameter("texts", ("missing_here",), DISCREPANCIES)},
        discrepancy,
    ),
    RegisterPredicate(
        "flattened_or_masked",
        "a field of which another observer has more",
        {"kinds": Parameter("texts", ("flattened", "masked"), DISCREPANCIES)},
        discrepancy,
    ),
    RegisterPredicate(
        "statement_contradicted",
        "a statement that the record contradicts",
        {"verdicts": Parameter("texts", _CONTRADICTED, _CONTRADICTED)},
        statement_contradicted,
    ),
    RegisterPredicate(
        "register_names_unknown",
        "a fact of a register that names what no register holds",
        {},
        register_names_unknown,
    ),
)
