"""How do the registers' facts cross the wire? By name: a message mirrors its fact.

    RecordedFact.technology_approved ◄──► TechnologyApproved       (member by member)

One walk over the message's descriptor serves every fact; tests hold that each message has the
members of its fact and no others. Reading does not judge: ledger/domain/fact_checks.py does.
"""

from __future__ import annotations

from dataclasses import MISSING
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ledger.commands import Performer
from ledger.errors import Malformed
from ledger.events import FACTS, Count, Fact
from ledger.events.facts import Record, members_of
from ledger.events.statements import Coverage, Scope
from ledger.events.tool_use import Amendment
from ledger.events.values import DataFlow, Interval, Occurred
from services.pb.candour.v1 import common_pb2
from services.pb.candour.v1 import record_pb2 as pb
from services.runtime.value_messages import (
    read_count,
    read_data_flow,
    read_interval,
    read_occurred,
    read_time,
    write_count,
    write_data_flow,
    write_interval,
    write_occurred,
    write_time,
)

_FACTS: Final[dict[str, type[Fact]]] = {cls.__name__: cls for cls in FACTS.values()}
_RECORDS: Final[dict[str, type[Record]]] = {
    "Scope": Scope,
    "Coverage": Coverage,
    "Amendment": Amendment,
}
_TIMESTAMP: Final = "google.protobuf.Timestamp"


def read_fact(message: pb.RecordedFact) -> Fact:
    """The fact that a message holds.

    Raises:
        Malformed: It holds none, or lacks a member that must stand.
    """
    which = message.WhichOneof("fact")
    if which is None:
        raise Malformed("fact", "must be set")
    told: Message = getattr(message, which)
    fact: Fact = _read_record(told, _FACTS[told.DESCRIPTOR.name], which)
    return fact


def read_amendment(message: pb.Amendment) -> Amendment:
    amendment: Amendment = _read_record(message, Amendment, "to")
    return amendment


def write_amendment(amendment: Amendment) -> pb.Amendment:
    message = pb.Amendment()
    _write_record(amendment, message)
    return message


def read_performer(message: common_pb2.Performer) -> Performer:
    """Raises Malformed where it names nobody."""
    performer = Performer(
        user_id=message.user_id or None, name=message.name or None, badge=message.badge or None
    )
    if message.masked or not performer.key:
        raise Malformed("performer", "must name somebody here")
    return performer


def write_fact(fact: Fact) -> pb.RecordedFact:
    """The message of a fact, without what is protected."""
    message = pb.RecordedFact()
    wanted = type(fact).__name__
    for field in message.DESCRIPTOR.oneofs_by_name["fact"].fields:
        if field.message_type is not None and field.message_type.name == wanted:
            told = getattr(message, field.name)
            told.SetInParent()
            _write_record(fact, told)
            return message
    raise Malformed("fact", f"{fact.TOPIC} has no message of its own")


R = Any  # a Record class; its members are read by name


def _read_record(message: Message, cls: R, where: str) -> Any:
    given: dict[str, Any] = {}
    known = message.DESCRIPTOR.fields_by_name
    for member in members_of(cls):
        field = known[member.key]
        if field.is_repeated:
            items = getattr(message, member.key)
            if items or member.default == ():
                given[member.name] = tuple(_read_value(item, field, where) for item in items)
        elif field.has_presence:
            if message.HasField(member.key):
                value = getattr(message, member.key)
                given[member.name] = _read_value(value, field, f"{where}.{member.key}")
        elif (value := getattr(message, member.key)) or field.type == FieldDescriptor.TYPE_INT64:
            given[member.name] = value
    try:
        return cls(**given)
    except TypeError:
        missing = [
            m.key for m in members_of(cls) if m.name not in given and not _has_default(cls, m.name)
        ]
        raise Malformed(f"{where}.{missing[0] if missing else '?'}", "must be set") from None


def _has_default(cls: R, name: str) -> bool:
    return cls.__dataclass_fields__[name].default is not MISSING


def _read_value(value: Any, field: Any, where: str) -> Any:
    kind: Descriptor | None = field.message_type
    if kind is None:
        return value
    match kind.name:
        case "Timestamp":
            return read_time(value, where)
        case "Occurred":
            return read_occurred(value)
        case "Interval":
            return read_interval(value, where)
        case "Count":
            return read_count(value)
        case "DataFlow":
            return read_data_flow(value)
        case name:
            return _read_record(value, _RECORDS[name], where)


def _write_record(record: Record, message: Message) -> None:
    for member in members_of(type(record)):
        value = getattr(record, member.name)
        if value is None or value == ():
            continue
        field = message.DESCRIPTOR.fields_by_name[member.key]
        if field.is_repeated:
            getattr(message, member.key).extend(_written(item, field) for item in value)
        elif field.message_type is not None and isinstance(value, Record):
            target = getattr(message, member.key)
            target.SetInParent()
            if field.message_type.name in _RECORDS:
                _write_record(value, target)
            else:
                target.CopyFrom(_written(value, field))
        else:
            written = _written(value, field)
            if isinstance(written, Message):
                getattr(message, member.key).CopyFrom(written)
            else:
                setattr(message, member.key, written)


def _written(value: Any, field: Any) -> Any:
    if field.message_type is not None and field.message_type.full_name == _TIMESTAMP:
        return write_time(value)
    match value:
        case Occurred():
            return write_occurred(value)
        case Interval():
            return write_interval(value)
        case Count():
            return write_count(value)
        case DataFlow():
            return write_data_flow(value)
        case _:
            return value
