"""Are findings the same from the same entries, and do packs hold for whom they were activated?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.events import (
    AgencyRegistered,
    AuthorizationGranted,
    RulePackActivated,
    RulePackDeactivated,
    TechnologyRegistered,
)
from ledger.rules.active import ActivePack, active_packs
from ledger.rules.findings import findings_of
from ledger.rules.kinds import Context, JudgedStatement
from ledger.rules.packs import PackUnknown, pack_of, shipped
from ledger.times import text_of_us
from tests.rules import worlds
from tests.rules.worlds import (
    AGENCIES,
    HOUR,
    START,
    TECHNOLOGIES,
    Line,
    World,
    at,
    told,
    use_members,
    valid,
)
from tests.strategies import effort

A, B = AGENCIES


def activated(pack: str, version: str = "1", *agencies: str, digest: str | None = None) -> Line:
    found = digest or pack_of(pack, version).sha256
    fact = RulePackActivated(
        pack=f"rulePacks/{pack}", version=version, pack_sha256=found, agencies=agencies
    )
    return Line(f"rulePacks/{pack}", fact)


def found_in(
    world: World, packs: list[ActivePack] | None = None, **more: Any
) -> list[dict[str, Any]]:
    registers, uses = world.fold.registers, world.uses()
    context = Context(
        as_of_us=START,
        cited=frozenset(name for use in uses for name in use.authorizations),
        **more,
    )
    verdicts = world.authorities.judge(registers)
    active = active_packs(registers) if packs is None else packs
    return [f.to_object() for f in findings_of(active, registers, uses, verdicts, context)]


@st.composite
def stories(draw: st.DrawFn) -> list[Line]:
    """Registers, then uses and packs in some order."""
    lines = draw(worlds.registers())
    members = draw(st.lists(use_members, min_size=1, max_size=3))
    lines += [worlds.use(f"u{n}", **each) for n, each in enumerate(members)]
    packs = draw(st.lists(st.sampled_from([pack.name for pack in shipped()]), unique=True))
    return lines + [activated(name) for name in packs if name != "base"]


@effort(0.3)
@given(stories(), stories())
def test_findings_as_of_a_size_are_the_same_whatever_comes_later(
    lines: list[Line], later: list[Line]
) -> None:
    """Byte for byte: at first, when made anew, and beside a ledger that went on."""
    world = told(lines)
    first = json.dumps(found_in(world))
    known = {line.name for line in lines}
    world.tell([line for line in later if line.name not in known])
    found_in(world)

    assert first == json.dumps(found_in(told(lines)))


@effort(0.3)
@given(stories())
def test_finding_cites_entries_there_are(lines: list[Line]) -> None:
    """Leaf indexes rise, lie below the size, and a use's finding cites its report."""
    world = told(lines)
    reports = {f"toolUses/u{n}": world.use(f"u{n}").first for n in range(len(world.uses()))}
    for finding in found_in(world):
        leaves = finding["leaf_indexes"]
        assert leaves == sorted(set(leaves))
        assert all(0 <= leaf < len(lines) for leaf in leaves)
        if finding["subject"] in reports:
            assert reports[finding["subject"]] in leaves


def test_grace_is_the_packs_own() -> None:
    """One use, one lag: late by one pack, ratified by another that allows 48 hours."""
    granted = AuthorizationGranted(
        authorization="authorizations/w",
        agency=A,
        kind="order",
        valid=valid(START, None),
        granted_at=text_of_us(START + 40 * HOUR),
    )
    world = told(
        [
            Line(A, AgencyRegistered(agency=A, name="A")),
            Line(
                TECHNOLOGIES[0],
                TechnologyRegistered(
                    technology=TECHNOLOGIES[0], name="T", category="facial_recognition"
                ),
            ),
            Line("authorizations/w", granted),
            worlds.use(
                technology=TECHNOLOGIES[0], occurred=at(START), authorizations=("authorizations/w",)
            ),
            activated("eu-ai-act"),
        ]
    )
    codes = {finding["code"]: finding for finding in found_in(world)}
    late = codes["authority_attached_late"]

    assert "art26_10_within_48h" in codes
    assert "art26_10_later_than_48h" not in codes
    assert [
        {"authorization": "authorizations/w", "verdict": "attached_late", "lag_s": 144_000}
    ] == late["detail"]["authority"]
    assert {2, 3} <= set(late["leaf_indexes"])


def test_base_holds_until_another_version_is_activated() -> None:
    """Without any event the version is fixed; it is not that of whichever release answers."""
    (base,) = active_packs(told([]).fold.registers)

    assert ("base", "1", ()) == (base.pack.name, base.pack.version, base.leaves)
    with pytest.raises(PackUnknown):
        active_packs(told([activated("base", "99", digest="00" * 32)]).fold.registers)


def test_packs_hold_for_whom_and_since_when_they_were_activated() -> None:
    """Agencies named, or all; the newest that speaks of one holds; an old size is as it was."""
    lines = [
        activated("ca-ns", "1", A),
        activated("eu-ai-act"),
        Line("rulePacks/ca-ns", RulePackDeactivated(pack="rulePacks/ca-ns")),
        activated("ca-ns", "1", B),
    ]

    def held(size: int, agency: str) -> list[str]:
        registers = told(lines[:size]).fold.registers
        return [active.pack.name for active in active_packs(registers, agency)]

    assert ["base"] == held(0, A)
    assert (["base", "ca-ns"], ["base"]) == (held(1, A), held(1, B))
    assert (["base", "ca-ns", "eu-ai-act"], ["base", "eu-ai-act"]) == (held(2, A), held(2, B))
    assert (["base", "eu-ai-act"], ["base", "ca-ns", "eu-ai-act"]) == (
        held(4, A),
        sorted(held(4, B)),
    )


def test_pack_finds_only_in_uses_of_its_agencies() -> None:
    """Uses of others are judged by the base pack alone."""
    world = told(
        [
            worlds.use("mine", agency=A, occurred=at(START), acquisition="demo"),
            worlds.use("theirs", agency=B, occurred=at(START), acquisition="demo"),
            activated("ca-ns", "1", A),
        ]
    )
    trials = {(f["pack"], f["subject"]) for f in found_in(world) if f["code"].startswith("trial")}

    assert {
        ("base", "toolUses/mine"),
        ("base", "toolUses/theirs"),
        ("ca-ns", "toolUses/mine"),
    } == trials


def test_other_bytes_under_a_known_version_are_not_judged() -> None:
    """A verifier whose pack differs says that it cannot tell, rather than use its own."""
    world = told([activated("ca-ns", "1", digest="ab" * 32)])

    with pytest.raises(PackUnknown, match="SHA-256 differs"):
        active_packs(world.fold.registers)


def test_contradicted_statement_is_found_with_its_lag() -> None:
    """Judged elsewhere, found here; where only the order is unknown, possibly."""
    statements = [
        JudgedStatement("statements/s", A, ("contradicted_later",), (3, 7), 90_000_000),
        JudgedStatement("statements/t", A, ("order_unknown",), (4,)),
        JudgedStatement("statements/v", A, ("supported",), (5,)),
    ]
    found = [
        (f["subject"], f["certain"], f["detail"])
        for f in found_in(told([]), statements=statements)
        if f["code"] == "statement_contradicted"
    ]

    assert [
        ("statements/s", True, {"verdicts": ["contradicted_later"], "lag_s": 90}),
        ("statements/t", False, {"verdicts": ["order_unknown"]}),
    ] == found
