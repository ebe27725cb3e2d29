"""Where do results go? Into results/ as they come, and in the end onto the pages made of them.

    Figure, Sample ──add──► latest.json, growth.json (merged) ──close──► runs.json, latest.md, curves,
                                                                         docs/guides/capacity.md
A run that is broken off keeps what it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.capacity_page import filled_in
from bench.curves import draw
from bench.figures import Figure, Run, cited, merged, read_figures, read_runs, write_rows
from bench.growth_samples import Sample, merged_samples, read_samples
from bench.page import render
from bench.sizes import GROWTH_LARGE

TOP: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = TOP / "bench" / "results"
CAPACITY: Final = TOP / "docs" / "guides" / "capacity.md"
_SMALLEST: Final = min(GROWTH_LARGE)  # samples below it show that the bench works, and nothing else


class Results:
    """What this run and those before it have found.

    Args:
        run: The one that begins.
        fresh: Forget those before.
    """

    def __init__(self, run: Run, *, fresh: bool = False, folder: Path = FOLDER) -> None:
        self._run, self._folder = run, folder
        self.figures = [] if fresh else read_figures(folder / "latest.json")
        self.samples = [] if fresh else read_samples(folder / "growth.json")
        self.runs = [] if fresh else read_runs(folder / "runs.json")

    def add(self, figure: Figure) -> None:
        self.figures = merged(self.figures, [replace(figure, on=self._run.on)])
        write_rows(self._folder / "latest.json", self.figures)
        self._note()

    def _note(self) -> None:
        """Which run it is, from its first figure on: one that is broken off leaves that too."""
        others = [run for run in self.runs if run.on != self._run.on]
        write_rows(self._folder / "runs.json", [*others, self._run])

    def add_sample(self, sample: Sample) -> None:
        if sample.uses >= _SMALLEST:
            own = replace(sample, on=self._run.on)
            self.samples = merged_samples(self.samples, [own])
            write_rows(self._folder / "growth.json", self.samples)
            self._note()

    def known_s(self, *, quick: bool) -> dict[str, float]:
        """What each step took when it was last taken at such sizes."""
        found: dict[str, float] = {}
        for run in self.runs:
            if quick == ("--quick" in run.asked):
                found |= run.took_s
        return found

    def close(self, took_s: Mapping[str, float], *, capacity: Path = CAPACITY) -> None:
        """Write the pages, and which run was what."""
        runs = [*self.runs, replace(self._run, took_s=dict(took_s))]
        also = [sample.on for sample in self.samples]
        self.runs = cited(runs, self.figures, also)
        write_rows(self._folder / "runs.json", self.runs)
        write_pages(self._folder, capacity)


def write_pages(folder: Path = FOLDER, capacity: Path = CAPACITY) -> None:
    """Page, curves and the capacity guide's tables, from the JSON that is there."""
    figures, samples = read_figures(folder / "latest.json"), read_samples(folder / "growth.json")
    (folder / "latest.md").write_text(render(figures, read_runs(folder / "runs.json"), samples))
    draw(samples, folder)
    capacity.write_text(filled_in(capacity.read_text(), samples, figures))
