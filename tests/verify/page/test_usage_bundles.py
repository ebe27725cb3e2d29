"""Does the page judge proven counts as the command does, all fourteen steps and the last two?"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any, Final

import pytest

from ledger.usage_index import part
from tests.verify import test_usage
from tests.verify.evidence import Object, opened, signed
from tests.verify.page.bundles import Case
from tests.verify.page.conftest import Judge
from tests.verify.page.test_bundles import all_agree, flipped, lies
from tests.verify.test_usage import READER, Small

small = test_usage.small  # the ledger of the command's own tests, made once for this file

KINDS: Final = ("count", "absence")


def of(small: Small, kind: str) -> bytes:
    found: bytes = getattr(small, kind)
    return found


def other_text(found: Any, was: str, becomes: str) -> Any:
    """The value with one text for another, wherever it stands."""
    if isinstance(found, dict):
        return {name: other_text(inner, was, becomes) for name, inner in found.items()}
    if isinstance(found, list):
        return [other_text(inner, was, becomes) for inner in found]
    return becomes if found == was else found


def test_honest_counts_are_verified(small: Small, judge: Judge) -> None:
    """Every step is made in the browser too, so the verdict is the command's."""
    technologies = (READER, test_usage.FACES, "technologies/plates", "technologies/none", "")
    cases = [
        Case(what=f"{kind} of {technology}", bundle=small.bundle(technology, kind), least=least)
        for technology in technologies
        for kind in KINDS
        for least in (0, small.root.tree_size)
    ]

    assert {"verified"} == set(all_agree(judge, cases))


def test_least_tree_size_must_be_said_and_is_kept(small: Small, judge: Judge) -> None:
    """Not said: not judged. Above: refused."""
    cases = [
        Case(what="not said", bundle=small.count, least=None),
        Case(what="too old", bundle=small.count, least=small.root.tree_size + 1),
    ]

    assert ["unusable", "refused"] == all_agree(judge, cases)


@pytest.mark.parametrize("kind", KINDS)
def test_any_flipped_bit_is_refused(small: Small, judge: Judge, kind: str) -> None:
    """At places all over either bundle."""
    cases = [Case(what="flipped", bundle=bundle) for bundle in flipped(of(small, kind), 150)]

    assert {"refused"} == set(all_agree(judge, cases))


@pytest.mark.parametrize("kind", KINDS)
def test_signed_lies(small: Small, judge: Judge, kind: str) -> None:
    """Whoever holds the answers key may sign anything: page and command say the same of it."""
    found = lies(of(small, kind), 250)

    assert "refused" in all_agree(judge, [Case(what=what, bundle=bundle) for what, bundle in found])


def changed(small: Small) -> Iterator[tuple[str, bytes]]:
    """The lies of tests/verify/test_usage.py, at the steps that they break, and some more."""
    lie_of = {name: found for name, found in vars(test_usage).items() if re.match("_[a-z]", name)}
    for kind, (name, lie) in product(KINDS, lie_of.items()):
        found = opened(of(small, kind))
        with suppress(KeyError, IndexError):  # it is about the other kind
            lie(found)
            yield f"{name} of {kind}", signed(found)
    honest = opened(small.absence)
    for nodes in proofs_of(honest):
        for at in range(0, len(nodes), 2):
            for change in ("removed", "twice", "null", "count"):
                found = copy.deepcopy(honest)
                for other, mine in zip(proofs_of(found), proofs_of(honest), strict=True):
                    if mine is nodes:
                        bend(other, at, change)
                yield f"node {at} {change}", signed(found)


def proofs_of(found: Object) -> list[list[Any]]:
    proofs = [
        found["proofs"]["count"],
        *found["proofs"].get("aliases", {}).values(),
        found["proofs"]["technologies"],
    ]
    return [proof["nodes"] for proof in proofs]


def bend(nodes: list[Any], at: int, change: str) -> None:
    if change == "removed":
        del nodes[at]
    elif change == "twice":
        nodes.insert(at, nodes[at])
    elif change == "null":
        nodes[at] = None
    else:
        nodes[at]["n"] = nodes[at].get("n", 0) + 1


def test_changes_with_a_purpose(small: Small, judge: Judge) -> None:
    """Refused at the same step, whatever is bent: counts, commitments, lists, sources, nodes."""
    cases = [Case(what=what, bundle=bundle) for what, bundle in changed(small)]

    verdicts = all_agree(judge, cases)
    assert {"refused"} == {
        verdict
        for case, verdict in zip(cases, verdicts, strict=True)
        if case.what.startswith("node ")
    }
    assert 8 <= verdicts[: -sum(case.what.startswith("node ") for case in cases)].count("refused")


def test_entries_that_a_bundle_leaves_out(small: Small, judge: Judge) -> None:
    """Names, aliases, sources and commitment, one after another: judged alike, whatever follows."""
    for kind in KINDS:
        honest = opened(of(small, kind))
        cases = []
        for at in range(len(honest["entries"])):
            found = copy.deepcopy(honest)
            del found["entries"][at]
            cases.append(Case(what=f"{kind} without entry {at}", bundle=signed(found)))

        assert "refused" in all_agree(judge, cases)


def test_technology_that_nobody_names_is_shown(small: Small, judge: Judge) -> None:
    """A name that the server keeps back shows as its hash, and the report says that one does."""
    found = opened(small.absence)
    for row in found["answer"]["technologies"]:
        if row["technology"] == "technologies/plates":
            row["part"] = part(row.pop("technology")).hex()
    [verdict] = all_agree(judge, [Case(what="unnamed", bundle=signed(found))])

    assert verdict == "verified"
