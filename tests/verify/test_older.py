"""Is a tree believed that does not extend what the reader saw before? Never."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.merkle import EMPTY_ROOT
from ledger.tlog import Checkpoint, Signer, sign_checkpoint
from ledger.verify.older import NOT_COMPARED
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests.ledgers import ORIGIN, SIGNER
from tests.verify.evidence import POLICY, Object, SmallLedger, bent, opened, signed

OLD = 7


def checked(bundle: bytes, older: bytes | None = None) -> Report:
    return verify_bundle(bundle, POLICY, older=older)


def last_step(report: Report) -> tuple[str, str, str]:
    step = report.steps[-1]
    return report.verdict, step.name, step.outcome


@given(st.data())
def test_growth_from_every_size_is_verified(small: SmallLedger, data: st.DataObject) -> None:
    """From any older tree to this one, against the reader's own checkpoint of it."""
    size = data.draw(st.integers(1, small.size))
    report = checked(small.bundle(older=size), small.checkpoint(size))

    assert "verified" == report.verdict, report.reason
    assert NOT_COMPARED not in report.not_checked


def test_proof_without_own_checkpoint_is_checked_and_said(small: SmallLedger) -> None:
    """It shows that the log stands by both trees, not that the reader ever saw the older one."""
    report = checked(small.bundle(older=OLD))
    step = report.steps[-2]

    assert ("verified", "consistency", 11) == (report.verdict, step.name, step.number)
    assert (
        f"the tree only grew, from {OLD} entries, not compared with a checkpoint of your own"
    ) == (step.detail)
    assert NOT_COMPARED in report.not_checked
    assert NOT_COMPARED in checked(small.listed).not_checked


def test_same_tree_needs_no_proof(small: SmallLedger) -> None:
    """A checkpoint of the bundle's own size: the roots are equal, or two histories were signed."""
    other = sign_checkpoint(Checkpoint(ORIGIN, small.size, bytes(32)), SIGNER)

    assert "verified" == checked(small.listed, small.checkpoint(small.size)).verdict
    assert ("refused", "consistency", "failed") == last_step(checked(small.listed, other))
    assert "two histories" in checked(small.listed, other).reason


def test_bundle_that_says_nothing_of_growth_is_not_judged(small: SmallLedger) -> None:
    """The reader asked, and is told how to get an answer: this is no yes."""
    report = checked(small.listed, small.checkpoint(OLD))

    assert ("unusable", "consistency", "not judged") == last_step(report)
    assert "candour prove … --older FILE" in report.reason


def own_checkpoints(small: SmallLedger) -> dict[str, tuple[bytes, str]]:
    """What a reader may hold, and the verdict over a bundle that shows growth from OLD."""
    root = small.ledger.log.tree(OLD).root()
    elsewhere = Signer("example.com/log", bytes(32))
    forger = Signer(ORIGIN, bytes([1]) * 32)
    return {
        "of another history": (
            sign_checkpoint(Checkpoint(ORIGIN, OLD, bytes(32)), SIGNER),
            "refused",
        ),
        "of another size": (small.checkpoint(OLD + 1), "refused"),
        "of another ledger": (
            sign_checkpoint(Checkpoint("example.com/log", OLD, root), elsewhere),
            "refused",
        ),
        "by another key": (sign_checkpoint(Checkpoint(ORIGIN, OLD, root), forger), "unusable"),
        "newer than the bundle": (
            sign_checkpoint(Checkpoint(ORIGIN, small.size + 1, root), SIGNER),
            "unusable",
        ),
        "of nothing": (sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), SIGNER), "unusable"),
        "no checkpoint": (b"my notes of last year\n", "unusable"),
        "empty": (b"", "unusable"),
    }


def test_other_own_checkpoint_never_verifies(small: SmallLedger) -> None:
    """Refused where it contradicts the bundle, not judged where it says nothing."""
    bundle = small.bundle(older=OLD)
    for what, (note, verdict) in own_checkpoints(small).items():
        report = checked(bundle, note)

        assert (verdict, "consistency") == last_step(report)[:2], what
    assert "verified" == checked(bundle, small.checkpoint(OLD)).verdict


# --- changes --------------------------------------------------------------------------------
def _proof(change: Callable[[list[str]], Any]) -> Callable[[Object], Any]:
    return lambda found: change(found["consistency"]["proof"])


def _older(note: Callable[[SmallLedger], bytes]) -> Callable[[Object, SmallLedger], Any]:
    return lambda found, small: found["consistency"].update(checkpoint=note(small).decode())


LIES: dict[str, Callable[[Object], Any]] = {
    "a hash changed": _proof(lambda proof: proof.__setitem__(0, "A" * 43 + "=")),
    "a hash more": _proof(lambda proof: proof.append(proof[0])),
    "a hash less": _proof(lambda proof: proof.pop()),
    "hashes swapped": _proof(lambda proof: proof.reverse()),
    "no hashes": _proof(lambda proof: proof.clear()),
    "too many": _proof(lambda proof: proof.extend(proof * 64)),
    "not a hash": _proof(lambda proof: proof.__setitem__(0, "AAAA")),
    "a number": _proof(lambda proof: proof.__setitem__(0, 5)),  # type: ignore[call-overload]
    "no proof": lambda found: found["consistency"].pop("proof"),
    "no checkpoint": lambda found: found["consistency"].pop("checkpoint"),
    "checkpoint empty": lambda found: found["consistency"].update(checkpoint=""),
    "checkpoint of a number": lambda found: found["consistency"].update(checkpoint=1),
    "a member more": lambda found: found["consistency"].update(more=1),
    "a list": lambda found: found.update(consistency=[]),
    "null": lambda found: found.update(consistency=None),
    "the bundle's own checkpoint": lambda found: found["consistency"].update(
        checkpoint=found["checkpoint"]
    ),
}
FORGED: dict[str, Callable[[Object, SmallLedger], Any]] = {
    "of another history": _older(
        lambda _: sign_checkpoint(Checkpoint(ORIGIN, OLD, bytes(32)), SIGNER)
    ),
    "of another size": _older(lambda small: small.checkpoint(OLD + 1)),
    "of nothing": _older(lambda _: sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), SIGNER)),
    "by another key": _older(
        lambda small: sign_checkpoint(
            Checkpoint(ORIGIN, OLD, small.ledger.log.tree(OLD).root()),
            Signer(ORIGIN, bytes([1]) * 32),
        )
    ),
    "of another ledger": _older(
        lambda small: sign_checkpoint(
            Checkpoint("example.com/log", OLD, small.ledger.log.tree(OLD).root()),
            Signer("example.com/log", bytes(32)),
        )
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_changed_proof_is_refused(small: SmallLedger, lie: str) -> None:
    """With the old signature, and signed anew by the answers key; compared or not."""
    for data in bent(small.bundle(older=OLD), LIES[lie]):
        for own in (None, small.checkpoint(OLD)):
            assert "refused" == checked(data, own).verdict


@pytest.mark.parametrize("lie", FORGED)
def test_other_older_checkpoint_is_refused(small: SmallLedger, lie: str) -> None:
    """Whoever holds the answers key may put any checkpoint there: the proof leads from none."""
    found = opened(small.bundle(older=OLD))
    FORGED[lie](found, small)

    assert ("refused", "consistency", "failed") == last_step(checked(signed(found)))
