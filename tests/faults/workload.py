"""What is a ledger doing while it is broken? A bit of everything, in steps that can be taken again.

    World (world.py) ──STEPS in order──► acknowledged: name of the step ► its receipts

A step ends with what the ledger acknowledged. It may be taken again until it does, as a client
does that got no answer, by the same process or by another; what it tells then stands once. So
whatever was broken, the entries in the end are those of a run in which nothing was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ledger.entry import decode_entry
from ledger.events import UsageIndexCommitted
from ledger.log import ConflictingResubmission
from ledger.store.core import StoredEntry
from tests.faults.world import Told, World, told_by
from tests.ledgers import numbered

_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def _conflicting(world: World) -> list[Told]:
    """Another content under an id that was used: it is refused, whatever else happens."""
    first = numbered(0)
    changed = replace(first, use=replace(first.use, unit="another"))
    (result,) = world.ledger.report(changed)
    assert isinstance(result, ConflictingResubmission), result
    return []


def _begin(world: World) -> list[Told]:
    world.ledger.register_agencies()
    return []


def _declare(world: World) -> list[Told]:
    return [told_by(world.ledger.declare(1))]


def _cite(world: World) -> list[Told]:
    """The newest root is one that a bundle rests on; who wants to prove waits for the index."""
    world.fold()
    found = world.roots.servable()
    assert found is not None
    assert world.roots.cite(found.tree_size)
    return []


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done.

    Members:
        entries: How many it adds.
        again: Taken again long after, it gives the same receipts.
    """

    name: str
    do: Callable[[World], list[Told]]
    entries: int = 0
    again: bool = True


STEPS: Final = (
    Step("agencies", _begin, 2),
    Step("reports", lambda w: w.report(0, 1, 2, 0, 3), 4),
    Step("publish", World.publish),
    Step("fold", World.fold),
    Step("a root", World.commit_root, 1, again=False),
    Step("conflict", _conflicting, 1),
    Step("declare", _declare, 1, again=False),
    Step("rows", lambda w: w.report(10, 11, 10, file="declare"), 2, again=False),
    Step(
        "link",
        lambda w: w.say(
            lambda r, by: r.link_authorization(w.name("reports"), "authorizations/k", by)
        ),
        1,
    ),
    Step(
        "complete",
        lambda w: w.say(
            lambda r, by: r.complete_import(
                w.name("declare"), by, accepted=2, duplicates=1, rejected=0
            )
        ),
        1,
        again=False,
    ),
    Step(
        "withdraw",
        lambda w: w.say(lambda r, by: r.withdraw_use(w.name("reports", 1), "wrong", None, by)),
        1,
    ),
    Step("another root", World.commit_root, 1, again=False),
    Step("cite", _cite),
    Step(
        "withdraw import",
        lambda w: w.say(lambda r, by: r.withdraw_import(w.name("declare"), "wrong", None, by)),
        1,
    ),
    Step("declare anew", _declare, 1),
    Step("rows anew", lambda w: w.report(10, 11, 12, file="declare anew"), 3),
    Step(
        "same as",
        lambda w: w.say(
            lambda r, by: r.mark_same_as(w.name("reports", 2), w.name("reports", 4), by)
        ),
        1,
    ),
    Step("track", World.track, again=False),
    Step("a third root", World.commit_root, 1, again=False),
    Step("reports after it", lambda w: w.report(20, 1, 21, 0), 2),
    Step("the newest root", World.commit_root, 1, again=False),
    Step("last report", lambda w: w.report(22), 1),
    Step("fold in one batch", lambda w: w.fold(100)),
    Step("publish again", World.publish),
    Step("thin", World.thin),
)


def entries_through(step: str | None) -> int:
    """How many entries there are when this step is done; 0 for None."""
    if step is None:
        return 0
    names = [item.name for item in STEPS]
    return sum(item.entries for item in STEPS[: names.index(step) + 1])


ENTRIES: Final = entries_through(STEPS[-1].name)


def go_on(
    world: World, acknowledge: Callable[[str, list[Told]], None] = lambda _step, _told: None
) -> None:
    """Take every step that nobody has acknowledged; the world notes what is.

    Raises:
        StoreUnavailable, sqlalchemy's: The step under way may have happened or not.
    """
    for step in STEPS:
        if step.name not in world.acknowledged:
            told = step.do(world)
            world.acknowledged[step.name] = told
            acknowledge(step.name, told)


def said(entry: StoredEntry) -> str:
    """What an entry says, without what chance and the clock put into it."""
    decoded = decode_entry(entry.entry)
    event = dict(decoded.event)
    if decoded.topic == UsageIndexCommitted.TOPIC:
        event = {"tree_size": event["tree_size"]}  # the root follows from salts
    text = json.dumps([decoded.topic, entry.version, event], sort_keys=True)
    return _UUID.sub("*", text)
