"""What if one item of a message cannot be decoded? Read the message, and leave its items as bytes.

    kind, field ──undecoded──► the same message class, with `field` in bytes

A message inside a message and a byte string look the same on the wire, so the rest of a batch is
safe from a text that is not UTF-8, and a large one is decoded slice by slice.

Source: protobuf.dev/programming-guides/encoding, "Length-Delimited Records".
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass


def undecoded(kind: type[Message], *fields: str) -> Any:
    """The class of a message whose `fields` are left in bytes; each other one is a scalar or enum."""
    file = FileDescriptorProto(name=f"{kind.__name__}.raw.proto", package="raw", syntax="proto3")
    message = file.message_type.add()
    kind.DESCRIPTOR.CopyToProto(message)
    for item in message.field:
        item.ClearField("options")
        if item.name in fields:
            item.type = FieldDescriptorProto.TYPE_BYTES
            item.ClearField("type_name")
        elif item.type == FieldDescriptorProto.TYPE_ENUM:  # the same on the wire
            item.type = FieldDescriptorProto.TYPE_INT32
            item.ClearField("type_name")
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"raw.{message.name}"))
