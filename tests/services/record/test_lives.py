"""Is every illegal step of every kind of thing refused over the wire, with state and way out?"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any, Final, get_type_hints

import pytest

from ledger.domain.fact_checks import CHOICES
from ledger.domain.lives import LIVES, States, allowed_of
from ledger.events import Fact, Interval
from ledger.events.statements import Scope
from ledger.streams import COLLECTIONS, name_of_stream
from services.pb.candour.v1 import record_pb2
from services.runtime.fact_messages import write_fact
from tests.services.harness import AGENCY, PARENT, Server, fresh, refused

_KINDS: Final = sorted(
    {"rule_pack" if step.named_by == "pack" else step.named_by for step in LIVES.values()}
)
_VALUES: Final[dict[str, Any]] = {
    "agency": AGENCY,
    "valid": Interval(),
    "period": Interval(),
    "in_force": Interval(),
    "scope": Scope(agency=AGENCY),
    "at": "2025-01-01T00:00:00Z",
    "fields": (),
}


def least(cls: type[Fact], name: str) -> Fact:
    """A fact about this thing that says no more than it must."""
    topic, hints = cls.TOPIC.rpartition(".v")[0], get_type_hints(cls)
    given: dict[str, Any] = {}
    for member in fields(cls):  # type: ignore[arg-type]  # every Fact is a dataclass
        if member.default is not MISSING and member.name != "agency":
            continue
        choices = CHOICES.get((topic, member.name))
        if member.name == LIVES[cls].named_by:
            given[member.name] = name
        elif choices is not None:
            given[member.name] = choices[0]
        elif member.name in _VALUES:
            given[member.name] = _VALUES[member.name]
        elif hints[member.name] is int:
            given[member.name] = 1
        elif member.name.endswith("sha256"):
            given[member.name] = "ab" * 32
        elif member.name in COLLECTIONS:
            given[member.name] = f"{COLLECTIONS[member.name]}/x"
        else:
            given[member.name] = "x"
    return cls(**given)


def of_kind(kind: str) -> list[type[Fact]]:
    named_by = "pack" if kind == "rule_pack" else kind
    return [cls for cls, step in LIVES.items() if step.named_by == named_by]


def paths_of(kind: str) -> dict[str, list[type[Fact]]]:
    """A way into each state of a kind, found by walking its life."""
    begins = [cls for cls in of_kind(kind) if LIVES[cls].begins]
    first = begins or [cls for cls in of_kind(kind) if LIVES[cls].to == "active"]
    found: dict[str, list[type[Fact]]] = {}
    waiting = [[cls] for cls in first]
    while waiting:
        path = waiting.pop(0)
        states = States()
        for cls in path:
            states.add(least(cls, f"{COLLECTIONS[kind]}/x"))
        state = states.of(AGENCY)
        if state in found:
            continue
        found[state] = path
        waiting += [
            [*path, cls]
            for cls in of_kind(kind)
            if not LIVES[cls].begins and cls.TOPIC in allowed_of(cls.TOPIC.partition(".")[0], state)
        ]
    return found


def record(server: Server, fact: Fact) -> Any:
    return server.record.Record(record_pb2.RecordRequest(parent=PARENT, fact=write_fact(fact)))


@pytest.mark.parametrize("kind", _KINDS)
def test_illegal_steps_are_refused_in_every_state(server: Server, kind: str) -> None:
    """In each state, a step is taken or refused as its life says; what is refused changes nothing."""
    for state, path in paths_of(kind).items():
        name = name_of_stream(f"{kind}/{fresh('l')}")
        for cls in path:
            record(server, least(cls, name))
        for cls in of_kind(kind):
            step = LIVES[cls]
            if step.begins or not step.when or state in step.when:
                continue
            refusal = refused(record, server, least(cls, name))
            assert ("FAILED_PRECONDITION", "NOT_IN_STATE") == (refusal.code, refusal.reason)
            assert (name, state) == (refusal.facts["name"], refusal.facts["state"])
            allowed = set(filter(None, refusal.facts["allowed"].split(",")))
            assert cls.TOPIC not in allowed
            for other in of_kind(kind):
                if not LIVES[other].begins and LIVES[other].when:
                    assert (state in LIVES[other].when) == (other.TOPIC in allowed)


def test_every_kind_with_an_end_is_walked() -> None:
    """The walk above reaches each state that any fact leads to."""
    reached = {state for kind in _KINDS for state in paths_of(kind)}
    assert {step.to for step in LIVES.values()} - {None, "before"} <= reached
