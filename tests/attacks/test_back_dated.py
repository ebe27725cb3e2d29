"""An entry that says it was recorded at another time than it was: does anybody notice?

Hashes hold whatever an entry says. Published checkpoints have times of their own, and an entry
stands between two of them.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.entry import Entry, encode_entry
from ledger.events import AgencyRegistered
from ledger.store.core import NewEntry
from ledger.times import full_text_of_us
from tests.ledgers import ORIGIN, REPORTER, Place
from tests.store.audited import Audited, report

HOUR_US = 3_600_000_000


def put(on: Audited, recorded_us: int) -> int:
    """An entry of the honest form, with any time in it."""
    fact = AgencyRegistered(agency="agencies/late", name="LATE")
    entry = encode_entry(
        Entry(
            topic=fact.TOPIC,
            stream="agency/late",
            version=1,
            event=fact.to_object(),
            protected={},
            origin=ORIGIN,
            recorded_at=full_text_of_us(recorded_us),
            reporter=REPORTER,
            capture="live",
        )
    )
    on.store.append([NewEntry.of("agency/late", 1, fact.TOPIC, entry)])
    return on.size - 1


@pytest.mark.parametrize(
    ("lie", "sentence"),
    [
        (
            lambda now: now - 2 * HOUR_US,
            "more than an hour before the entries below it were published",
        ),
        (lambda now: now - 9_000 * HOUR_US, "more than an hour before the entries below it were"),
        (lambda now: now + 2 * HOUR_US, "more than an hour after a checkpoint that covers it"),
    ],
)
def test_time_outside_its_checkpoints_is_named(
    place: Place, lie: Callable[[int], int], sentence: str
) -> None:
    """Before the last checkpoint that it is not under, or after the first that it is under."""
    on = Audited(place)
    on.ledger.register_agencies()
    on.ledger.report(report(1))
    on.publish()
    at = put(on, lie(on.ledger.now_us()))
    on.ledger.report(report(2))
    on.publish()
    on.fold()
    found = [(one.what, one.where, one.sentence) for one in on.audit().findings]

    assert [("recorded_at", at)] == [one[:2] for one in found]
    assert sentence in found[0][2]


@pytest.mark.parametrize("off_us", [-HOUR_US // 2, 0, HOUR_US // 2])
def test_clocks_may_differ_a_little(place: Place, off_us: int) -> None:
    """Several processes, a queue, a clock that is set right: within an hour nothing is said."""
    on = Audited(place)
    on.ledger.register_agencies()
    on.publish()
    put(on, on.ledger.now_us() + off_us)
    on.publish()
    on.fold()

    assert [] == on.audit().findings
