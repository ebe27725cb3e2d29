"""Does one entry stand in that ledger? An entry, its tlog-proof, and the trust file. (C2SP)

    1 read   2 trust   3 checkpoint   4 witnesses   5 inclusion   6 entry

    bundle ──proofs_of──► 41.tlog-proof, 41.entry ──verify_entry──► report

Any client of tlog-proof checks the first five; it needs nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.entry import decode_entry
from ledger.errors import Malformed
from ledger.merkle import leaf_hash, verify_inclusion
from ledger.tlog import (
    Checkpoint,
    TlogProof,
    TrustPolicy,
    VerifierKey,
    claimed_checkpoint,
    log_key,
    open_checkpoint,
)
from ledger.verify.bundle import bundle_of_object, read_object
from ledger.verify.report import Report
from ledger.verify.steps import Steps, TreeTooSmall, run_steps
from ledger.verify.witnesses import check_witnesses

SIGN: Final = b"c2sp.org/tlog-proof@v1\n"  # how such a file begins
WHAT_IT_MEANS: Final = (
    "what the entry means: others may have changed or withdrawn it since (ask for a bundle)",
    "whether the trust file is the right one: get it by another way than the proof",
)


def proofs_of(bundle: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Leaf index, tlog-proof and bytes of each entry of a bundle that was verified.

    Raises:
        Malformed: It never was one.
    """
    found = bundle_of_object(read_object(bundle))
    for item in found.entries:
        proof = TlogProof(item.leaf_index, tuple(item.proof), found.checkpoint)
        yield item.leaf_index, proof.marshal(), item.entry


def verify_entry(
    proof: bytes, entry: bytes, policy: TrustPolicy, *, min_tree_size: int | None = None
) -> Report:
    """Check that an entry stands in the log of a trust policy.

    Args:
        proof: A file `*.tlog-proof`.
        entry: The bytes that are hashed.
        policy: Whom the reader trusts.
        min_tree_size: The least tree size of the checkpoint; None where any will do.
    Returns:
        A report; never raises for what the files hold.
    """
    run = _Run(proof, entry, policy, min_tree_size)
    return run_steps(
        run.report, run.steps(), lambda: f"entry {run.proof.leaf_index} stands in {run.origin}"
    )


class _Run:
    """The state that steps hand on."""

    def __init__(
        self, data: bytes, entry: bytes, policy: TrustPolicy, min_tree_size: int | None
    ) -> None:
        self.data, self.entry, self.policy = data, entry, policy
        self.min_tree_size = min_tree_size
        self.report = Report(not_checked=list(WHAT_IT_MEANS))
        self.origin = ""
        self.proof: TlogProof
        self.key: VerifierKey
        self.checkpoint: Checkpoint

    def steps(self) -> Steps:
        yield "read", self.read
        yield "trust", self.trust
        yield "checkpoint", self.check_checkpoint
        yield "witnesses", self.witnesses
        yield "inclusion", self.inclusion
        yield "entry", self.check_entry

    def read(self) -> str:
        self.proof = TlogProof.parse(self.data)
        self.origin = self.report.origin = claimed_checkpoint(self.proof.note).origin
        return f"a proof of entry {self.proof.leaf_index}"

    def trust(self) -> str:
        self.key = log_key(self.policy, self.origin)
        return f"the trust file holds the key of {self.origin}"

    def check_checkpoint(self) -> str:
        self.checkpoint = open_checkpoint(self.proof.note, [self.key]).checkpoint
        self.report.tree_size = size = self.checkpoint.tree_size
        if self.min_tree_size is not None and size < self.min_tree_size:
            raise TreeTooSmall(size, self.min_tree_size)
        self.report.not_checked.append(f"whether the ledger has grown beyond {size} entries since")
        return f"the log key signed the root of {size} entries"

    def witnesses(self) -> str:
        found, unchecked = check_witnesses(self.proof.note, self.policy, self.origin)
        self.report.not_checked.append(unchecked)
        return found

    def inclusion(self) -> str:
        verify_inclusion(
            leaf_hash(self.entry),
            leaf_index=self.proof.leaf_index,
            tree_size=self.checkpoint.tree_size,
            proof=self.proof.proof,
            root=self.checkpoint.root,
        )
        return f"{len(self.entry)} bytes stand under that root"

    def check_entry(self) -> str:
        found = decode_entry(self.entry)
        if found.origin != self.origin:
            raise Malformed("entry.origin", "is of another ledger")
        return f"{found.topic}, recorded at {found.recorded_at} by the operator's clock"
