"""Has somebody else seen a use that the ledger has not? A vendor's log, read and matched.

CSV ──rows──► sightings ─┐
uses of the ledger ──────┴─match─► ExternalLogImported, DiscrepancyFound, ExternalLogReconciled
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from typing import Final

from ledger.errors import Malformed
from ledger.events import (
    DiscrepancyFound,
    ExternalLogImported,
    ExternalLogReconciled,
    Fact,
    Interval,
    Occurred,
)
from ledger.observers.keys import Digests, key_of_observer
from ledger.observers.matching import Standing, match
from ledger.observers.sides import Side
from ledger.projections.uses import OPEN_EARLIEST, UseRow
from ledger.times import us_of_text
from services.cli.scenarios.replay import Replay
from services.cli.scenarios.scenario import Scenario, Telling, VendorLog

OBSERVATION: Final = "observations/vendor-log"
_FIELD: Final = "technology"
_COLUMNS: Final = ("agency", "product", "account", "searched_by")
_WINDOW_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Sighting:
    """One row: a search that the vendor knows to have taken place by some moment."""

    row: dict[str, str]
    latest: str


def compare_with_log(replay: Replay, scenario: Scenario, log: VendorLog) -> None:
    """Tell the ledger of a log, and of each use that only the log has.

    Raises:
        Malformed: A row is of another agency or product, or has no time.
    """
    sightings = _read(replay, scenario, log)
    facts = _facts(replay, scenario, log, sightings)
    for fact, sighting in facts:
        protected = {} if sighting is None else {"sighting": json.dumps(sighting.row)}
        replay.tell(Telling(id="", recorded_us=log.recorded_us, fact=fact, protected=protected))


def _read(replay: Replay, scenario: Scenario, log: VendorLog) -> list[Sighting]:
    names = {
        scenario.agency: replay.name_of(scenario.agency),
        scenario.technology: replay.name_of(scenario.technology),
    }
    reader = csv.DictReader(StringIO(log.text))
    if tuple(reader.fieldnames or ()) != _COLUMNS:
        raise Malformed("log.text", f"must have the columns {', '.join(_COLUMNS)}")
    found = []
    for row in reader:
        if [row["agency"], row["product"]] != list(names.values()):
            raise Malformed("log.text", "holds a row of another agency or product")
        us_of_text(row["searched_by"], field="log.text")
        found.append(Sighting(row, row["searched_by"]))
    return found


def _facts(
    replay: Replay, scenario: Scenario, log: VendorLog, sightings: Sequence[Sighting]
) -> Iterator[tuple[Fact, Sighting | None]]:
    yield (
        ExternalLogImported(
            observation=OBSERVATION,
            observer=log.observer,
            agency=scenario.agency,
            technology=scenario.technology,
            file_sha256=sha256(log.text.encode()).hexdigest(),
            rows=len(sightings),
            layout=log.layout,
            period=Interval(latest=max(one.latest for one in sightings)),
        ),
        None,
    )
    digests = Digests(key_of_observer(replay.hosted.keys.identity, log.observer))
    uses = replay.uses(scenario.agency)
    matching = match(
        _ours(uses, digests), _theirs(sightings, scenario, digests), window_us=_WINDOW_US
    )
    missing_here = list(matching.numbers(matching.there, Standing.MISSING))
    for number in missing_here:
        found = DiscrepancyFound(
            discrepancy=f"discrepancies/{digests.name(OBSERVATION, number)}",
            observation=OBSERVATION,
            observer=log.observer,
            kind="missing_here",
            agency=scenario.agency,
            technology=scenario.technology,
            occurred=Occurred(latest=sightings[number].latest),
        )
        yield found, sightings[number]
    yield (
        ExternalLogReconciled(
            observation=OBSERVATION,
            tree_size=replay.size,
            matched=sum(1 for _ in matching.pairs()),
            missing_here=len(missing_here),
            missing_there=sum(1 for _ in matching.numbers(matching.here, Standing.MISSING)),
            **dict.fromkeys(("differing", "flattened", "masked", "rejected"), 0),
        ),
        None,
    )


def _ours(uses: Sequence[UseRow], digests: Digests) -> Side:
    side = Side((_FIELD,))
    for use in uses:
        side.add(use.earliest_us, use.latest_us, [digests.of_text(_FIELD, use.technology or "")])
    return side


def _theirs(sightings: Sequence[Sighting], scenario: Scenario, digests: Digests) -> Side:
    side = Side((_FIELD,))
    for one in sightings:
        code = digests.of_text(_FIELD, scenario.technology)
        side.add(OPEN_EARLIEST, us_of_text(one.latest), [code])
    return side
