"""Does the Halifax story end as the record of each variant has it, with evidence that verifies?"""

from __future__ import annotations

import json
import socket
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import Malformed
from ledger.events.statements import POLARITIES
from ledger.rules.statements import CODES
from ledger.verify.__main__ import main as verify
from services.cli.scenarios.scenario import VARIANTS, read_scenario
from tests.cli.conftest import Candour, Ran

Told = dict[str, tuple[Ran, Path]]
EXPECTED = {
    "lied": ["contradicted_by_known"],
    "unaware": ["contradicted_later"],
    "unreported": ["contradicted_by_other_observer"],
}
# 28 February, 15:05 in UTC, after the last moment that may belong to the 21st in any zone.
LAG_S = 6 * 86_400 + 3 * 3_600 + 5 * 60
ON_THE_USE = {
    *("no_authority", "trial_without_board", "piidpa_outside_canada", "unassessed_technology"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Each variant as JSON, once: what the command did, and where it left its files."""
    from services.cli.main import main

    found: Told = {}
    for variant in VARIANTS:
        kept = tmp_path_factory.mktemp(variant)
        with redirect_stdout(StringIO()) as out:
            code = main(
                ["demo", "halifax", f"--{variant}", "--format", "json", "--keep", str(kept)]
            )
        found[variant] = Ran(code, out.getvalue(), ""), kept / variant
    return found


def statement(told: Told, variant: str, own: str = "F01") -> dict[str, Any]:
    ran, _kept = told[variant]
    return next(one for one in ran.json["statements"] if one["id"] == own)


def findings(told: Told, variant: str) -> dict[str, bool]:
    """Code to whether it is certain."""
    return {one["code"]: one["certain"] for one in told[variant][0].json["findings"]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_verdict_on_the_denial_is_that_of_the_variant(told: Told, variant: str) -> None:
    """They lied, did not know, or were never told: three records, three codes."""
    assert EXPECTED[variant] == statement(told, variant)["verdicts"]


def test_only_what_came_later_has_a_lag(told: Told) -> None:
    """From the last moment of the day in any zone to the record: at least so long."""
    lags = {variant: statement(told, variant)["lag_s"] for variant in VARIANTS}
    assert {"lied": None, "unaware": LAG_S, "unreported": None} == lags


@pytest.mark.parametrize("variant", VARIANTS)
def test_json_has_the_promised_members_and_nothing_else(told: Told, variant: str) -> None:
    """One object on stdout; codes and polarities are words of the domain."""
    ran, _kept = told[variant]

    assert 0 == ran.exit_code
    assert {"variant", "statements", "findings"} == set(ran.json)
    assert variant == ran.json["variant"]
    for one in ran.json["statements"]:
        assert ["id", "made_at", "polarity", "verdicts", "lag_s", "bundle"] == list(one)
        assert set(one["verdicts"]) <= set(CODES)
        assert one["polarity"] in POLARITIES
    assert ("2020-02-21", "denies") == (
        statement(told, variant)["made_at"],
        statement(told, variant)["polarity"],
    )


@pytest.mark.parametrize("variant", ["lied", "unaware"])
def test_use_is_found_wanting_whenever_it_came(told: Told, variant: str) -> None:
    """No authority, an unapproved trial, data abroad; exposed to the breach only possibly."""
    found = findings(told, variant)

    assert ON_THE_USE <= {code for code, certain in found.items() if certain}
    assert found["exposed_to_breach"] is False
    assert "used_after_suspension" not in found


def test_contradiction_is_as_certain_as_the_time_of_the_use(told: Told) -> None:
    """Recorded before, it had taken place before; "very recently" on the 28th may be later."""
    assert {"lied": True, "unaware": False, "unreported": False} == {
        variant: findings(told, variant)["statement_contradicted"] for variant in VARIANTS
    }


def test_unreported_use_is_found_in_the_other_log_alone(told: Told) -> None:
    """The ledger has no use to judge; it has the discrepancy."""
    found = findings(told, "unreported")
    assert found["unreported_use"] is True
    assert not ON_THE_USE & set(found)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_bundle_verifies_offline(
    told: Told, variant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that JSON names, and all others that were written; one changed byte, and it is refused."""
    ran, kept = told[variant]
    named = {one["bundle"] for part in ("statements", "findings") for one in ran.json[part]}
    written = {str(path) for path in kept.glob("*.json")}

    assert named <= written
    for bundle in written:
        assert 0 == verify([bundle, "--trust", str(kept / "trust.txt")]), capsys.readouterr().out
    data = bytearray((kept / "denial.json").read_bytes())
    data[data.index(b"contradicted")] ^= 1
    forged = kept / "forged"
    forged.write_bytes(data)
    assert 1 == verify([str(forged), "--trust", str(kept / "trust.txt")])


@pytest.mark.parametrize(
    ("variant", "used"), [("lied", "yes"), ("unaware", "no"), ("unreported", "no")]
)
def test_bundle_proves_what_was_known_on_the_day(told: Told, variant: str, used: str) -> None:
    """Its answer is as of the tree that stood when they spoke, under the checkpoint of that tree."""
    _ran, kept = told[variant]
    bundle = json.loads((kept / "known-then.json").read_bytes())
    size = bundle["question"]["tree_size"]

    assert used == bundle["answer"]["value"]
    assert ["simulated.invalid/halifax", str(size)] == bundle["checkpoint"].split("\n")[:2]


def test_variants_differ_only_in_how_the_use_came() -> None:
    """Every other fact is told alike, at the same time."""
    scenario = read_scenario()
    others = [
        [one for one in scenario.tellings(variant) if one in scenario.told]
        for variant in ("lied", "unaware")
    ]
    assert others[0] == others[1] == sorted(scenario.told, key=lambda one: one.recorded_us)


def test_scenario_invents_nobody() -> None:
    """No performer is named, nobody is counted beyond "at least one", no day is given to the use."""
    for variant in VARIANTS:
        use = read_scenario().variants[variant].use
        if use is not None:
            fact = use.fact.to_object()
            assert {"reason"} == set(use.protected)
            assert {"at_least": 1} == fact["performers"]
            assert {"latest"} == set(fact["occurred"])


def test_all_three_are_told_one_after_another(candour: Candour, tmp_path: Path) -> None:
    """Without a variant: three tables and a comparison; as JSON a list of three objects."""
    ran = candour("demo", "halifax", "--keep", tmp_path / "table")

    assert 0 == ran.exit_code
    assert "SIMULATED" in ran.out
    at = [ran.out.index(f"── {variant}: ") for variant in VARIANTS]
    assert sorted(at) == at
    assert all(codes[0] in ran.out for codes in EXPECTED.values())
    assert len(list(tmp_path.rglob("table/*/*.json"))) > ran.out.count("$ candour-verify ") > 20

    ran = candour("demo", "halifax", "--format", "json", "--keep", tmp_path / "json")
    assert list(VARIANTS) == [one["variant"] for one in ran.json]


def test_every_run_says_the_same(told: Told, candour: Candour, tmp_path: Path) -> None:
    """But for where the bundles are, and names that are drawn."""
    again = candour("demo", "halifax", "--lied", "--format", "json", "--keep", tmp_path).json
    drawn = ("bundle", "subject")

    for part in ("statements", "findings"):
        first, second = (
            [{name: one[name] for name in one if name not in drawn} for one in found[part]]
            for found in (told["lied"][0].json, again)
        )
        assert first == second


def test_no_server_is_touched(
    candour: Candour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the environment names: not one socket is opened."""

    def refused(*_arguments: object, **_more: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setenv("CANDOUR_TARGET", "127.0.0.1:1")
    monkeypatch.setenv("CANDOUR_DATABASE_URL", "postgresql://nowhere.invalid/none")
    monkeypatch.setenv("CANDOUR_DATA", str(tmp_path / "never"))
    monkeypatch.setattr(socket, "socket", refused)
    ran = candour("demo", "halifax", "--unaware", "--keep", tmp_path / "kept")

    assert (0, False) == (ran.exit_code, (tmp_path / "never").exists())


def test_what_is_not_kept_leaves_bundles_and_no_ledger(
    candour: Candour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files that the output names are there; keys and database are gone, and it says where."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ran = candour("demo", "halifax", "--unaware", "--format", "json")
    bundle = Path(ran.json["statements"][0]["bundle"])

    assert bundle.is_relative_to(tmp_path)
    assert bundle.exists()
    assert not (bundle.parent / "data").exists()
    assert str(bundle.parent.parent) in ran.err


@pytest.mark.parametrize("wrong", [("--lied", "--unaware"), ("--format", "csv")])
def test_wrong_command_line_is_said(candour: Candour, wrong: tuple[str, ...]) -> None:
    """Two variants at once, or a format that cannot hold a story."""
    ran = candour("demo", "halifax", *wrong)
    assert (2, "") == (ran.exit_code, ran.out)


def test_kept_directory_is_not_told_twice(candour: Candour, tmp_path: Path) -> None:
    """A ledger that is there already stays as it is, and the sentence says what to do."""
    candour("demo", "halifax", "--lied", "--keep", tmp_path)
    ran = candour("demo", "halifax", "--lied", "--keep", tmp_path)

    assert 1 == ran.exit_code
    assert "Choose another directory" in ran.err


@pytest.mark.parametrize("text", ["[scenario", "[scenario]", "told = 1"])
def test_file_that_is_no_scenario_is_refused(text: str) -> None:
    """With an error of ours."""
    with pytest.raises(Malformed):
        read_scenario(text)
