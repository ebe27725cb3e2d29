"""Does a file of facts say what people mean, and is what it cannot say named by its place?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from ledger.domain.fact_checks import check_fact
from ledger.errors import Malformed
from ledger.events import Fact
from services.cli.failures import CommandFailed, in_state
from services.cli.record_file import Item, read_file
from services.runtime.fact_messages import read_fact
from tests.wire_facts import wire_facts

TRIAL: dict[str, Any] = {"technology": "technologies/t", "agency": "agencies/a"}


def items(tmp_path: Path, found: Any, name: str = "facts.json") -> list[Item]:
    path = tmp_path / name
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return read_file(path)


def started(tmp_path: Path, **event: Any) -> Item:
    facts = [{"topic": "technology.trial_started", "event": {**TRIAL, **event}}]
    [item] = items(tmp_path, facts)
    return item


@given(wire_facts)
def test_entry_written_into_a_file_is_the_fact(tmp_path_factory: Any, fact: Fact) -> None:
    """Topic and event of an entry are read as the fact they were made of."""
    try:
        check_fact(fact)
    except Malformed:
        return  # no ledger holds it
    found = [{"topic": fact.TOPIC, "event": fact.to_object(), "leaf_index": 7}]
    [item] = items(tmp_path_factory.mktemp("file"), found)
    assert item.message is not None, item.reason
    assert fact == read_fact(item.message)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-02-28", {"date": "2020-02-28"}),
        ("../2020-02-28", {"latest": "2020-02-28T23:59:59.999999Z"}),
        (
            "2020-02-28T10:00:00+01:00",
            dict.fromkeys(("earliest", "latest"), "2020-02-28T09:00:00Z"),
        ),
        (
            "2020-01-01/2020-01-31",
            {"earliest": "2020-01-01T00:00:00Z", "latest": "2020-01-31T23:59:59.999999Z"},
        ),
        ({"earliest": "2020-01-01T00:00:00Z"}, {"earliest": "2020-01-01T00:00:00Z"}),
    ],
)
def test_moments_are_written_as_people_do(tmp_path: Path, written: Any, expected: Any) -> None:
    """A date stays a date; an interval may be open."""
    message = started(tmp_path, effective=written).message
    assert message is not None
    assert expected == read_fact(message).to_object()["effective"]


def test_toml_dates_are_dates(tmp_path: Path) -> None:
    """TOML's own date, and its time with a zone, need no quotes; a time without is nobody's."""
    text = """
    [[facts]]
    topic = "technology.trial_started"
    event = { technology = "technologies/t", agency = "agencies/a", effective = 2020-02-28 }
    [[facts]]
    topic = "technology.suspended"
    event = { technology = "technologies/t", effective = 2020-02-28T10:00:00+01:00 }
    [[facts]]
    topic = "technology.suspended"
    event = { technology = "technologies/t", effective = 2020-02-28T10:00:00 }
    """
    day, hour, nowhere = items(tmp_path, text, "facts.toml")
    assert day.message is not None
    assert hour.message is not None
    assert "2020-02-28" == day.message.trial_started.effective.date
    assert "2020-02-28T09:00:00Z" == (
        hour.message.technology_suspended.effective.earliest.ToJsonString()
    )
    assert "needs a zone, as 2020-02-28T12:00:00Z" == nowhere.reason


def test_same_words_are_the_same_fact_in_another_run(tmp_path: Path) -> None:
    """Ids come from what is said: stable over runs, and apart where a file says it twice."""
    fact = {"topic": "technology.trial_started", "event": TRIAL}
    hidden = {**fact, "protected": {"reason": "one"}}
    one, two, three = (item.message for item in items(tmp_path, [fact, fact, hidden]))
    again, changed = (
        item.message for item in items(tmp_path, [fact, {**hidden, "protected": {"reason": "b"}}])
    )
    assert one and two and three and again and changed  # noqa: PT018
    assert one.request_id == again.request_id
    assert 3 == len({one.request_id, two.request_id, three.request_id})
    assert three.request_id == changed.request_id  # it is no digest of what is protected


@pytest.mark.parametrize(
    ("fact", "field", "reason"),
    [
        (7, "fact", "must be an object"),
        ({"topic": "x"}, "topic", "must be one of agency.registered"),
        ({"topic": "technology.retired"}, "event", "must be an object"),
        ({"topic": "technology.retired", "event": {}, "who": 1}, "who", "is not known"),
        ({"topic": "technology.retired", "event": {}}, "TechnologyRetired.technology", "is missing"),
        ({"topic": "technology.retired", "event": {"technology": "x"}}, "technology", "must look"),
        ({"topic": "technology.retired", "event": {"technology": "technologies/x"}, "capture": "x"},
         "capture", "must be one of live, backfill"),
        ({"topic": "technology.retired", "event": {"technology": "technologies/x"},
          "protected": ["reason"]}, "protected", "names fields without their values"),
        ({"topic": "technology.retired", "event": {"technology": "technologies/x"},
          "performer": {"nick": "j"}}, "performer", "must be an object of user_id, name, badge"),
        ({"topic": "tool_use.amended", "event": {}}, "topic", "must be one of"),
    ],
)  # fmt: skip
def test_what_is_no_fact_is_refused_by_its_place(
    tmp_path: Path, fact: Any, field: str, reason: str
) -> None:
    """The other facts of the file are read all the same."""
    good = {"topic": "technology.trial_started", "event": TRIAL}
    first, bad, last = items(tmp_path, {"facts": [good, fact, good]})
    assert first.message is not None
    assert last.message is not None
    assert (1, field) == (bad.place, bad.field)
    assert bad.reason.startswith(reason)


def test_example_of_the_guide_is_a_file_of_facts(tmp_path: Path) -> None:
    """What integrators are shown can be recorded."""
    guide = (Path(__file__).parents[2] / "docs/guides/integrator.md").read_text()
    found = items(tmp_path, guide.split("```toml\n")[1].split("```")[0], "guide.toml")
    assert ["", "", ""] == [item.reason for item in found]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{", "f.json"),
        ("x", "f.toml"),
        ("{}", "f.json"),
        ('{"facts": 1}', "f.json"),
        ("7", "f.json"),
    ],
)
def test_what_is_no_file_of_facts_says_where_to_read_on(
    tmp_path: Path, text: str, name: str
) -> None:
    """One sentence, and the guide."""
    with pytest.raises(CommandFailed, match=r"docs/guides/integrator\.md"):
        items(tmp_path, text, name)


def test_state_is_told_in_words() -> None:
    """A refusal says what the thing is, and what may be told of it now."""
    facts = {
        "name": "technologies/t",
        "state": "on_trial",
        "allowed": "technology.assessed.v1,technology.trial_ended.v1",
    }
    assert (
        "technologies/t is on trial",
        "What can be told of it now: assessed, trial ended",
    ) == in_state(facts)
    assert "Nothing more can be told of it" == in_state({**facts, "allowed": ""})[1]
