"""What was stated, and in which order did it reach the ledger? A scenario file, read.

    halifax.toml ──read_scenario──► Scenario ──tellings("lied")──► Telling, Telling, … by time

Facts are written as entries hold them (topic and event), beside the words they rest on. A variant
says when and how the use reached the ledger, and nothing else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.events import DataFlowReported, Fact, StatementMade, ToolUseReported, read_fact
from ledger.rules.packs import pack_of
from ledger.times import text_of_us, us_of_text

VARIANTS: Final = ("lied", "unaware", "unreported")
FILE: Final = "halifax.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """One fact on its way to the ledger.

    Members:
        id: Of the fact as the scenario counts them; "" for what only sets the scene.
        recorded_us: When the ledger takes it, by the scenario's clock.
        source: Of a use: `sources/…`.
        made_at: Of a statement: the day or month it was made, as far as it is known.
        press, assumed: The words it rests on; what they do not say.
    """

    id: str
    recorded_us: int
    fact: Fact
    protected: Mapping[str, JsonValue] = field(default_factory=dict)
    capture: str = "live"
    source: str | None = None
    made_at: str | None = None
    press: str = ""
    assumed: str = ""
    date_derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorLog:
    """What a second observer's log holds; `text` is the file, as CSV."""

    recorded_us: int
    observer: str
    layout: str
    file: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """How the use reached the ledger: by its source (`use`), or in another's log."""

    name: str
    title: str
    use: Telling | None
    log: VendorLog | None


@dataclass(frozen=True, slots=True)
class Quote:
    """Words, when they were said, and by whom."""

    made_at: str
    quote: str
    speaker: str
    date_derived: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story. `denial` is the id of the statement that it is about, made on `day`."""

    title: str
    source: str
    origin: str
    agency: str
    technology: str
    denial: str
    day: str
    told: tuple[Telling, ...]
    variants: Mapping[str, Variant]

    def tellings(self, variant: str) -> list[Telling]:
        """All that is told in a variant, in the order it is recorded.

        Where a use went can only be told of a use that the ledger has.
        """
        use = self.variants[variant].use
        told = [one for one in self.told if use or not isinstance(one.fact, DataFlowReported)]
        return sorted([*told, *([use] if use else [])], key=lambda one: one.recorded_us)

    def quotes(self) -> list[Quote]:
        """What was said in so many words, in order."""
        return [
            Quote(one.made_at or "", one.fact.quote, one.press, one.date_derived)
            for one in self.told
            if isinstance(one.fact, StatementMade) and one.fact.quote is not None
        ]

    def assumed(self, variant: str) -> dict[str, str]:
        """By id, what its facts say beyond the press."""
        return {one.id: one.assumed for one in self.tellings(variant) if one.id and one.assumed}


def read_scenario(text: str | None = None) -> Scenario:
    """The scenario in a file of this package, or in a text.

    Raises:
        Malformed: It holds no facts that a ledger could be told.
    """
    if text is None:
        text = (files(__package__) / FILE).read_text("utf-8")
    try:
        found = tomllib.loads(text)
        head, use = found["scenario"], found["use"]
        return Scenario(
            **{name: str(value) for name, value in head.items()},
            told=tuple(_telling(item) for item in found["told"]),
            variants={name: _variant(name, item, use) for name, item in found["variants"].items()},
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Malformed("scenario", f"is not one: {error}") from None


def _telling(item: Mapping[str, Any]) -> Telling:
    event = dict(item["fact"])
    if "pack" in item:
        name, _, version = item["pack"].partition("@")
        pack = pack_of(name, version)
        event |= {"pack": f"rulePacks/{name}", "version": version, "pack_sha256": pack.sha256}
    return Telling(
        id=item.get("id", ""),
        recorded_us=us_of_text(item["recorded"]),
        fact=read_fact(item["topic"], event),
        protected=item.get("protected", {}),
        capture=item.get("capture", "live"),
        made_at=item.get("made_at"),
        press=item.get("press", ""),
        assumed=item.get("assumed", ""),
        date_derived=item.get("date_derived", False),
    )


def _variant(name: str, item: Mapping[str, Any], use: Mapping[str, Any]) -> Variant:
    told, log = item.get("use"), item.get("log")
    return Variant(
        name=name,
        title=item["title"],
        use=None if told is None else _use(use, told),
        log=None
        if log is None
        else VendorLog(
            recorded_us=us_of_text(log["recorded"]),
            **{member: log[member] for member in ("observer", "layout", "file", "text")},
        ),
    )


def _use(use: Mapping[str, Any], told: Mapping[str, Any]) -> Telling:
    """The use as it was reported: it took place before it was confirmed, and before that."""
    recorded_us = us_of_text(told["recorded"])
    latest = text_of_us(min(recorded_us, us_of_text(use["confirmed"])))
    event = {**use["fact"], "occurred": {"latest": latest}}
    return Telling(
        id=use["id"],
        recorded_us=recorded_us,
        fact=read_fact(ToolUseReported.TOPIC, event),
        protected=use["protected"],
        capture=told["capture"],
        source=use["source"],
        press=use["press"],
    )
