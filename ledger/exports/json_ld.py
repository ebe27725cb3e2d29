"""How is a graph written as it comes? One object whose last member is a list of nodes.

head, nodes ──stream──► {"@context": …, …, "list": [
node,
node
]}

Values: `text`, `moment`, `number` are typed literals; `link` points at another node.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger.canonical_json import JsonValue

Node = dict[str, Any]


def link(identifier: str) -> Node:
    return {"@id": identifier}


def moment(text: str) -> Node:
    """An RFC 3339 time as xsd:dateTime."""
    return {"@type": "xsd:dateTime", "@value": text}


def number(value: int) -> Node:
    """A whole number from 0 as xsd:nonNegativeInteger."""
    return {"@type": "xsd:nonNegativeInteger", "@value": str(value)}


def shown(field: str, value: JsonValue) -> Node:
    """A protected value that is disclosed, under our own words."""
    return {"candour:field": field, "candour:value": as_text(value)}


def as_text(value: JsonValue) -> str:
    """A disclosed value as text; what is none, as JSON."""
    return (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )


def known(members: Mapping[str, Any]) -> Node:
    """The members that are known: neither None nor an empty list."""
    return {name: value for name, value in members.items() if value is not None and value != []}


def stream(head: Mapping[str, Any], member: str, nodes: Iterable[Node]) -> Iterator[str]:
    """The text of one JSON object in pieces, `member` last, one node a line."""
    opening = json.dumps(head, ensure_ascii=False)
    assert opening != "{}", "a graph has a context"
    yield f'{opening[:-1]}, "{member}": ['
    separator = "\n"
    for node in nodes:
        yield separator + json.dumps(node, ensure_ascii=False, separators=(",", ":"))
        separator = ",\n"
    yield "\n]}\n"
