"""Does every bound say why? (style.md: every queue, list, payload and wait has a named bound)"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

LIMITS = Path(__file__).resolve().parents[2] / "ledger" / "limits.py"


def bounds_without_reason(source: str) -> list[str]:
    """Names of constants with no comment on their own lines or on the line above.

    A heading (`# --- the tree ---`) is no reason.
    """
    comments = {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith("# ---")
    }
    trailing = {n for n in comments if source.splitlines()[n - 1].split("#")[0].strip()}
    bare = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
        own = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        above = {node.lineno - 1} - trailing  # a neighbour's reason is the neighbour's
        if not comments & (own | above):
            bare += [target.id for target in targets if isinstance(target, ast.Name)]
    return bare


def test_every_bound_has_its_reason() -> None:
    """Each constant of ledger/limits.py carries a comment that says why it is what it is."""
    assert bounds_without_reason(LIMITS.read_text("utf-8")) == []


def test_checker_sees_bounds_without_reason() -> None:
    """Headings and neighbours' comments are not taken for reasons."""
    source = """\
# --- sizes ---
A = 1
B: Final = 2  # the wire has two bits
C = 3
# as long as
# anybody waits
D = 4
E = (
    5  # fingers
)
"""
    assert bounds_without_reason(source) == ["A", "C"]
