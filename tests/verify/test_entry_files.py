"""Does each entry of a bundle prove itself alone, as C2SP tlog-proof, and only itself?"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.tlog import TlogProof, parse_trust_policy
from ledger.verify.__main__ import main
from ledger.verify.entry_files import proofs_of, verify_entry
from ledger.verify.report import Report
from tests.tlog.logs import WITNESSES
from tests.verify.evidence import POLICY, TRUST, SmallLedger

STEPS = ["read", "trust", "checkpoint", "witnesses", "inclusion", "entry"]


def checked(proof: bytes, entry: bytes, **more: Any) -> Report:
    return verify_entry(proof, entry, POLICY, **more)


@pytest.fixture(scope="module")
def pairs(small: SmallLedger) -> list[tuple[int, bytes, bytes]]:
    return list(proofs_of(small.complete))


def test_every_entry_of_a_bundle_proves_itself(pairs: list[tuple[int, bytes, bytes]]) -> None:
    """Its file names its place, and holds all that is needed beside the entry and the key."""
    assert [*range(len(pairs))] == [leaf_index for leaf_index, _, _ in pairs]
    for leaf_index, proof, entry in pairs:
        report = checked(proof, entry)
        assert ("verified", STEPS) == (report.verdict, [step.name for step in report.steps])
        assert f"entry {leaf_index} stands in" in report.reason
        assert TlogProof.parse(proof).marshal() == proof


@given(st.data())
def test_any_flipped_bit_is_refused(
    pairs: list[tuple[int, bytes, bytes]], data: st.DataObject
) -> None:
    """Of the proof or of the entry, at any place."""
    _, proof, entry = data.draw(st.sampled_from(pairs))
    files = [proof, entry]
    which = data.draw(st.integers(0, 1))
    at = data.draw(st.integers(0, len(files[which]) - 1))
    bit = data.draw(st.integers(0, 7))
    flipped = bytes([files[which][at] ^ 1 << bit])
    files[which] = files[which][:at] + flipped + files[which][at + 1 :]

    assert "refused" == checked(*files).verdict


def test_entry_proves_no_other(pairs: list[tuple[int, bytes, bytes]]) -> None:
    """A proof is of one entry at one place."""
    for (_, proof, _), (_, _, other) in pairwise(pairs):
        report = checked(proof, other)
        assert ("refused", "inclusion") == (report.verdict, report.steps[-1].name)


def test_least_tree_size_and_quorum_are_kept(
    small: SmallLedger, pairs: list[tuple[int, bytes, bytes]]
) -> None:
    """What a reader demands of a checkpoint is demanded here too."""
    _, proof, entry = pairs[0]
    line = f"witness w {WITNESSES[0].verifier_key.format()}\nquorum w"
    demanding = parse_trust_policy(TRUST.replace("quorum none", line).encode())

    assert "verified" == checked(proof, entry, min_tree_size=small.size).verdict
    assert "refused" == checked(proof, entry, min_tree_size=small.size + 1).verdict
    report = verify_entry(proof, entry, demanding)
    assert ("refused", "witnesses") == (report.verdict, report.steps[-1].name)


class Desk:
    """A folder with a bundle and a trust file, and the command over what is in it."""

    def __init__(self, folder: Path, bundle: bytes, capsys: pytest.CaptureFixture[str]) -> None:
        self.bundle, self.trust = folder / "bundle.json", folder / "trust.txt"
        self.bundle.write_bytes(bundle)
        self.trust.write_text(TRUST)
        self.proofs, self.capsys = folder / "proofs", capsys

    def verify(self, *arguments: object) -> tuple[int, dict[str, Any]]:
        """Exit status and report."""
        code = main([*map(str, arguments), "--trust", str(self.trust), "--format", "json"])
        return code, json.loads(self.capsys.readouterr().out)


@pytest.fixture
def desk(small: SmallLedger, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, small.listed, capsys)


def test_command_writes_and_checks_them(desk: Desk) -> None:
    """Two files an entry; each pair is verified, crossed pairs are not."""
    assert 0 == desk.verify(desk.bundle, "--tlog-proofs", desk.proofs)[0]
    entries = json.loads(desk.bundle.read_bytes())["entries"]
    for item in entries:
        proof = desk.proofs / f"{item['leaf_index']}.tlog-proof"
        entry = proof.with_suffix(".entry")
        assert item["entry"] == entry.read_text()
        code, report = desk.verify(proof, "--entry", entry)
        assert (0, STEPS) == (code, [step["name"] for step in report["steps"]])
    assert 2 * len(entries) == len(list(desk.proofs.iterdir()))
    assert 1 == desk.verify(proof, "--entry", desk.trust)[0]


def test_refused_bundle_leaves_no_proofs(desk: Desk) -> None:
    """What was not verified is not passed on."""
    data = desk.bundle.read_bytes()
    desk.bundle.write_bytes(data.replace(b'"count":', b'"count":1', 1))

    assert 1 == desk.verify(desk.bundle, "--tlog-proofs", desk.proofs)[0]
    assert not desk.proofs.exists()


def test_what_does_not_go_together_is_2(desk: Desk) -> None:
    """A proof without its entry, an entry beside a bundle, options of the other kind, and files
    that cannot be written: said, and no verdict."""
    desk.verify(desk.bundle, "--tlog-proofs", desk.proofs)
    proof = min(desk.proofs.glob("*.tlog-proof"))
    entry = proof.with_suffix(".entry")
    wrong: list[tuple[object, ...]] = [
        (proof,),
        (proof, "--entry", desk.proofs / "nothing"),
        (proof, "--entry", entry, "--older", desk.trust),
        (proof, "--entry", entry, "--tsa-ca", desk.trust),
        (proof, "--entry", entry, "--tlog-proofs", desk.proofs),
        (desk.bundle, "--entry", entry),
        (desk.bundle, "--older", desk.proofs / "nothing"),
        (desk.bundle, "--tsa-ca", desk.trust),
        (desk.bundle, "--tlog-proofs", desk.trust),
    ]
    for arguments in wrong:
        code, report = desk.verify(*arguments)
        assert (2, "unusable") == (code, report["verdict"]), arguments
