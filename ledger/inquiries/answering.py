"""What does an answer look like? One shape for all: value, basis, as_of, coverage, caveats.

    {"question", "text", "parameters", "as_of", "value", "basis", "basis_total", "coverage", "caveats",
     …what the question adds}

`basis` are leaf indexes of the entries behind what is listed, MAX_BASIS of them at most;
`basis_total` says how many there are. What is counted and not listed is in the evidence bundle.
A count is never one number: `count` is certain, `possible` comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from ledger.events.statements import Scope
from ledger.inquiries.asked import Asked, text_of_after
from ledger.inquiries.asker import Asker, Counted, JudgedUse, Keys
from ledger.inquiries.scoping import reporting_in, scope_in_words
from ledger.limits import MAX_BASIS, MAX_FIGURE_BASIS
from ledger.projections.answers import use_object
from ledger.rules.coverage import Covered, coverage_from
from ledger.rules.judgement import Judgement
from ledger.rules.verdicts import Verdict, authority_of_use, with_grace

ONLY_THE_LEDGER: Final = (
    "a zero of the ledger is not a zero of the world: it covers what was reported"
)
WINDOW: Final = "a window of data that was requested is not data that was returned"
UNKNOWN_TIMES: Final = (
    "uses whose time, performer or technology is not known are counted as possible"
)


def answered(
    asked: Asked, text: str, value: Any, basis: Iterable[int], **more: Any
) -> dict[str, Any]:
    """An answer in the common shape; members that are None are left out."""
    leaves = sorted(set(basis))
    found: dict[str, Any] = {
        "question": asked.question,
        "text": text,
        "parameters": dict(asked.parameters),
        "as_of": asked.tree_size,
        "value": value,
        "basis": leaves[:MAX_BASIS],
        "basis_total": len(leaves),
    }
    return found | {name: member for name, member in more.items() if member is not None}


def counted_object(counted: Counted) -> dict[str, int]:
    return {"count": counted.count, "possible": counted.possible}


def summed(groups: Iterable[tuple[Keys, Counted]]) -> Counted:
    """How many in all groups together, where each use stands in one."""
    counts = [counted for _keys, counted in groups]
    return Counted(sum(one.count for one in counts), sum(one.possible for one in counts))


def basis_of(asker: Asker, found: Judgement) -> list[int]:
    """Leaf indexes of the first reports of what is counted."""
    return [mark.first for mark in asker.marks(found, MAX_FIGURE_BASIS, by_time=True)]


def yes_or_no(counted: Counted) -> str:
    """`yes`, `possibly` or `no`: whether there is any."""
    if counted.count:
        return "yes"
    return "possibly" if counted.possible else "no"


def zone_caveat(asked: Asked) -> tuple[str, ...]:
    """Whose days the days are, where it is not UTC's."""
    zone = asked.text("zone")
    return () if zone is None else (f"days are days of {zone}",)


def coverage(asker: Asker, asked: Asked) -> dict[str, Any]:
    """What the answer covers: sources heard in its scope, and those that were not."""
    return coverage_in(asker, scope_in_words(asked)).to_object()


def coverage_in(asker: Asker, scope: Scope) -> Covered:
    """How far an answer about a scope reaches."""
    by = ("source",) if scope.technology is None else ("source", "technology")
    told = [keys for keys in asker.examples(reporting_in(scope), by) if keys[0]]
    aliases = asker.registers().aliases
    theirs = ("", None if scope.technology is None else aliases.head(scope.technology))
    reported = list(dict.fromkeys(keys[0] for keys in told))
    in_scope = [keys[0] for keys in told if len(by) == 1 or keys[1] in theirs]
    return coverage_from(asker.registers(), scope, reported, in_scope)


def list_of_uses(
    asker: Asker, asked: Asked, found: Judgement, *, authority: bool, grace_us: int
) -> tuple[list[dict[str, Any]], list[int], str | None]:
    """A page of uses as objects, the entries behind them, and where the page ended, if it did."""
    page = asker.uses(found, asked.limit + 1, after=asked.after)
    shown: list[dict[str, Any]] = []
    leaves: list[int] = []
    for one in page[: asked.limit]:
        shown.append(judged_object(one, grace_us) if authority else use_shown(one))
        leaves += one.leaves
        if authority:
            leaves += [leaf for verdict in one.verdicts for leaf in verdict.leaves]
    leaves += [leaf for basis in found.basis for leaf in basis.leaves]
    ended = text_of_after(page[asked.limit - 1].place) if len(page) > asked.limit else None
    return shown, leaves, ended


def use_shown(one: JudgedUse) -> dict[str, Any]:
    """One use of a list."""
    found = use_object(one.row, one.certain)
    for name in ("unit", "purpose", "offence_class", "outcome", "trigger", "acquisition"):
        if (value := getattr(one.row, name)) is not None:
            found[name] = value
    return found


def judged_object(one: JudgedUse, grace_us: int = 0) -> dict[str, Any]:
    """One use of a list, with its verdict: the names behind it have to be shown."""
    graced = [with_grace(verdict, grace_us) for verdict in one.verdicts]
    found = use_shown(one) | {"authority": verdict_object(authority_of_use(one.row, graced))}
    if len(graced) > 1:
        found["authorities"] = [verdict_object(verdict) for verdict in graced]
    return found


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    found: dict[str, Any] = {"verdict": verdict.code, "leaf_indexes": list(verdict.leaves)}
    if verdict.authorization is not None:
        found["authorization"] = verdict.authorization
    if verdict.lag_us is not None:
        found["lag_s"] = verdict.lag_us // 1_000_000
    return found


def groups_object(by: Keys, groups: Iterable[tuple[Keys, Counted]]) -> list[dict[str, Any]]:
    """Groups with their keys under the names that were asked by."""
    return [
        {**dict(zip(by, keys, strict=True)), **counted_object(counted)} for keys, counted in groups
    ]
