"""What does an answer look like? One shape for all: value, basis, as_of, coverage, caveats.

    {"question", "text", "as_of", "value", "basis", "coverage", "caveats", …what the question adds}

`basis` are leaf indexes of the entries it rests on, MAX_BASIS of them at most; `basis_total` says
how many there are. A count is never one number: `count` is certain, `possible` comes on top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ledger.events.statements import Scope
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, Counted, JudgedUse, Keys
from ledger.inquiries.scoping import scope_in_words
from ledger.limits import MAX_ANSWER_USES, MAX_BASIS
from ledger.projections.answers import use_object
from ledger.rules.coverage import coverage_of
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


def yes_or_no(counted: Counted) -> str:
    """`yes`, `possibly` or `no`: whether there is any."""
    if counted.count:
        return "yes"
    return "possibly" if counted.possible else "no"


def coverage(asker: Asker, asked: Asked, uses: Sequence[JudgedUse]) -> dict[str, Any]:
    """What the answer covers: sources heard in its scope, and those that were not."""
    scope = scope_in_words(asked)
    return covered(asker, scope, uses)


def covered(asker: Asker, scope: Scope, uses: Sequence[JudgedUse]) -> dict[str, Any]:
    return coverage_of(asker.registers(), scope, [one.row for one in uses]).to_object()


def list_of_uses(
    asker: Asker, found: Judgement, *, grace_us: int = 0, limit: int = MAX_ANSWER_USES
) -> tuple[list[dict[str, Any]], list[int]]:
    """Uses as objects, with what is to be said of their authority; and their leaf indexes."""
    shown: list[dict[str, Any]] = []
    leaves: list[int] = []
    for one in asker.uses(found, limit):
        shown.append(judged_object(one, grace_us))
        leaves += one.leaves
    leaves += [leaf for basis in found.basis for leaf in basis.leaves]
    return shown, leaves


def judged_object(one: JudgedUse, grace_us: int = 0) -> dict[str, Any]:
    """One use of a list, with its verdict."""
    graced = [with_grace(verdict, grace_us) for verdict in one.verdicts]
    whole = authority_of_use(one.row, graced)
    found = use_object(one.row, one.certain) | {"authority": verdict_object(whole)}
    if len(graced) > 1:
        found["authorities"] = [verdict_object(verdict) for verdict in graced]
    for name in ("unit", "purpose", "offence_class", "outcome", "trigger", "acquisition"):
        if (value := getattr(one.row, name)) is not None:
            found[name] = value
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
