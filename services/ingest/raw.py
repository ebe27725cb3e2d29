"""What if one use of a batch cannot be decoded? Then only that one is refused.

    batch as sent ──RawBatch──► bytes a use ──ToolUse, to_command──► command, or why not

A message inside a message and a byte string look the same on the wire, so these two classes
read the requests of the contract and leave each use as it came. The rest of a batch is safe
from a text that is not UTF-8, and a large one is decoded slice by slice.

Source: protobuf.dev/programming-guides/encoding, "Length-Delimited Records".
"""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from ledger.errors import Malformed
from ledger.log import Checked
from services.pb.candour.v1 import common_pb2, ingest_pb2
from services.runtime.messages import to_command


def _raw(kind: type[Message], field: str) -> Any:
    """The class of a request whose `field` is left undecoded."""
    file = FileDescriptorProto(name=f"{kind.__name__}.raw.proto", package="raw", syntax="proto3")
    message = file.message_type.add()
    kind.DESCRIPTOR.CopyToProto(message)
    for item in message.field:
        item.ClearField("options")
        if item.name == field:
            item.type = FieldDescriptorProto.TYPE_BYTES
            item.ClearField("type_name")
        elif item.type == FieldDescriptorProto.TYPE_ENUM:  # the same on the wire
            item.type = FieldDescriptorProto.TYPE_INT32
            item.ClearField("type_name")
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"raw.{message.name}"))


RawBatch: Final = _raw(ingest_pb2.BatchReportToolUsesRequest, "tool_uses")
RawStreamed: Final = _raw(ingest_pb2.StreamToolUsesRequest, "tool_use")


def decode_use(data: bytes) -> Checked:
    """The command of one use, or why it has none."""
    if not data:
        return Malformed("tool_use", "must be set")
    try:
        return to_command(common_pb2.ToolUse.FromString(data))
    except DecodeError:
        return Malformed("tool_use", "is not a ToolUse with texts in UTF-8")
    except Malformed as error:
        return error
