"""How often, proven? An authenticated index of counts, zero included. (usage-index/1)

    entries ──UsageFold──► keys ──insert──► trie ──► root, total ──► committed in the log
    question ──prove──► proof ──verify_count──► count, undated, unattributed, withdrawn

Pure: nodes live wherever a NodeStore keeps them. The verifier needs the standard library.

    keys ◄── placements ◄── fold
    keys ◄── spans ◄── questions ◄── proof ◄── verify
    keys ◄── nodes ◄── trie, prove, families; nodes, spans ◄── walk ◄── verify

Source: docs/usage-index.md; the format's vectors judge tests/usage_index.
"""

from ledger.usage_index.answers import CountAnswer, Total
from ledger.usage_index.families import is_of_performers, root_of_families, subtree_of
from ledger.usage_index.fold import KnownUse, UsageFold
from ledger.usage_index.keys import NONE, UNUSED, Family, day_of_use, key_of, part, withdrawn_side
from ledger.usage_index.nodes import (
    EMPTY,
    Inner,
    Leaf,
    MemoryNodes,
    Node,
    NodeStore,
    Ref,
    reachable,
)
from ledger.usage_index.placements import Use, placements, use_before, use_reported
from ledger.usage_index.proof import (
    INDEX_VERSION,
    PROOF_FORMAT,
    Commitment,
    read_proof,
)
from ledger.usage_index.prove import prove_nodes, prove_question
from ledger.usage_index.questions import (
    CountQuestion,
    Days,
    Question,
    WholeQuestion,
    question_of_object,
)
from ledger.usage_index.refusals import (
    CountTooLarge,
    KeyOutOfPlace,
    ListingDiffers,
    NodeMalformed,
    NodesLeftOver,
    OtherQuestion,
    ProofTooLarge,
    ProofTruncated,
    RootDiffers,
    UsageProofRefused,
    WithdrawnAbovePlaced,
    WronglyClosed,
    WronglyOpened,
)
from ledger.usage_index.spans import Detail, Span
from ledger.usage_index.trie import insert
from ledger.usage_index.verify import (
    check_listing,
    tally_nodes,
    verify_count,
    verify_groups,
    verify_proof,
    verify_registers,
    verify_total,
)
from ledger.usage_index.walk import Register, Tally

__all__ = [
    "EMPTY",
    "INDEX_VERSION",
    "NONE",
    "PROOF_FORMAT",
    "UNUSED",
    "Commitment",
    "CountAnswer",
    "CountQuestion",
    "CountTooLarge",
    "Days",
    "Detail",
    "Family",
    "Inner",
    "KeyOutOfPlace",
    "KnownUse",
    "Leaf",
    "ListingDiffers",
    "MemoryNodes",
    "Node",
    "NodeMalformed",
    "NodeStore",
    "NodesLeftOver",
    "OtherQuestion",
    "ProofTooLarge",
    "ProofTruncated",
    "Question",
    "Ref",
    "Register",
    "RootDiffers",
    "Span",
    "Tally",
    "Total",
    "UsageFold",
    "UsageProofRefused",
    "Use",
    "WholeQuestion",
    "WithdrawnAbovePlaced",
    "WronglyClosed",
    "WronglyOpened",
    "check_listing",
    "day_of_use",
    "insert",
    "is_of_performers",
    "key_of",
    "part",
    "placements",
    "prove_nodes",
    "prove_question",
    "question_of_object",
    "reachable",
    "read_proof",
    "root_of_families",
    "subtree_of",
    "tally_nodes",
    "use_before",
    "use_reported",
    "verify_count",
    "verify_groups",
    "verify_proof",
    "verify_registers",
    "verify_total",
    "withdrawn_side",
]
