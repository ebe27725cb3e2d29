"""By which rules are uses judged? The active rule packs, as facts. Stream `rule_pack/<name>`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ledger.events.facts import Fact, fact


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class RulePackActivated(Fact):
    """From this entry on, uses of these agencies are judged by this version of the pack.

    `pack_sha256` is over the bytes of its TOML file. No agency named means all of them. What
    an older tree size answers stays as it was.
    """

    TOPIC: ClassVar[str] = "rule_pack.activated.v1"

    pack: str
    version: str
    pack_sha256: str
    agencies: tuple[str, ...] = ()


@fact
@dataclass(frozen=True, slots=True, kw_only=True)
class RulePackDeactivated(Fact):
    """From this entry on, nobody is judged by it."""

    TOPIC: ClassVar[str] = "rule_pack.deactivated.v1"

    pack: str
    code: str | None = None
