"""How does a test get a log of real entries as tiles, and change it as an insider could?

entries ──write_tiles──► DIR/checkpoint, DIR/tile/… as `candour export tiles` writes them
Tampered ──sign──► the same of changed entries, all hashes above consistent, signed or not
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ledger.canonical_json import encode
from ledger.merkle import Frontier, leaf_hash, new_tiles
from ledger.tlog import Checkpoint, Signer, TilePath, encode_bundle, sign_checkpoint

ORIGIN: Final = "candour.local/0123456789abcdef/main"
SIGNER: Final = Signer(ORIGIN, bytes(32))


def entry(number: int, **changes: object) -> bytes:
    """A report as the ledger writes it, some 900 bytes; `changes` replaces members."""
    second = f"{number % 60:02}"
    members: dict[str, object] = {
        "capture": "backfill",
        "event": {
            "acquisition": "procured",
            "agency": "agencies/sampleton-police",
            "authorizations": [],
            "devices_searched": {"exactly": number % 3_000},
            "occurred": {
                "earliest": f"2023-11-14T22:13:{second}.441Z",
                "latest": f"2023-11-14T22:13:{second}.441Z",
                "zone_assumed": "UTC",
            },
            "purpose": "investigation",
            "technology": "technologies/plate-reader",
            "trigger": "human",
        },
        "origin": ORIGIN,
        "protected": dict.fromkeys(
            ("case_number", "reason", "source_event_id", "source_record", "subject"),
            f"{number:042}A=",
        ),
        "recorded_at": f"2026-11-24T10:12:{second}.302288Z",
        "reporter": "local",
        "source": "sources/plate-reader-export",
        "stream": f"tool_use/01a20d0b-4d9e-7350-b67b-{number:012}",
        "topic": "tool_use.reported.v1",
        "v": 1,
        "version": 1,
    }
    return encode({**members, **changes})


def write_tiles(folder: Path, entries: Sequence[bytes], *, signer: Signer = SIGNER) -> Checkpoint:
    """Write a whole log; returns its checkpoint, which is signed."""
    frontier, growths = new_tiles(Frontier(), map(leaf_hash, entries))
    for growth in growths:
        put(folder, TilePath(growth.level, growth.index, growth.width), growth.hashes)
    for start in range(0, len(entries), 256):
        some = entries[start : start + 256]
        put(folder, TilePath(None, start // 256, len(some)), encode_bundle(some))
    checkpoint = Checkpoint(signer.verifier_key.name, len(entries), frontier.root())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint").write_bytes(sign_checkpoint(checkpoint, signer))
    (folder / "vkey").write_text(f"{signer.verifier_key.format()}\n")
    return checkpoint


def put(folder: Path, path: TilePath, data: bytes) -> None:
    """Write one tile or bundle."""
    file = folder / path.format()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
