"""Does a client that we did not write accept our tlog-proofs, and refuse changed ones?

evidence bundle ──proofs_of──► *.tlog-proof, entry ──► sumdb (golang.org/x/mod)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from ledger.verify.entry_files import proofs_of
from tests.golang import Judges
from tests.ledgers import SIGNER
from tests.verify.evidence import SmallLedger

pytestmark = pytest.mark.timeout(900)  # the first test builds the judges


@dataclass(frozen=True)
class Exported:
    """The files of each entry of a ledger, and the log's key."""

    proofs: list[Path]
    vkey: Path


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("proofs")
    small = SmallLedger(folder)
    small.live()
    proofs = []
    for leaf_index, proof, entry in proofs_of(small.complete):
        proofs.append(folder / f"{leaf_index}.tlog-proof")
        proofs[-1].write_bytes(proof)
        proofs[-1].with_suffix(".entry").write_bytes(entry)
    small.place.close()
    vkey = folder / "vkey"
    vkey.write_text(SIGNER.verifier_key.format() + "\n")
    return Exported(proofs, vkey)


def test_every_proof_is_accepted(judges: Judges, exported: Exported) -> None:
    """Of all entries of a ledger; and of no other entry than its own."""
    for proof in exported.proofs:
        verdict = judges.entry_by_sumdb(proof, proof.with_suffix(".entry"), exported.vkey)
        assert verdict.accepted, verdict.said
    for proof, other in zip(exported.proofs, exported.proofs[1:5], strict=False):
        entry = other.with_suffix(".entry")
        assert not judges.entry_by_sumdb(proof, entry, exported.vkey).accepted


def test_changed_proofs_are_refused(judges: Judges, exported: Exported, tmp_path: Path) -> None:
    """A byte of the place, a hash, the root or the signature."""
    proof = exported.proofs[3]
    data, entry = proof.read_bytes(), proof.with_suffix(".entry")
    changed = tmp_path / "changed.tlog-proof"
    for at in (data.index(b"index ") + 6, data.index(b"\n\n") - 20, len(data) - 40):
        changed.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        verdict = judges.entry_by_sumdb(changed, entry, exported.vkey)
        assert (False, "refused: ") == (verdict.accepted, verdict.said[:9])
