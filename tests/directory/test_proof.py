"""Does one file prove offline what the directory lists, and does any other file not?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.directory import open_listing_proof, pack_listing
from ledger.directory.__main__ import main
from ledger.errors import CandourError
from ledger.tlog import (
    Cosigner,
    Signer,
    add_signatures,
    answers_name,
    claimed_checkpoint,
    format_trust,
    parse_trust_policy,
)
from tests.directory.listings import DIRECTORY, LEDGER, OTHER, Tree, entry_of, signed

WITNESS = Cosigner("w.example/w", bytes([9]) * 32)


def trust(signer: Signer) -> str:
    answers = Signer(answers_name(signer.verifier_key.name), bytes([5]) * 32).verifier_key
    return format_trust(log=signer.verifier_key, answers=answers)


def demanding(text: str) -> str:
    """The same trust file, which asks for a witness."""
    line = f"witness w {WITNESS.verifier_key.format()}\n"
    return text.replace("quorum none", f"{line}quorum w")


ENTRIES = [entry_of(signed(LEDGER, size, bytes([size]) * 32), size + 1) for size in range(6)]
ENTRIES[4] = entry_of(signed(OTHER, 4, bytes(32)), 1)
TREE = Tree()
TREE.append(*ENTRIES)
NOTE = signed(DIRECTORY, len(ENTRIES), TREE.root)


def packed(leaf_index: int = 5, *, entry: bytes | None = None, note: bytes = NOTE) -> bytes:
    proof = TREE.at(len(ENTRIES)).inclusion_proof(leaf_index)
    shown = ENTRIES[leaf_index] if entry is None else entry
    return pack_listing(shown, leaf_index=leaf_index, proof=proof, note=note)


def opened(data: bytes, directory: str = trust(DIRECTORY), ledger: str = trust(LEDGER)) -> int:
    """Size of the ledger's checkpoint that is proven."""
    policies = [parse_trust_policy(text.encode()) for text in (directory, ledger)]
    found = open_listing_proof(data, directory=policies[0], ledger=policies[1])
    return found.listing.checkpoint.tree_size


def test_listing_is_proven() -> None:
    """Every listing of that ledger, under the directory's checkpoint."""
    for leaf_index in (0, 1, 2, 3, 5):
        assert leaf_index == opened(packed(leaf_index))
    assert 4 == opened(packed(4), ledger=trust(OTHER))


@pytest.mark.parametrize(
    ("data", "directory", "ledger", "reason"),
    [
        (packed(4), trust(DIRECTORY), trust(LEDGER), "it lists candour.local/1/court"),
        (packed(), trust(OTHER), trust(LEDGER), "none is by one of 1 trusted keys"),
        (packed(), trust(DIRECTORY), trust(OTHER), "and not candour.local/1/court"),
        (packed(entry=ENTRIES[0]), trust(DIRECTORY), trust(LEDGER), "entry 5 of 6"),
        (packed(entry=b""), trust(DIRECTORY), trust(LEDGER), "holds no entry"),
        (packed(), demanding(trust(DIRECTORY)), trust(LEDGER), "quorum"),
    ],
)
def test_anything_else_is_refused(data: bytes, directory: str, ledger: str, reason: str) -> None:
    """Another ledger's, another directory's, another entry, none, or too few witnesses."""
    with pytest.raises(CandourError, match=reason):
        opened(data, directory, ledger)


def test_quorum_is_demanded_of_the_directory() -> None:
    """With the witness's line it is proven, by the same trust file."""
    line = WITNESS.cosign(claimed_checkpoint(NOTE), cosigned_at=1_795_000_000)
    cosigned = packed(note=add_signatures(NOTE, [line]))
    assert 5 == opened(cosigned, demanding(trust(DIRECTORY)))


def test_forged_listing_in_a_true_directory_is_refused() -> None:
    """Whoever runs the directory cannot speak for a ledger."""
    stranger = Signer(LEDGER.verifier_key.name, bytes([8]) * 32)
    tree, entry = Tree(), entry_of(signed(stranger, 9, bytes(32)), 1)
    tree.append(entry)
    data = pack_listing(entry, leaf_index=0, proof=[], note=signed(DIRECTORY, 1, tree.root))
    with pytest.raises(CandourError, match="none is by one of 1 trusted keys"):
        opened(data)


@given(st.integers(0, len(packed()) - 1), st.integers(1, 255))
def test_changed_byte_is_refused(place: int, by: int) -> None:
    """Anywhere in the file."""
    data = bytearray(packed())
    data[place] ^= by
    with pytest.raises(CandourError):
        opened(bytes(data))


def test_command_says_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """0 proven, 1 refused, 2 unreadable; and what it did not check."""
    files = {"p": packed(), "t": trust(DIRECTORY).encode(), "l": trust(LEDGER).encode()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    paths = [str(tmp_path / name) for name in "ptl"]

    def run(file: str, *more: str) -> int:
        return main([file, "--trust", paths[1], "--ledger-trust", paths[2], *more])

    assert 0 == run(paths[0], "--format", "json")
    found = json.loads(capsys.readouterr().out)
    assert ("proven", 5, 5, 6) == (
        found["verdict"],
        found["ledger"]["tree_size"],
        found["directory"]["leaf_index"],
        found["directory"]["tree_size"],
    )
    assert 0 == run(paths[0])
    assert "lists a newer checkpoint" in capsys.readouterr().out
    (tmp_path / "p").write_bytes(packed(4))
    assert 1 == run(paths[0])
    assert capsys.readouterr().out.startswith("refused: ")
    assert 2 == run(str(tmp_path / "nothing"))
