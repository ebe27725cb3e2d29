"""A bar a month: what is certain filled, what is only possible in outline above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _HEIGHT, _BAR = 600, 160, 36


def bars(figures: Sequence[Mapping[str, Any]]) -> str:
    """A bar a month, what is only possible on top in outline; the table below says the same."""
    most = max(1, *(one["count"] + one["possible"] for one in figures))
    said = "; ".join(f"{one['key']}: {counted_text(one)}" for one in figures)
    drawn = []
    for number, one in enumerate(figures):
        left = 10 + number * (_WIDTH - 20) // len(figures)
        high, more = (round(one[name] * (_HEIGHT - 40) / most) for name in ("count", "possible"))
        drawn.append(
            f'<rect class="certain" x="{left}" y="{_HEIGHT - 20 - high}" width="{_BAR}" height="{high}"/>'
            f'<rect class="possible" x="{left}" y="{_HEIGHT - 20 - high - more}" width="{_BAR}"'
            f' height="{more}"/>'
            f'<text x="{left + _BAR // 2}" y="{_HEIGHT - 6}">{escape(one["key"][-2:])}</text>'
        )
    return (
        f'<svg role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-label="{escape(said)}">\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def counted_text(counted: Mapping[str, Any]) -> str:
    more = f", {counted['possible']} more possibly" if counted["possible"] else ""
    return f"{counted['count']} for certain{more}"
