"""Do strangers' vectors agree with our verifiers? (transparency-dev/merkle, Apache-2.0)

shared/data/merkle-vectors/testdata/{inclusion,consistency}/**.json ──► accepted, or not
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from ledger.errors import VerificationFailed
from ledger.merkle import verify_consistency, verify_inclusion
from tests.shared_data import shared_data


def accepts_inclusion(claim: dict[str, Any]) -> bool:
    try:
        verify_inclusion(
            b64decode(claim["leafHash"]),
            leaf_index=claim["leafIdx"],
            tree_size=claim["treeSize"],
            proof=[b64decode(sibling) for sibling in claim["proof"] or []],
            root=b64decode(claim["root"]),
        )
    except VerificationFailed:
        return False
    return True


def accepts_consistency(claim: dict[str, Any]) -> bool:
    try:
        verify_consistency(
            old_size=claim["size1"],
            old_root=b64decode(claim["root1"]),
            new_size=claim["size2"],
            new_root=b64decode(claim["root2"]),
            proof=[b64decode(node) for node in claim["proof"] or []],
        )
    except VerificationFailed:
        return False
    return True


def test_196_vectors_agree() -> None:
    """Each vector is accepted or refused as its `wantErr` says, and none was left out."""
    vectors = shared_data("merkle-vectors", unjudged="196 inclusion and consistency vectors")
    judges = {"inclusion": accepts_inclusion, "consistency": accepts_consistency}
    judged, disagreements = 0, []
    for kind, accepts in judges.items():
        for path in sorted((vectors / "testdata" / kind).rglob("*.json")):
            claim = json.loads(path.read_text("utf-8"))
            if accepts(claim) == claim["wantErr"]:
                disagreements.append(f"{path.relative_to(vectors)}: {claim['desc']}")
            judged += 1

    assert disagreements == []
    assert judged == 196
