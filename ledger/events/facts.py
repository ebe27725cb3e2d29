"""What is a fact, and how does it become the `event` member of an entry?

    Fact (frozen, typed) ──to_object──► JSON object ──entry──► bytes ──► … ──from_object──► Fact

A fact is a past-tense, versioned record of one change. Its class says its TOPIC; the
topic's version ends in `.vN` and a published version never changes meaning. Members that
are unknown are absent: there is no null. A member this release does not know means that
the fact was written by a newer one, so it is not judged here, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Final, Self, TypeVar, get_type_hints

from ledger.errors import Malformed, Unverifiable


class UnknownFact(Unverifiable):
    """An entry's topic or member is not known to this release."""

    def __init__(self, topic: str, member: str | None = None) -> None:
        what = f"member {member!r} of topic {topic!r}" if member else f"topic {topic!r}"
        super().__init__(f"{what} is not known to this release")
        self.topic, self.member = topic, member


Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    key: str  # in JSON; differs only where the name is a word of Python (`import_`)
    default: Any
    kind: type | None  # of what is JSON as it stands, whose reader only asks for its type
    read: Reader
    write: Reader | None  # None: the value is JSON as it stands


class Record:
    """Base of facts and of the values inside them: reads and writes its own members."""

    __slots__ = ()
    _MEMBERS: ClassVar[tuple[_Member, ...] | None] = None
    _BY_KEY: ClassVar[dict[str, _Member]]
    _NEEDED: ClassVar[frozenset[str]]  # keys

    def to_object(self) -> dict[str, Any]:
        """The JSON object that stands in an entry; members at their default are absent."""
        written: dict[str, Any] = {}
        for member in members_of(type(self)):
            value = getattr(self, member.name)
            if value is member.default and value != ():
                continue
            written[member.key] = value if member.write is None else member.write(value)
        return written

    @classmethod
    def from_object(cls, found: Mapping[str, Any]) -> Self:
        """Read the object back.

        Raises:
            Malformed: A member is missing or of another type.
            UnknownFact: A member is not known here.
        """
        if not isinstance(found, Mapping):
            raise Malformed(cls.__name__, "must be an object")
        if "_BY_KEY" not in cls.__dict__:
            members_of(cls)
        by_key, values, unknown = cls._BY_KEY, {}, None
        for key, value in found.items():
            member = by_key.get(key)
            if member is None:
                unknown = key
            elif type(value) is member.kind:
                values[member.name] = value
            else:
                values[member.name] = member.read(value)
        if not cls._NEEDED <= found.keys():
            missing = next(key for key in by_key if key in cls._NEEDED and key not in found)
            raise Malformed(f"{cls.__name__}.{missing}", "is missing")
        if unknown is not None:
            raise UnknownFact(getattr(cls, "TOPIC", cls.__name__), unknown)
        return cls(**values)


class Fact(Record):
    """A record that stands alone in an entry, under its topic."""

    __slots__ = ()
    TOPIC: ClassVar[str]


def members_of(cls: type[Record]) -> tuple[_Member, ...]:
    """The members of a record class, worked out once from its annotations."""
    found = cls.__dict__.get("_MEMBERS")
    if found is None:
        hints = get_type_hints(cls)
        found = tuple(
            _Member(
                item.name,
                item.name.rstrip("_"),
                item.default,
                _kind_of(hints[item.name]),
                *_reader_writer(hints[item.name], item.name),
            )
            for item in fields(cls)  # type: ignore[arg-type]  # every Record is a dataclass
        )
        cls._BY_KEY = {member.key: member for member in found}
        cls._NEEDED = frozenset(member.key for member in found if member.default is MISSING)
        cls._MEMBERS = found
    return found


def _kind_of(hint: Any) -> type | None:
    options = [item for item in getattr(hint, "__args__", ()) if item is not type(None)]
    if options and getattr(hint, "__origin__", None) is not tuple:  # Optional[X]
        return _kind_of(options[0])
    plain = isinstance(hint, type) and not options and not issubclass(hint, Record)
    return hint if plain else None


def _reader_writer(hint: Any, name: str) -> tuple[Reader, Reader | None]:
    options = [item for item in getattr(hint, "__args__", ()) if item is not type(None)]
    origin = getattr(hint, "__origin__", None)
    if origin is tuple:
        read_item, write_item = _reader_writer(options[0], name)
        if write_item is None:
            return _tuple_reader(read_item, name), list
        return _tuple_reader(read_item, name), lambda items: [write_item(item) for item in items]
    if options:  # Optional[X]
        return _reader_writer(options[0], name)
    if isinstance(hint, type) and issubclass(hint, Record):
        return hint.from_object, hint.to_object
    return _scalar_reader(hint, name), None


def _scalar_reader(kind: type, name: str) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise Malformed(name, f"must be of type {kind.__name__}")
        return value

    return read


def _tuple_reader(read_item: Reader, name: str) -> Reader:
    def read(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise Malformed(name, "must be a list")
        return tuple(map(read_item, value))

    return read


FactClass = TypeVar("FactClass", bound=type[Fact])
FACTS: Final[dict[str, type[Fact]]] = {}


def fact(cls: FactClass) -> FactClass:
    """Enter a fact class in the register of topics."""
    assert cls.TOPIC not in FACTS, f"topic {cls.TOPIC} stands twice"
    FACTS[cls.TOPIC] = cls
    return cls


def read_fact(topic: str, found: Mapping[str, Any]) -> Fact:
    """The typed fact of an entry's topic and event.

    Raises:
        UnknownFact: The topic, or a member, is not known to this release.
        Malformed: The event does not have the shape of its topic.
    """
    cls = FACTS.get(topic)
    if cls is None:
        raise UnknownFact(topic)
    return cls.from_object(found)
