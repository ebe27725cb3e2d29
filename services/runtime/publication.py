"""How far is a ledger published, and what holds it up? What publisher and callers share.

    publisher ──published, held_back──► Publication ──► status, GetTreeHead
                                                    └─covering──► a report that waits

Changed on the event loop only; it may be read from anywhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.store.core import Published
from ledger.times import text_of_us
from ledger.tlog import TrustPolicy
from services.runtime.refusals import NoQuorum, NotPublished

_SHOWN_SECONDS: Final = 1  # digits after the point


@dataclass(frozen=True, slots=True)
class Seen:
    """What one witness said last.

    Members:
        tree_size, cosigned_at: Of its last cosignature, seconds since 1970; None for none yet.
        failure: Why it has not cosigned what it was asked to since; "" where it has.
        answered_at: When that cosignature came, by our clock; likewise.
    """

    tree_size: int | None = None
    cosigned_at: int | None = None
    failure: str = ""
    answered_at: float | None = None

    def to_object(self) -> dict[str, Any]:
        return {
            "tree_size": self.tree_size,
            "cosigned_at": None if self.cosigned_at is None else _text_of_s(self.cosigned_at),
            "failure": self.failure or None,
        }


@dataclass(slots=True)
class Publication:
    """The publication of one ledger, as this process sees it.

    Members:
        policy: What must cosign; None where nobody must.
        newest: The newest published checkpoint, by whichever process.
        reason: What holds publication back; "" where nothing does.
        witnesses: By their names in the policy.
        tried_at: When a round of publication ended last, by the monotonic clock; None where
            this process has no publisher.
    """

    policy: TrustPolicy | None = None
    newest: Published | None = None
    reason: str = ""
    witnesses: Mapping[str, Seen] = field(default_factory=dict)
    tried_at: float | None = None
    _since: float = 0.0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def published(self, newest: Published | None) -> None:
        """Nothing is held back now, and this is the newest."""
        self.newest, self.reason = newest, ""
        self._moved.set()
        self._moved = asyncio.Event()

    def held_back(self, reason: str) -> None:
        """A head could not be published; it will be tried again."""
        if not self.reason:
            self._since = time.monotonic()
        self.reason = reason

    @property
    def held_s(self) -> float:
        """Seconds since when publication is held back; 0 where it is not."""
        return time.monotonic() - self._since if self.reason else 0.0

    def check_witnessed(self) -> None:
        """Raises NoQuorum where no checkpoint would ever count as witnessed."""
        if self.policy is None or self.policy.quorum is None:
            raise NoQuorum

    async def covering(self, tree_size: int, *, timeout_s: float) -> Published:
        """The newest published checkpoint, once it covers `tree_size`.

        With a policy it is witnessed: nothing else is published.

        Raises:
            NotPublished: Not within this time; what holds it up is said.
        """
        deadline = time.monotonic() + timeout_s
        while self.newest is None or self.newest.tree_size < tree_size:
            left_s = deadline - time.monotonic()
            try:
                await asyncio.wait_for(self._moved.wait(), max(left_s, 0))
            except TimeoutError:
                raise NotPublished(tree_size, self.reason) from None
        return self.newest

    def to_object(self) -> dict[str, Any]:
        """For `GET /ledgers/<ledger>/status`."""
        newest = self.newest
        return {
            "published": newest
            and {
                "tree_size": newest.tree_size,
                "published_at": text_of_us(newest.published_us),
            },
            "held_back": {"seconds": round(self.held_s, _SHOWN_SECONDS), "reason": self.reason}
            if self.reason
            else None,
            "quorum": self.policy and self.policy.quorum,
            "witnesses": {name: seen.to_object() for name, seen in self.witnesses.items()},
        }


def _text_of_s(seconds: int) -> str | None:
    """RFC 3339; None for a year that has none, since it is a stranger's word."""
    try:
        return text_of_us(seconds * 1_000_000)
    except (ValueError, OverflowError):
        return None
