"""How does a bridge stand: does anything get through, and is it to end? Shared by all of its parts."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

_log: Final = logging.getLogger("candour.bridge")


@dataclass(slots=True)
class Course:
    """Of one bridge.

    Members:
        trouble: Why nothing gets through now; None while all is well.
        of_nats: True where that is NATS' part, which a pull that works puts right.
        ended: Set to end it: what is under way is finished, or given back.
    """

    trouble: str | None = None
    of_nats: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def pause(self, seconds: float) -> None:
        """Wait, unless it is to end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.ended.wait(), seconds)

    def is_troubled(self, why: str, *, of_nats: bool) -> None:
        """Say so once."""
        if self.trouble != why:
            _log.warning("%s", why)
        self.trouble, self.of_nats = why, of_nats

    def is_well(self) -> None:
        """Likewise."""
        if self.trouble is not None:
            _log.info("it goes on")
        self.trouble = None
