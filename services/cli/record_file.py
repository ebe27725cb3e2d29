"""Which facts does a file hold? TOML or JSON, as `candour history … --format json` prints them.

    { "facts": [ { "topic", "event", "protected"?, "performer"?, "capture"? }, … ] }   or the list alone
    [[facts]]  topic = "technology.approved"  event.technology = "technologies/x"  …

`event` is the fact as it stands in an entry. For people: a topic may go without its version, a
moment may be a text (an RFC 3339 time, a bare date, or `A/B`), and TOML's own dates are dates.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, get_type_hints

from ledger.canonical_json import encode
from ledger.domain.fact_checks import check_fact, check_protected
from ledger.domain.lives import LIVES
from ledger.errors import CandourError, Malformed
from ledger.events import FACTS, Fact, Interval, Occurred, TechnologyAliased
from ledger.events.facts import Record
from ledger.limits import MAX_RECORD_FILE_BYTES
from services.cli.facts import occurred
from services.cli.failures import USAGE, CommandFailed
from services.pb.candour.v1 import common_pb2, record_pb2
from services.runtime.fact_messages import write_fact

_KNOWN: Final = frozenset({"topic", "event", "protected", "performer", "capture"})
_PASSED_BY: Final = frozenset({"leaf_index", "recorded_at", "reporter"})  # where it stood before
_CAPTURES: Final = ("live", "backfill")
_IDENTITY: Final = "performer_identity"


@dataclass(frozen=True, slots=True)
class Item:
    """One fact of a file: its place from 0, and its message or why there is none."""

    place: int
    topic: str
    message: record_pb2.RecordedFact | None = None
    field: str = ""
    reason: str = ""


def read_file(path: Path) -> list[Item]:
    """Every fact of a file, in its order.

    Raises:
        CommandFailed: It is no such file.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_RECORD_FILE_BYTES + 1)
    if len(data) > MAX_RECORD_FILE_BYTES:
        raise _no_facts(path, f"is longer than {MAX_RECORD_FILE_BYTES} bytes: split it")
    try:
        text = data.decode()
        found: Any = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:  # of UTF-8, JSON and TOML alike
        raise _no_facts(
            path, f"is not {'TOML' if path.suffix == '.toml' else 'JSON'}: {error}"
        ) from None
    facts = found.get("facts") if isinstance(found, Mapping) else found
    if not isinstance(facts, list):
        raise _no_facts(path, "holds no list called facts")
    return list(items_of(facts))


def _no_facts(path: Path, why: str) -> CommandFailed:
    return CommandFailed(
        f"{path} {why}", "docs/guides/integrator.md says how it is written", exit_code=USAGE
    )


def items_of(facts: list[Any]) -> Iterator[Item]:
    met: dict[str, int] = {}
    for place, found in enumerate(facts):
        topic = found.get("topic") if isinstance(found, Mapping) else None
        shown = topic if isinstance(topic, str) else "?"
        try:
            message, said = _message(found)
        except CandourError as error:
            field = error.field if isinstance(error, Malformed) else "fact"
            reason = error.reason if isinstance(error, Malformed) else str(error)
            yield Item(place, shown, None, field, reason)
            continue
        # The same words again are another fact; in another run they are this one.
        met[said] = met.get(said, 0) + 1
        message.request_id = sha256(f"{said} {met[said]}".encode()).hexdigest()
        yield Item(place, shown, message)


def _message(found: Any) -> tuple[record_pb2.RecordedFact, str]:
    """A fact as it is sent, and a digest of what it says in the clear. Raises CandourError."""
    if not isinstance(found, Mapping):
        raise Malformed("fact", "must be an object")
    unknown = found.keys() - _KNOWN - _PASSED_BY
    if unknown:
        raise Malformed(min(unknown), f"is not known: a fact has {', '.join(sorted(_KNOWN))}")
    cls = _fact_class(found.get("topic"))
    event = found.get("event")
    if not isinstance(event, Mapping):
        raise Malformed("event", "must be an object")
    fact = check_fact(cls.from_object(_expanded(cls, event)))
    message = write_fact(fact)
    capture = found.get("capture", "live")
    if capture not in _CAPTURES:
        raise Malformed("capture", f"must be one of {', '.join(_CAPTURES)}")
    message.capture = common_pb2.Capture.Value(f"CAPTURE_{capture.upper()}")
    _protect(message, found.get("protected", {}))
    if (performer := found.get("performer")) is not None:
        message.performer.CopyFrom(_performer(performer, "performer"))
    names = sorted({*message.protected, *(["performer"] if message.HasField("performer") else [])})
    said: list[Any] = [cls.TOPIC, fact.to_object(), capture, names]
    return message, sha256(encode(said)).hexdigest()


def _fact_class(topic: Any) -> type[Fact]:
    """The class of a topic; without a version, of its newest."""
    known = {cls.TOPIC: cls for cls in FACTS.values() if cls in LIVES or cls is TechnologyAliased}
    if isinstance(topic, str):
        versions = sorted(
            (int(name.rpartition(".v")[2]), name)
            for name in known
            if topic in (name, name.rpartition(".v")[0])
        )
        if versions:
            return known[versions[-1][1]]
    names = ", ".join(sorted(name.rpartition(".v")[0] for name in known))
    raise Malformed("topic", f"must be one of {names}")


def _expanded(cls: type[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """An event with what people write put into the shapes of its members."""
    hints = {name.rstrip("_"): hint for name, hint in get_type_hints(cls).items()}
    return {name: _value(hints.get(name), value, name) for name, value in found.items()}


def _value(hint: Any, value: Any, name: str) -> Any:
    kinds = [kind for kind in getattr(hint, "__args__", (hint,)) if kind is not type(None)]
    kind = kinds[0] if kinds else None
    text = _text(value)
    if kind is Occurred and isinstance(text, str):
        moment = occurred(text, name)
        return None if moment is None else moment.to_object()
    if kind is Interval and isinstance(text, str):
        if "/" not in text:
            raise Malformed(name, "must be A/B, .. where an end is open")
        span = occurred(text, name)
        assert span is not None
        return Interval(earliest=span.earliest, latest=span.latest).to_object()
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, Record):
        return _expanded(kind, value)
    return [_text(item) for item in value] if isinstance(value, list) else text


def _text(value: Any) -> Any:
    """TOML's own dates and times as texts; a time without a zone is nobody's."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise Malformed("time", "needs a zone, as 2020-02-28T12:00:00Z")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _protect(message: record_pb2.RecordedFact, protected: Any) -> None:
    """Raises Malformed."""
    if isinstance(protected, list) and protected:
        raise Malformed(
            "protected", "names fields without their values: `candour history --full` shows them"
        )
    if not isinstance(protected, Mapping):
        if protected:
            raise Malformed("protected", "must be an object of texts")
        return
    check_protected(protected)
    for name, value in protected.items():
        if name == _IDENTITY:
            message.performer.CopyFrom(_performer(value, f"protected.{name}"))
        elif name == "performer":
            continue  # the ledger's own pseudonym: it finds or makes that again
        elif isinstance(value, str):
            message.protected[name] = value
        else:
            raise Malformed(f"protected.{name}", "must be a text")


def _performer(found: Any, where: str) -> common_pb2.Performer:
    members = ("user_id", "name", "badge")
    if not isinstance(found, Mapping) or not found or not found.keys() <= set(members):
        raise Malformed(where, f"must be an object of {', '.join(members)}")
    if not all(isinstance(value, str) for value in found.values()):
        raise Malformed(where, "must hold texts")
    return common_pb2.Performer(**found)
