"""What does a suite get, and what does it give? Steps in, figures out.

    Suite.run(Bench) ──with bench.step(name)──► measure ──► bench.figure(…) ──► Figure

A step is what `--only` chooses and what the progress bar counts. A suite takes those that are
wanted, and whatever they stand on.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bench.figures import Figure, figure
from bench.growth_samples import Sample
from bench.lab import Places
from bench.progress import Progress
from bench.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Bench:
    """One suite's run on one store."""

    suite: Suite
    store: str
    sizes: Sizes
    only: str
    places: Places
    progress: Progress
    keep: Callable[[Sample], None]  # what the growth suite finds beside figures
    failures: list[str]

    def wants(self, *steps: str) -> bool:
        """True where one of these steps was asked for."""
        return any(self.suite.wants(step, self.only) for step in steps)

    def step(self, name: str) -> AbstractContextManager[None]:
        return self.progress.step(step_name(self.store, name))

    def failed(self, step: str) -> None:
        """Says what broke, in whose `except` this is called; others go on."""
        traceback.print_exc()
        self.failures.append(f"{step} on {self.store}")

    def figure(self, name: str, values: Sequence[float], unit: str, *, size: int) -> Figure:
        return figure(name, self.store, values, unit, size=size)


@dataclass(frozen=True, slots=True)
class Suite:
    """Some measures that share what they stand on.

    Attributes:
        steps: In the order in which they are taken.
        under: The step that the others stand on, if there is one: taken whenever one of them is.
        stores: On which each is taken.
    """

    name: str
    steps: tuple[str, ...]
    run: Callable[[Bench], Iterator[Figure]]
    under: str | None = None
    stores: tuple[str, ...] = ("postgres", "sqlite")

    def wants(self, step: str, only: str) -> bool:
        return only in step or only in self.name

    def planned(self, only: str) -> list[str]:
        """The steps that will be taken."""
        wanted = [step for step in self.steps if self.wants(step, only)]
        if wanted and self.under is not None and self.under not in wanted:
            return [self.under, *wanted]
        return wanted


def step_name(store: str, step: str) -> str:
    """As runs.json and the progress bar call it."""
    return f"{store}: {step}"


def rounded(size: int) -> int:
    """A size that is not ours to choose, to two digits: the same run twice shall have one row."""
    digits = max(0, len(str(size)) - 2)
    return round(size, -digits)
