"""What tests of faults share: the count of what was broken."""

from __future__ import annotations

from tests.faults.tally import tally

__all__ = ["tally"]
