"""Check offline what a directory lists of a ledger: one file, two trust files. Base install.

    python -m ledger.directory FILE --trust directory.trust.txt --ledger-trust trust.txt

Exit status: 0 proven, 1 refused, 2 it could not be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ledger.directory.proof import ProvenListing, open_listing_proof
from ledger.errors import CandourError
from ledger.limits import MAX_NOTE_BYTES, MAX_PROOF_EXTRA_BYTES, MAX_TRUST_POLICY_BYTES
from ledger.tlog import TrustPolicy, parse_trust_policy

PROVEN, REFUSED, UNUSABLE = 0, 1, 2
NOT_CHECKED: Final = (
    "whether the directory lists a newer checkpoint of this ledger: ask it again",
    "whether what you hold of the ledger stands under this checkpoint: that takes a proof of its own",
)
_MAX_PROOF_BYTES: Final = MAX_NOTE_BYTES + 2 * MAX_PROOF_EXTRA_BYTES


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one file; returns the process's exit status."""
    options = _parser().parse_args(arguments)
    return run(options.file, options.trust, options.ledger_trust, as_json=options.format == "json")


def run(file: Path, trust: Path, ledger_trust: Path, *, as_json: bool) -> int:
    """As `main`, without a command line."""
    try:
        data = _read(file, _MAX_PROOF_BYTES)
        directory, ledger = _policy(trust), _policy(ledger_trust)
    except (OSError, CandourError) as error:
        sys.stderr.write(f"{_plain(str(error))}\n")
        return UNUSABLE
    try:
        found = open_listing_proof(data, directory=directory, ledger=ledger)
    except CandourError as error:
        said = {"verdict": "refused", "reason": _plain(str(error))}
        _print(said, as_json, f"refused: {said['reason']}")
        return REFUSED
    _print(to_object(found), as_json, _sentences(found))
    return PROVEN


def to_object(found: ProvenListing) -> dict[str, Any]:
    """For `--format json`."""
    listed, directory = found.listing.checkpoint, found.directory
    return {
        "verdict": "proven",
        "ledger": {
            "origin": listed.origin,
            "tree_size": listed.tree_size,
            "root": listed.root.hex(),
            "checkpoint": found.listing.note.decode(),
            "listing": found.listing.version,
        },
        "directory": {
            "origin": directory.checkpoint.origin,
            "tree_size": directory.checkpoint.tree_size,
            "leaf_index": found.listing.leaf_index,
            "cosigned": [_plain(name) for name in sorted(directory.cosigned)],
        },
        "not_checked": list(NOT_CHECKED),
    }


def _sentences(found: ProvenListing) -> str:
    listed, directory = found.listing.checkpoint, found.directory
    cosigned = ", ".join(sorted(directory.cosigned)) or "nobody"
    return "\n".join(
        [
            f"ledger:    {listed.origin}",
            f"lists:     {listed.tree_size} entries, root {listed.root.hex()}",
            f"directory: {directory.checkpoint.origin}, entry {found.listing.leaf_index}"
            f" of {directory.checkpoint.tree_size}; cosigned by {cosigned}",
            "",
            "not checked:",
            *(f"  - {item}" for item in NOT_CHECKED),
            "",
            "proven: the directory lists this checkpoint, and the ledger signed it",
        ]
    )


def _print(found: dict[str, Any], as_json: bool, text: str) -> None:
    out = json.dumps(found, ensure_ascii=False, indent=1) if as_json else _plain(text)
    sys.stdout.write(f"{out}\n")


def _policy(path: Path) -> TrustPolicy:
    return parse_trust_policy(_read(path, MAX_TRUST_POLICY_BYTES))


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most + 1)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ledger.directory",
        description="Check offline that a directory lists a checkpoint of a ledger.",
        epilog="Exit status: 0 proven, 1 refused, 2 it could not be read.",
    )
    parser.add_argument(
        "file", type=Path, help="*.tlog-proof, as `candour directory proof` made it"
    )
    parser.add_argument("--trust", type=Path, required=True, help="of the directory")
    parser.add_argument("--ledger-trust", type=Path, required=True, help="of the ledger")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
