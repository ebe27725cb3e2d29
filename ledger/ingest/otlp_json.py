"""What does an export of logs in OTLP's JSON say? Record by record; one bad record loses no other.

    request ──read_json_logs──► (resource, record) attributes ──read_record──► command, or why not

Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ledger.canonical_json import JsonValue
from ledger.errors import Malformed
from ledger.ingest.loose_json import DOUBLED, FRACTION, Unclear
from ledger.ingest.otlp_logs import BYTES, Attributes, Checked, any_integer, read_or_why
from ledger.limits import MAX_JSON_DEPTH


def read_json_logs(request: JsonValue) -> Iterator[Checked]:
    """The report of each log record of an export request in JSON, or why it makes none.

    Args:
        request: Read by `read_loosely`.
    Raises:
        Malformed: It is no export request; what came before may have been yielded.
    """
    for of_resource in _objects(request, "resourceLogs", "request"):
        resource = _or_why(_member(of_resource, "resource"), "resource")
        for scope in _objects(of_resource, "scopeLogs", "resourceLogs"):
            for record in _objects(scope, "logRecords", "scopeLogs"):
                yield _read_or_why(resource, record)


def _read_or_why(resource: Attributes | Malformed, record: Any) -> Checked:
    said = _or_why(record, "logRecords")
    return said if isinstance(said, Malformed) else read_or_why(resource, said)


def _or_why(value: Any, where: str) -> Attributes | Malformed:
    try:
        return list(_attributes(value, where))
    except Malformed as error:
        return error


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _objects(value: Any, name: str, where: str) -> list[Any]:
    """The list under a name; absent is empty. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(where, value.reason if isinstance(value, Unclear) else "must be an object")
    found = value.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise Malformed(name, "must be a list")
    return found


def _attributes(value: Any, where: str) -> Iterable[tuple[str, Any]]:
    if value is None:
        return
    for attribute in _objects(value, "attributes", where):
        key = _member(attribute, "key")
        if not isinstance(key, str):
            raise Malformed("attributes", "one has no key")
        yield key, _any_value(_member(attribute, "value"), MAX_JSON_DEPTH)


def _any_value(value: Any, depth: int) -> Any:
    """What an AnyValue holds; None where it holds nothing."""
    if not isinstance(value, dict) or len(value) != 1 or not depth:
        return None if value is None or value == {} else Unclear("must be one value")
    ((kind, held),) = value.items()
    if held is None:
        return None
    if kind == "intValue":
        return any_integer(held)
    if kind == "arrayValue":
        items = _member(held, "values") or []
        if not isinstance(items, list):
            return Unclear("must be a list")
        return [_any_value(item, depth - 1) for item in items]
    if kind == "kvlistValue":
        return _any_map(held, depth - 1)
    return {"doubleValue": FRACTION, "bytesValue": BYTES}.get(kind, _scalar(kind, held))


def _scalar(kind: str, held: Any) -> Any:
    fits = {"stringValue": str, "boolValue": bool}.get(kind)
    if fits is not None and isinstance(held, fits | Unclear):
        return held
    return Unclear("must be one value")


def _any_map(held: Any, depth: int) -> Any:
    pairs = _member(held, "values") or []
    if not isinstance(pairs, list):
        return Unclear("must be a list")
    found: dict[str, Any] = {}
    for pair in pairs:
        key = _member(pair, "key")
        if not isinstance(key, str) or key in found:
            return DOUBLED
        found[key] = _any_value(_member(pair, "value"), depth)
    return found
