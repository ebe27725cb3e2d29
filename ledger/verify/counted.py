"""Does a list of uses hold as many as a proven count says? Two bundles, each verified by itself first.

    list: agency, technology, days ──┐
    count: the same, of one tree ────┴─► uses of the list, counted as the index counts ══ the count

A list can be true and leave something out; a count cannot, and shows nothing. Together they show
that every use that the index counts for these days is in the list.
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.canonical_json import JsonValue, decode
from ledger.entry import decode_entry
from ledger.errors import Unverifiable
from ledger.filters import And, Compare, Value, parse
from ledger.tlog import TrustPolicy
from ledger.verify.bundle import bundle_of_object
from ledger.verify.index_count import MAY_LEAVE_OUT, NAME, check_moment, hold_to_count
from ledger.verify.report import VERIFIED, Report, Step
from ledger.verify.steps import run_steps
from ledger.verify.usage_answer import UsageQuestion
from ledger.verify.verifier import verify_bundle


def verify_counted_list(
    listed: bytes, counted: bytes, policy: TrustPolicy, *, min_tree_size: int | None = None
) -> Report:
    """Check a list of uses, a proven count, and the one against the other.

    Args:
        listed: A bundle of uses whose filter is an agency, a technology and days, and no more.
        counted: A bundle of the count for the same, of the same tree size.
        policy, min_tree_size: As of `verify_bundle`; the count demands a least tree size.
    Returns:
        The list's report, with one step more; that of the count where it is not verified.
    """
    report = verify_bundle(listed, policy, min_tree_size=min_tree_size)
    if report.verdict != VERIFIED:
        return report
    count = verify_bundle(counted, policy, min_tree_size=min_tree_size)
    if count.verdict != VERIFIED:
        count.reason = f"of the proven count: {count.reason}"
        return count
    taken = len(report.steps)
    checked = run_steps(
        Report(), iter([(NAME, lambda: _compare(report, count, listed))]), lambda: report.reason
    )
    (step,) = checked.steps
    report.steps.append(Step(taken + 1, step.name, step.outcome, step.detail))
    report.verdict = checked.verdict
    if checked.verdict != VERIFIED:
        report.reason = checked.reason.replace("step 1,", f"step {taken + 1},", 1)
        return report
    report.not_checked = [
        item for item in report.not_checked if not item.startswith("completeness not proven")
    ] + [
        MAY_LEAVE_OUT,
        *(item for item in count.not_checked if item not in report.not_checked),
    ]
    return report


def _compare(report: Report, count: Report, listed: bytes) -> str:
    """Raises Unverifiable, UsesLeftOut."""
    question, answer = count.question or {}, count.answer or {}
    if "usage" not in question or "usage" in (report.question or {}):
        raise Unverifiable("a list of uses comes first, and then a proven count")
    asked = UsageQuestion.from_object(question)
    _check_same(asked, report, count)
    entries = bundle_of_object(decode(listed, what="bundle")).entries
    return hold_to_count((decode_entry(item.entry) for item in entries), asked, answer)


def _check_same(asked: UsageQuestion, report: Report, count: Report) -> None:
    """Raises Unverifiable where the two do not ask the same."""
    question: Mapping[str, JsonValue] = report.question or {}
    check_moment(asked, origins=(report.origin, count.origin), tree_size=question.get("tree_size"))
    days = asked.days.to_object()
    wanted = {
        Compare("agency", "=", Value(asked.agency)),
        Compare("technology", "=", Value(asked.technology)),
        Compare("occurred", ">=", Value(str(days["from"]))),
        Compare("occurred", "<=", Value(str(days["to"]))),
    }
    expression = parse(str(question.get("filter")))
    parts = expression.parts if isinstance(expression, And) else ()
    if len(parts) != len(wanted) or set(parts) != wanted:
        raise Unverifiable(
            "the list asks for something else than the count: its filter must be the agency, the"
            " technology and the days, and no more"
        )
