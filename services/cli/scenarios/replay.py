"""How is a story told to a ledger that nobody serves? By the same log, store and keys, and its own clock.

    Telling ──clock──► log, registrar ► entry ► signed checkpoint, published ► views

Nothing here opens a socket. The keys are made for this one telling, so that what they sign can
be mistaken for nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from ledger.commands import ReportToolUse
from ledger.domain.base import Provenance
from ledger.entry import decode_entry
from ledger.errors import CandourError
from ledger.events import DataFlowReported, ToolUseReported
from ledger.inquiries.world import World
from ledger.limits import PROJECTOR_BATCH
from ledger.log import Log, Receipt
from ledger.projections.uses import UseRow
from ledger.store.core import NewEntry
from ledger.store.reading_entries import shown_values
from ledger.store.view_writer import ViewWriter
from services.cli.scenarios.scenario import Scenario, Telling
from services.publisher.publisher import publish
from services.runtime.hosting import Hosted, open_ledger, open_store
from services.runtime.keys import open_keys
from services.runtime.settings import Settings
from services.runtime.views import open_views

REPORTER: Final = "simulated"
TRUST: Final = "trust.txt"
DATA: Final = "data"


@dataclass(slots=True)
class Clock:
    """The time in the story, in microseconds from 1970."""

    now_us: int = 0

    def __call__(self) -> int:
        return self.now_us


@dataclass(slots=True)
class Replay:
    """A ledger that was told a story.

    Members:
        leaves: Id of a fact to the leaf index of its first entry.
        use: `toolUses/…`, where the ledger was told of the use.
    """

    hosted: Hosted
    engine: Engine
    clock: Clock
    leaves: dict[str, int]
    use: str | None = None

    def tell(self, told: Telling) -> Receipt:
        """Record one fact at its time, and publish the tree it makes."""
        self.clock.now_us = told.recorded_us
        receipt = self._append(self._entry(told))
        if isinstance(told.fact, ToolUseReported):
            self.use = receipt.name
        if told.id:
            self.leaves.setdefault(told.id, receipt.leaf_index)
        return receipt

    def _entry(self, told: Telling) -> NewEntry:
        registrar, fact = self.hosted.registrar, told.fact
        by = Provenance(reporter=REPORTER, recorded_us=told.recorded_us, capture=told.capture)
        if isinstance(fact, ToolUseReported):
            return self._report(told, fact)
        if isinstance(fact, DataFlowReported):
            assert self.use is not None, "a flow is told of a use that the ledger has"
            return registrar.report_data_flows(self.use, fact.data_flows, by)
        return registrar.record(fact, by, told.protected)

    def _report(self, told: Telling, fact: ToolUseReported) -> NewEntry:
        log = self.hosted.log
        assert told.source is not None, "a use is reported by a source"
        command = ReportToolUse(
            use=fact,
            source=told.source,
            capture=told.capture,
            source_event_id=told.id,
            protected=told.protected,
        )
        checked = log.check([command])
        log.learn(log.missing(checked))
        (entry,) = log.prepare(checked, REPORTER)
        if isinstance(entry, CandourError):
            raise entry
        return entry

    def _append(self, entry: NewEntry) -> Receipt:
        (result,), _head = self.hosted.log.append([entry])
        if isinstance(result, CandourError):
            raise result
        publish(self.hosted, result.leaf_index)
        return result

    @property
    def size(self) -> int:
        """Entries so far."""
        return self.hosted.store.head().tree_size

    def world(self, tree_size: int) -> World:
        """What the first entries say, all that is protected shown."""
        world = World()
        for stored in self.hosted.store.read_entries(0, tree_size, with_disclosures=True):
            world.add(stored.leaf_index, decode_entry(stored.entry), shown_values(stored))
        return world

    def uses(self, agency: str) -> list[UseRow]:
        """The uses of an agency that count."""
        return [use for use in self.world(self.size).standing() if use.agency == agency]

    def name_of(self, name: str) -> str:
        """What a registered name stands for, as people write it."""
        return self.world(self.size).names[name]

    def project(self) -> None:
        """Fold all that was told into the views."""
        ViewWriter(self.engine, self.hosted.store).catch_up(batch=PROJECTOR_BATCH)


@contextmanager
def replayed(scenario: Scenario, variant: str, folder: Path) -> Iterator[Replay]:
    """A ledger under `folder`/data that holds a variant of a story; `folder`/trust.txt has its keys.

    Raises:
        FileExistsError: There is a ledger already: it would be told the story twice.
    """
    data = folder / DATA
    data.mkdir(parents=True)
    name = scenario.origin.rpartition("/")[2]
    settings = Settings(data=data, ledger=name)
    _begin(settings, scenario.origin)
    clock = Clock()
    hosted = open_ledger(settings)
    hosted = replace(
        hosted,
        log=Log(
            hosted.store,
            origin=hosted.keys.origin,
            signer=hosted.keys.checkpoint,
            keys=hosted.keys.identity,
            clock_us=clock,
            random_bytes=hosted.log.random_bytes,
        ),
    )
    (folder / TRUST).write_text(hosted.keys.trust_text(), encoding="utf-8")
    engine = open_views(settings)
    try:
        replay = Replay(hosted, engine, clock, {})
        for told in scenario.tellings(variant):
            replay.tell(told)
        yield replay
    finally:
        engine.dispose()
        hosted.close()


def _begin(settings: Settings, origin: str) -> None:
    """Fresh keys under the scenario's origin, claimed for a database that is empty."""
    open_keys(settings.data, settings.ledger)
    store = open_store(settings)
    try:
        store.claim({"origin": origin})
    finally:
        store.close()
