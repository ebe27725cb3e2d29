"""Does every row of docs/guides/threats.md name a test that is there, and every attack have a row?"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "threats.md"
ATTACKS = (
    "change an entry",
    "drop an entry",
    "insert an entry",
    "reorder entries",
    "duplicate an entry",
    "change a leaf hash and all tiles above",
    "truncate the tail",
    "restore an old backup and carry on",
    "swap two ledgers",
    "sign two checkpoints of one size",
    "answer with an entry left out",
    "change a projection row",
    "change the usage index",
    "forge a register",
    "back-date `recorded_at`",
    "replay an old checkpoint as new",
)
_ROW = re.compile(r"\| (?P<attack>.+) \| .+ \| .+ \| `(?P<test>tests/\S+)` \|")


def rows() -> list[re.Match[str]]:
    _, table, *_ = GUIDE.read_text("utf-8").split("\n## ")
    lines = [line for line in table.splitlines() if line.startswith("|")]
    found = [_ROW.fullmatch(line) for line in lines[2:]]
    assert all(found), [line for line, row in zip(lines[2:], found, strict=True) if row is None]
    return [row for row in found if row is not None]


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_has_its_row(attack: str) -> None:
    """In bold, at the head of its rows."""
    assert [f"**{attack}**"] == [
        row["attack"] for row in rows() if row["attack"] == f"**{attack}**"
    ]


def test_each_row_names_a_test() -> None:
    """`path::name`, of a function that pytest would find."""
    for row in rows():
        path, _, name = row["test"].partition("::")
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
