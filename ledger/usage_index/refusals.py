"""Why does a proof of usage not hold? One error for each claim that can fail. (section 5)

UsageProofRefused
├── NodeMalformed                        node 3 is not one that the format knows
├── WronglyClosed, WronglyOpened         what the question demands was hidden, or the reverse
├── KeyOutOfPlace                        a register stands where its key does not lead
├── ProofTruncated, NodesLeftOver        too few nodes, too many
├── CountTooLarge, RootDiffers           the nodes do not add up to what was committed
├── WithdrawnAbovePlaced                 they do, and the commitment itself is dishonest
└── OtherQuestion                        the proof says it answers something else
ListingDiffers                           these entries are not that register
ProofTooLarge                            Refused, by the prover: ask a narrower question
"""

from __future__ import annotations

from ledger.errors import Refused, VerificationFailed
from ledger.limits import MAX_USAGE_PROOF_NODES


class UsageProofRefused(VerificationFailed):
    """A proof of usage does not hold.

    Args:
        reason: What is wrong.
        node: Index in `nodes`, where one node is to blame.
    """

    def __init__(self, reason: str, *, node: int | None = None) -> None:
        super().__init__(reason if node is None else f"node {node}: {reason}")
        self.reason, self.node = reason, node


class NodeMalformed(UsageProofRefused):
    """A node is not an object of known fields, or one of its values is out of bounds."""


class WronglyClosed(UsageProofRefused):
    """A node hides what the question asks about."""

    def __init__(self, *, node: int) -> None:
        super().__init__("is closed, and must be opened", node=node)


class WronglyOpened(UsageProofRefused):
    """A node is opened where the rule wants only its count and hash."""

    def __init__(self, *, node: int) -> None:
        super().__init__("is opened, and must stay closed", node=node)


class KeyOutOfPlace(UsageProofRefused):
    """A register's key does not start with the bits that lead to it."""

    def __init__(self, *, node: int) -> None:
        super().__init__("holds a key that does not belong at its position", node=node)


class ProofTruncated(UsageProofRefused):
    """Nodes are missing at the end."""

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing} positions are without a node")
        self.missing = missing


class NodesLeftOver(UsageProofRefused):
    """A node stands where the proof is already whole."""

    def __init__(self, *, node: int) -> None:
        super().__init__("stands after the end", node=node)


class CountTooLarge(UsageProofRefused):
    """Counts add up beyond 2^53-1, which no honest index does."""

    def __init__(self, *, node: int) -> None:
        super().__init__("counts add up beyond 2^53-1", node=node)


class RootDiffers(UsageProofRefused):
    """The nodes lead to another root or total than the one committed to."""

    def __init__(self, *, total: int, committed_total: int) -> None:
        super().__init__(
            f"the nodes lead to another root (their total is {total}, committed is"
            f" {committed_total})"
        )
        self.total, self.committed_total = total, committed_total


class WithdrawnAbovePlaced(UsageProofRefused):
    """More uses left a key than entered it: the committed index itself is false."""

    def __init__(self, *, placed: int, withdrawn: int) -> None:
        super().__init__(f"{withdrawn} withdrawn, and only {placed} were placed")
        self.placed, self.withdrawn = placed, withdrawn


class OtherQuestion(UsageProofRefused):
    """The proof names another question, detail or commitment than the verifier asks about."""

    def __init__(self, member: str) -> None:
        super().__init__(f"its {member!r} is not the one asked about")
        self.member = member


class ListingDiffers(VerificationFailed):
    """Entries listed for a register are not the ones it holds."""


class ProofTooLarge(Refused):
    """The answer opens more nodes than a verifier reads."""

    def __init__(self) -> None:
        super().__init__(
            f"the proof takes more than {MAX_USAGE_PROOF_NODES} nodes: ask about fewer days"
        )
