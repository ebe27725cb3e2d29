"""What if one use of a batch cannot be decoded? Then only that one is refused.

bytes of a use ──ToolUse, to_command──► command, or why not
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from ledger.errors import Malformed
from ledger.log import Checked
from services.pb.candour.v1 import common_pb2
from services.runtime.messages import to_command


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
