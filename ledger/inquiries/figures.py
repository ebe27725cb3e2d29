"""What is a figure of a report? A count, the entries it counts, and how to ask for it alone.

condition on uses ──figure──► {"key", "count", "possible", "basis", "possible_basis", "names", "filter"}

`basis` holds the leaf indexes of the reports that are counted for certain, `possible_basis` of those
that may be; together MAX_FIGURE_BASIS at most, certain ones first. `names` are theirs, in that order.
While both fit, each list is as long as its count: a law (tests/inquiries/test_report.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from ledger.inquiries.answering import counted_object
from ledger.inquiries.asker import Asker, Counted, JudgedUse
from ledger.inquiries.filter_text import text_of
from ledger.limits import MAX_FIGURE_BASIS, MAX_REPORT_FIGURES
from ledger.projections.questions import UNKNOWABLE, fields_of, judge
from ledger.rules.judgement import Judgement, all_of, says
from ledger.streams import name_of_stream

Figure: TypeAlias = dict[str, Any]
NOT_SAID: Final = ""


def figure(asker: Asker, key: str, found: Judgement, *, grace_us: int = 0, **more: Any) -> Figure:
    """One figure: how many uses meet a condition."""
    counted = asker.count(found, grace_us=grace_us)
    listed = asker.uses(found, MAX_FIGURE_BASIS, grace_us=grace_us)
    asks = _filter_of(found, grace_us)
    return {
        "key": key,
        **counted_object(counted),
        **listed_object((one, one.certain) for one in listed),
        **({} if asks is None else {"filter": asks}),
        **more,
    }


def listed_object(uses: Iterable[tuple[JudgedUse, bool]]) -> Figure:
    """The entries of a figure, from uses and whether each is certain."""
    ordered = sorted(uses, key=lambda one: (not one[1], one[0].row.first))
    return {
        "basis": [use.row.first for use, certain in ordered if certain],
        "possible_basis": [use.row.first for use, certain in ordered if not certain],
        "names": [name_of_stream(use.row.use) for use, _ in ordered],
    }


def told_object(leaves: Iterable[tuple[int, str]], possible: Iterable[tuple[int, str]]) -> Figure:
    """Counts and entries of a figure that counts facts of the registers: leaf index and name."""
    certain, others = sorted(leaves), sorted(possible)
    shown = certain[:MAX_FIGURE_BASIS]
    shown_others = others[: MAX_FIGURE_BASIS - len(shown)]
    return {
        "count": len(certain),
        "possible": len(others),
        "basis": [leaf for leaf, _ in shown],
        "possible_basis": [leaf for leaf, _ in shown_others],
        "names": [name for _, name in (*shown, *shown_others)],
    }


def grouped(asker: Asker, title: str, scope: Judgement, by: str) -> dict[str, Any]:
    """A section: one figure for each thing that uses say of a field; key "" where they do not say.

    Of more than MAX_REPORT_FIGURES the largest stand, and `left_out` says how many do not.
    """
    groups = [(keys[0], counted) for keys, counted in asker.groups(scope, (by,))]
    largest = sorted(groups, key=lambda one: (-one[1].count, -one[1].possible, one[0]))
    kept = sorted(largest[:MAX_REPORT_FIGURES], key=lambda one: one[0])
    figures = [_group(asker, scope, by, key, counted) for key, counted in kept]
    section: dict[str, Any] = {"title": title, "by": by, "figures": figures}
    if len(groups) > len(kept):
        section["left_out"] = len(groups) - len(kept)
    return section


def _group(asker: Asker, scope: Judgement, by: str, key: str, counted: Counted) -> Figure:
    if key == NOT_SAID and by in UNKNOWABLE:
        return _of_unknown(asker, scope, by, counted)
    return figure(asker, key, all_of((scope, says(by, key or None))))


def _of_unknown(asker: Asker, scope: Judgement, by: str, counted: Counted) -> Figure:
    """Uses that do not say: a filter asks for one name and takes them as possible for each."""
    listed = asker.uses(all_of((scope, says(by, None))), MAX_FIGURE_BASIS)
    uses = [(one, judge(scope.certain, one.row, {}) is True) for one in listed]
    return {"key": NOT_SAID, **counted_object(counted), **listed_object(uses)}


def _filter_of(found: Judgement, grace_us: int) -> str | None:
    """The filter that counts the same, where one does."""
    if found.certain != found.possible:
        return None
    if grace_us and "authority" in fields_of(found.certain):
        return None  # a filter knows of no grace
    return text_of(found.certain)
