"""Does an answer count only under a checkpoint that enough believed witnesses cosigned?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger.tlog import (
    Cosigner,
    Signature,
    TrustPolicy,
    add_signatures,
    claimed_checkpoint,
    parse_trust_policy,
)
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from ledger.verify.witnesses import NO_WITNESS, NONE_DEMANDED, WHO_THEY_ARE
from tests.tlog.logs import WITNESSES
from tests.verify.evidence import TRUST, SmallLedger, opened, signed

AT = 1_700_000_000
LINES = "".join(
    f"witness w{n} {cosigner.verifier_key.format()}\n" for n, cosigner in enumerate(WITNESSES)
)


def trusting(quorum: str) -> TrustPolicy:
    """All witnesses are known; `quorum` ends the file."""
    return parse_trust_policy(TRUST.replace("quorum none\n", LINES + quorum + "\n").encode())


def cosigned(bundle: bytes, by: Sequence[Cosigner], *, at: int = AT) -> bytes:
    """The bundle, its checkpoint with lines of these witnesses."""
    found = opened(bundle)
    note = found["checkpoint"].encode()
    lines = [one.cosign(claimed_checkpoint(note), cosigned_at=at) for one in by]
    return signed({**found, "checkpoint": add_signatures(note, lines).decode()})


def step(report: Report) -> str:
    return next(step.detail for step in report.steps if step.name == "witnesses")


@pytest.mark.parametrize(
    ("quorum", "by", "verdict"),
    [
        ("quorum w0", [0], "verified"),
        ("quorum w0", [1, 2, 3], "refused"),
        ("group two 2 w0 w1 w2\nquorum two", [0, 2], "verified"),
        ("group two 2 w0 w1 w2\nquorum two", [0, 3], "refused"),
        ("group two 2 w0 w1 w2\nquorum two", [], "refused"),
        ("group g any w0 w1\ngroup all all g w3\nquorum all", [1, 3], "verified"),
        ("group g any w0 w1\ngroup all all g w3\nquorum all", [0, 1], "refused"),
        ("quorum none", [], "verified"),
    ],
)
def test_quorum_decides(small: SmallLedger, quorum: str, by: list[int], verdict: str) -> None:
    """Met: verified, and nothing more is said of other histories. Unmet: refused, with who did."""
    report = verify_bundle(cosigned(small.bundle(), [WITNESSES[n] for n in by]), trusting(quorum))

    assert verdict == report.verdict
    if verdict == "refused":
        assert "does not make quorum" in report.reason
        assert all(f"w{n}" in report.reason for n in by)
    elif by:
        assert WHO_THEY_ARE in report.not_checked
        assert not any("the same history" in line for line in report.not_checked)
        assert all(f"w{n} at 2023-11-14T22:13:20Z" in step(report) for n in by)


def test_without_quorum_others_may_be_shown_another(small: SmallLedger) -> None:
    """It is said in either case: the file names no witness, or demands none of those it names."""
    bundle = cosigned(small.bundle(), [WITNESSES[0]])
    unnamed = verify_bundle(bundle, parse_trust_policy(TRUST.encode()))
    undemanded = verify_bundle(bundle, trusting("quorum none"))

    assert ("verified", "verified") == (unnamed.verdict, undemanded.verdict)
    assert NO_WITNESS in unnamed.not_checked
    assert "none demanded" == step(unnamed)
    assert NONE_DEMANDED in undemanded.not_checked
    assert "none demanded; cosigned by w0 at 2023-11-14T22:13:20Z" == step(undemanded)


@pytest.mark.parametrize("quorum", ["quorum w0", "quorum none", "quorum w1"])
def test_bad_cosignature_condemns(small: SmallLedger, quorum: str) -> None:
    """A line under a known witness's name and id that it did not make is a forgery."""
    found = opened(cosigned(small.bundle(), [WITNESSES[1]]))
    note = found["checkpoint"].encode()
    checkpoint = claimed_checkpoint(note)
    honest = WITNESSES[0].cosign(checkpoint, cosigned_at=AT)
    blob = honest.signature[:-1] + bytes([honest.signature[-1] ^ 1])
    forged = Signature(honest.key_name, honest.key_id, blob)
    note = add_signatures(note, [forged])
    report = verify_bundle(signed({**found, "checkpoint": note.decode()}), trusting(quorum))

    assert "refused" == report.verdict
    assert "step 6, witnesses: cosignature of w0.example/witness" in report.reason


def test_time_is_the_witness_s_word(small: SmallLedger) -> None:
    """A time that no calendar has is printed as it stands."""
    report = verify_bundle(
        cosigned(small.bundle(), [WITNESSES[0]], at=2**62), trusting("quorum w0")
    )

    assert "verified" == report.verdict
    assert f"w0 at second {2**62}" in step(report)
