"""Does a ledger check before it looks up, and remember whom it has met without end?"""

from __future__ import annotations

from typing import Any

import pytest

from ledger.commands import Performer, ReportToolUse
from ledger.domain.base import NotRegistered
from ledger.errors import CandourError, Malformed
from ledger.events import ToolUseReported
from ledger.log import Receipt
from tests.ledgers import KEYS, Ledger, Place


@pytest.fixture
def ledger(place: Place) -> Ledger:
    """A fresh ledger with its agencies."""
    store, _engine = place.begin()
    ledger = Ledger(store)
    ledger.register_agencies()
    return ledger


def report(own: str, performer: str | None = None, **members: Any) -> ReportToolUse:
    said: dict[str, Any] = {"source": "sources/s", "capture": "live", "source_event_id": own}
    return ReportToolUse(
        use=ToolUseReported(agency=members.pop("agency", "agencies/a")),
        performer=None if performer is None else Performer(user_id=performer),
        **{**said, **members},
    )


def test_what_is_malformed_is_never_looked_up(ledger: Ledger) -> None:
    """A name that no database can hold breaks nothing for its neighbours."""
    checked = ledger.log.check([report("1", "a\0b"), report("2", "\ud800"), report("3", "ann")])
    missing = ledger.log.missing(checked)

    assert [True, True, False] == [isinstance(item, Malformed) for item in checked]
    assert {KEYS.of_performer("agencies/a", "ann")} == set(missing.performers)
    results = ledger.report(report("1", "a\0b"), report("3", "ann"))
    assert isinstance(results[0], Malformed)
    assert isinstance(results[1], Receipt)


def test_errors_keep_their_place(ledger: Ledger) -> None:
    """What was refused before goes through unchanged, each at its index."""
    before: list[ReportToolUse | CandourError] = [
        Malformed("x", "y"),
        report("1"),
        NotRegistered("z"),
    ]
    checked = ledger.log.check(before)

    assert before == checked
    assert not ledger.log.missing([before[0], before[2]])
    prepared = ledger.log.prepare([before[0], before[2]], "nobody")
    assert [before[0], before[2]] == prepared


def test_an_unregistered_agency_makes_no_pseudonym(ledger: Ledger) -> None:
    """Its performers are not remembered, and its report is refused by name."""
    (result,) = ledger.report(report("1", "ann", agency="agencies/nobody"))

    assert isinstance(result, NotRegistered)
    assert "agencies/nobody" == result.name
    assert [] == ledger.store.find_performers("ann")


def test_an_agency_is_known_as_soon_as_it_is_registered(ledger: Ledger) -> None:
    """That it was unknown a moment ago is not remembered."""
    from ledger.events import AgencyRegistered

    name = "agencies/late"
    assert isinstance(ledger.report(report("1", agency=name))[0], NotRegistered)
    ledger.register(name, AgencyRegistered(agency=name, name="Late"))
    assert isinstance(ledger.report(report("1", agency=name))[0], Receipt)


def test_a_bounded_memory_forgets_no_one_in_use(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More performers than are remembered come and go; each keeps one pseudonym."""
    monkeypatch.setattr("ledger.log.MAX_CACHED_NAMES", 4)
    for turn in range(3):
        for number in range(10):
            results = ledger.report(
                report(f"{turn}-{number}", f"p{number}"), report(f"{turn}-{number}x", "always")
            )
            assert all(isinstance(result, Receipt) for result in results)

    found = [ledger.store.find_performers(who) for who in ("always", "p0", "p9")]
    assert [1, 1, 1] == [len(pseudonyms) for pseudonyms in found]


def test_a_surrogate_in_a_raw_record_is_refused(ledger: Ledger) -> None:
    """What no UTF-8 can hold raises nothing but our own error, however deep it stands."""
    bad = report("1", protected={"source_record": {"columns": ["a"], "row": ["\ud800"]}})
    results = ledger.report(bad, report("2"))

    assert isinstance(results[0], Malformed)
    assert isinstance(results[1], Receipt)
