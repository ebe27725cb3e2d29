"""Where does a message go that no ledger will take? To a stream of its own, whole, with the reason.

    message, reason ──publish──► <dead letters' subject> ──stored──► only then is the message ended

The body and the headers that say its form stay as they were, so a bridge on this stream reports
them again once what was wrong is put right (an agency that nobody had registered).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import nats.errors
import nats.js.errors

from ledger.errors import Refused
from ledger.limits import BRIDGE_ANSWER_S, MAX_DEAD_REASON_CHARS
from services.bridge.reading import CONTENT_TYPE

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

REASON: Final = "Candour-Reason"
SAYS: Final = "Candour-Says"
FROM: Final = "Candour-From"
_ID: Final = "Nats-Msg-Id"
_KEPT: Final = ("ce-", CONTENT_TYPE.lower())


class NotKept(Refused):
    """No stream stored the dead letter, so its message stays where it is."""


class DeadLetters:
    """Keeps messages under one subject.

    Args:
        streams: Of the connection.
        subject: That a stream keeps.
    """

    def __init__(self, streams: JetStreamContext, subject: str) -> None:
        self._streams, self._subject = streams, subject

    async def keep(self, message: Msg, reason: str, says: str) -> None:
        """Store a message with why.

        Args:
            reason: A code: MALFORMED, AGENCY_NOT_REGISTERED.
            says: In words; never a protected value.
        Raises:
            NotKept: No stream has said that it is stored.
        """
        about = message.metadata
        headers = {
            name: value
            for name, value in (message.headers or {}).items()
            if name.lower().startswith(_KEPT)
        }
        headers |= {
            REASON: reason,
            SAYS: _plain(says),
            FROM: f"{about.stream} {about.sequence.stream} {message.subject}",
            # Once within the stream's window, though we are killed before the message is ended.
            _ID: f"{about.stream}-{about.sequence.stream}-{about.timestamp.timestamp():.6f}",
        }
        try:
            await self._streams.publish(
                self._subject, message.data, timeout=BRIDGE_ANSWER_S, headers=headers
            )
        except nats.js.errors.NoStreamResponseError:
            raise NotKept(f"no stream keeps {self._subject}") from None
        except (nats.errors.Error, OSError) as error:
            raise NotKept(f"{self._subject}: {type(error).__name__}") from None


def _plain(text: str) -> str:
    """As a header may say it: one line of ASCII."""
    shown = text.encode("ascii", "backslashreplace").decode()
    return "".join(c if c.isprintable() else " " for c in shown)[:MAX_DEAD_REASON_CHARS]
