"""What is being measured, and how long is left? A bar where somebody watches, lines where not.

How long a step takes is known from the last run that took it at the same sizes (runs.json); one
that was never taken is guessed, and the guess mends itself with the next run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text


class Left:
    """How long is left, as far as one can know.

    Args:
        planned: Names of the steps to come, in order.
        known: Seconds that some of them took before.
        guess: Of one that is not known.
    """

    def __init__(self, planned: Sequence[str], known: Mapping[str, float], guess: float) -> None:
        self._expected = {name: known.get(name, guess) for name in planned}
        self._whole = sum(self._expected.values())
        self._now: str | None = None
        self._since = 0.0
        self.took_s: dict[str, float] = {}

    def begin(self, name: str, at: float) -> None:
        self._now, self._since = name, at

    def end(self, name: str, at: float) -> None:
        """A step may be taken twice: what it took adds up."""
        took = self.took_s.get(name, 0.0) + at - self._since
        self.took_s[name] = round(took, 2)
        self._now = None

    def seconds(self, at: float) -> float:
        """Of all steps that are not done; the one under way less what it has taken, never below 0."""
        left = 0.0
        for name, expected in self._expected.items():
            if name == self._now:
                left += max(0.0, expected - (at - self._since))
            elif name not in self.took_s:
                left += expected
        return left

    def share_done(self, at: float) -> float:
        """From 0 to 1."""
        return 1 - self.seconds(at) / self._whole if self._whole else 1.0


class Progress:
    """The bar. Use it as a context manager around all steps."""

    def __init__(self, left: Left) -> None:
        self.left = left
        self._console = Console(stderr=True)
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            _About(left),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bars.add_task("", total=1.0)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """One of the planned steps."""
        started = time.monotonic()
        self.left.begin(name, started)
        done = self.left.share_done(started)
        self._bars.update(self._task, description=name, completed=done)
        if not self._console.is_terminal:
            print(f"… {name} ({_words(self.left.seconds(started))})", file=sys.stderr, flush=True)
        try:
            yield
        finally:
            self.left.end(name, time.monotonic())


class _About(ProgressColumn):
    def __init__(self, left: Left) -> None:
        super().__init__()
        self._left = left

    def render(self, task: Task) -> Text:
        return Text(_words(self._left.seconds(time.monotonic())))


def _words(seconds: float) -> str:
    if seconds < 90:
        return f"some {seconds:.0f} s left"
    return f"some {seconds / 60:.0f} min left"
