"""How does it grow? results/growth-….png, one a curve, from the samples of growth.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.growth_samples import CURVES, Curve, Sample

_COLOURS: Final = {"postgres": "#336791", "sqlite": "#c75b12"}
_NAMES: Final = {"postgres": "PostgreSQL", "sqlite": "SQLite"}


def points(curve: Curve, samples: Sequence[Sample], store: str) -> list[tuple[int, float]]:
    """(uses, value) of one line, by size; sizes without a value are left out."""
    mine = sorted((s for s in samples if s.store == store), key=lambda sample: sample.uses)
    found = [(sample.uses, curve.of(sample)) for sample in mine]
    return [(uses, value) for uses, value in found if value is not None]


def drawn(samples: Sequence[Sample]) -> list[Curve]:
    """The curves of which some line has two points at least."""
    return [
        curve
        for curve in CURVES
        if any(len(points(curve, samples, store)) > 1 for store in _COLOURS)
    ]


def draw(samples: Sequence[Sample], folder: Path) -> list[Path]:
    """Draw these; the files that were written, under 100 kB each."""
    written = []
    for curve in drawn(samples):
        lines = {store: points(curve, samples, store) for store in _COLOURS}
        written.append(folder / f"growth-{curve.name}.png")
        _draw(curve, lines, written[-1])
    return written


def _draw(curve: Curve, lines: dict[str, list[tuple[int, float]]], path: Path) -> None:
    # Loaded here: half a second that only a run with samples needs.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.2), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for store, line in lines.items():
        if line:
            sizes, values = zip(*line, strict=True)
            axes.plot(sizes, values, "o-", color=_COLOURS[store], label=_NAMES[store])
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("uses in the ledger")
    axes.set_ylabel(curve.unit)
    axes.set_title(curve.title)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    # Without the library's version in it, the same samples make the same file.
    figure.savefig(path, metadata={"Software": None})
