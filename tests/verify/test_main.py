"""Does the command say it by its exit status too? 0 verified, 1 refused, 2 unusable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.canonical_json import encode
from ledger.tlog import COSIGNATURE_TYPE, Signer, VerifierKey, answers_name, format_trust
from ledger.verify.__main__ import main
from tests import strategies as told
from tests.verify.evidence import TRUST, SmallLedger, opened, report, signed

OTHER = Signer("example.com/log", bytes(32))
OTHER_ANSWERS = Signer(answers_name("example.com/log"), bytes([1]) * 32)


def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """The verifier as its user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "ledger.verify", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )


class Desk:
    """A folder with a bundle and a trust file, and the same command over both."""

    def __init__(self, folder: Path, bundle: bytes) -> None:
        self.bundle, self.trust = folder / "bundle.json", folder / "trust.txt"
        self.bundle.write_bytes(bundle)
        self.trust.write_text(TRUST)

    def verify(self, *more: object) -> tuple[int, str]:
        """Exit status and the last line printed."""
        done = run(self.bundle, "--trust", self.trust, *more)
        assert "" == done.stderr
        return done.returncode, done.stdout.rstrip("\n").split("\n")[-1]


@pytest.fixture
def desk(small: SmallLedger, tmp_path: Path) -> Desk:
    return Desk(tmp_path, small.listed)


def test_verified_is_0(desk: Desk) -> None:
    """The word stands at the beginning of the last line."""
    status, last = desk.verify()

    assert 0 == status
    assert last.startswith("verified: the answer follows from candour.local/")


def test_flipped_byte_is_1(desk: Desk) -> None:
    """The word `refused`, and the step that failed."""
    data = bytearray(desk.bundle.read_bytes())
    data[len(data) // 2] ^= 1
    desk.bundle.write_bytes(data)
    status, last = desk.verify()

    assert 1 == status
    assert last.startswith("refused: step ")


def test_trust_in_another_ledger_is_1(desk: Desk) -> None:
    """The trust file is right, and says nothing of this ledger."""
    desk.trust.write_text(format_trust(log=OTHER.verifier_key, answers=OTHER_ANSWERS.verifier_key))
    status, last = desk.verify()

    assert 1 == status
    assert "step 2, trust" in last


def test_min_tree_size_is_kept(desk: Desk, small: SmallLedger) -> None:
    """A reader who holds a receipt does not accept an answer from before it."""
    assert 0 == desk.verify("--min-tree-size", small.size)[0]
    status, last = desk.verify("--min-tree-size", small.size + 1)

    assert 1 == status
    assert f"tree size {small.size} is below {small.size + 1}" in last


@pytest.mark.parametrize("what", ["missing", "a folder", "no bundle", "empty"])
def test_no_bundle_is_2(desk: Desk, what: str) -> None:
    """What was never a bundle is not refused but unusable."""
    if what in ("missing", "a folder"):
        desk.bundle.unlink()
    if what == "a folder":
        desk.bundle.mkdir()
    if what in ("no bundle", "empty"):
        desk.bundle.write_bytes(b'{"some": "file"}' if what == "no bundle" else b"")
    status, last = desk.verify()

    assert 2 == status
    assert last.startswith("unusable: ")


@pytest.mark.parametrize("text", [None, "", "log me\nquorum none\n", TRUST[:-1], "\0\n", TRUST * 2])
def test_bad_trust_file_is_2(desk: Desk, text: str | None) -> None:
    """Missing, empty, malformed, cut, binary or doubled: nobody is trusted by mistake."""
    if text is None:
        desk.trust.unlink()
    else:
        desk.trust.write_text(text)
    status, last = desk.verify()

    assert 2 == status
    assert last.startswith("unusable: ")


def test_newer_format_is_2(desk: Desk) -> None:
    """Signed by the answers key, and of a later release."""
    newer = {**opened(desk.bundle.read_bytes()), "format": "candour-evidence/2"}
    desk.bundle.write_bytes(signed(newer))
    assert (
        2,
        "unusable: step 4, format: bundle format 'candour-evidence/2' is not known here",
    ) == (desk.verify())
    desk.bundle.write_bytes(encode(newer) + b"\n")
    assert 1 == desk.verify()[0], "by nobody, it is just damaged"


def test_unmet_quorum_is_1(desk: Desk) -> None:
    """A checkpoint that no witness cosigned is not what the trust file asks for."""
    witness = VerifierKey("w", bytes(range(32)), COSIGNATURE_TYPE)
    demanding = TRUST.replace("quorum none", f"witness w {witness.format()}\nquorum w")
    desk.trust.write_text(demanding)

    code, verdict = desk.verify()
    assert 1 == code
    assert verdict.startswith("refused: step 6, witnesses: ")
    assert verdict.endswith("cosigned by no witness we know, which does not make quorum w")


def test_unknown_topic_is_2(tmp_path: Path) -> None:
    """An entry that this release cannot fold."""
    later = SmallLedger(tmp_path)
    later.ledger.tell([told.Report((report(1),)), told.Foreign(None)])
    later.fold()
    found = opened(later.bundle())
    found["entries"].append(later.item(later.size - 1))
    desk = Desk(tmp_path, signed(found))
    later.place.close()

    assert 2 == desk.verify()[0]


def test_wrong_use_is_2(desk: Desk) -> None:
    """Without a trust file nothing can be said."""
    assert 2 == run(desk.bundle).returncode
    assert 2 == run(desk.bundle, "--trust", desk.trust, "--min-tree-size", "many").returncode


@pytest.mark.parametrize("verdict", ["verified", "refused", "unusable"])
def test_json_has_one_shape(desk: Desk, verdict: str) -> None:
    """For scripts: the same members for every verdict, the answer only where it holds."""
    if verdict == "refused":
        desk.bundle.write_bytes(desk.bundle.read_bytes().replace(b"agencies/a", b"agencies/b"))
    if verdict == "unusable":
        desk.bundle.write_bytes(b"{}")
    done = run(desk.bundle, "--trust", desk.trust, "--format", "json")
    found = json.loads(done.stdout)

    assert verdict == found["verdict"]
    assert {
        "answer",
        "not_checked",
        "origin",
        "question",
        "reason",
        "steps",
        "timestamps",
        "tree_size",
        "verdict",
    } == (set(found))
    assert all({"detail", "name", "outcome", "step"} == set(step) for step in found["steps"])
    assert (verdict == "verified") is (found["answer"] is not None)
    assert found["not_checked"] != []


def test_any_terminal_gets_its_verdict(desk: Desk) -> None:
    """Letters that an old terminal lacks are spelt out; the verdict stays."""
    for coding in ("ascii", "latin-1"):
        done = run(desk.bundle, "--trust", desk.trust, PYTHONIOENCODING=coding)

        assert 0 == done.returncode, done.stderr


def test_too_large_a_file_is_2(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No more is read than the bound."""
    monkeypatch.setattr("ledger.verify.__main__.MAX_BUNDLE_BYTES", 1_000)

    assert 2 == main([str(desk.bundle), "--trust", str(desk.trust)])
    assert "is larger than 1000 bytes" in capsys.readouterr().out
