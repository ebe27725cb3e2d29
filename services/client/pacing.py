"""When is the ledger tried again? Doubling delays with jitter; never sooner than it asked.

    failed ──► wait (jitter), then one request alone ──answered──► all of them at once again

While there is trouble a single request probes, so that a ledger that comes back is not met by
everything that waited.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

_FIRST_DELAY_S: Final = 0.1


class Pace:
    """Of one sender, which alone calls it.

    Args:
        max_delay_s: Before jitter.
        in_flight: Requests at once while all is well.
        clock: As time.monotonic.
        jitter: A factor, 0.5 to 1.5.
    """

    def __init__(
        self,
        max_delay_s: float,
        in_flight: int,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float] = lambda: random.uniform(0.5, 1.5),  # noqa: S311  no secret
    ) -> None:
        self._max_delay_s, self._in_flight = max_delay_s, in_flight
        self._clock, self._jitter = clock, jitter
        self.answered()

    def answered(self) -> None:
        """The ledger did what it was asked to."""
        self._delay_s = _FIRST_DELAY_S
        self._not_before = 0.0
        self._since: float | None = None

    def failed(self, retry_s: float | None, *, sent_at: float) -> None:
        """It did not; `retry_s` is what its RetryInfo asked for.

        Of several requests that fail together, the first slows us down.
        """
        now = self._clock()
        if self._since is None:
            self._since = sent_at
        elif sent_at < self._not_before:
            return
        delay_s = min(self._delay_s, self._max_delay_s) * self._jitter()
        self._not_before = now + max(delay_s, retry_s or 0.0)
        self._delay_s = min(self._delay_s * 2, self._max_delay_s)

    @property
    def allowed(self) -> int:
        """Requests that may be under way now."""
        return self._in_flight if self._since is None else 1

    @property
    def wait_s(self) -> float:
        """Seconds until the next may be sent; 0 for at once."""
        return max(0.0, self._not_before - self._clock())

    @property
    def troubled_s(self) -> float:
        """For how long nothing was answered; 0 while all is well."""
        return 0.0 if self._since is None else self._clock() - self._since
