"""Is everything there that a bridge needs? The connection, the stream, the consumer, the dead letters.

connect ──► stream (made, if asked for) ──► dead letters' stream ──► durable consumer ──► Bridge
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client as Nats
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from ledger.errors import Refused
from ledger.limits import (
    BRIDGE_ANSWER_S,
    BRIDGE_CONNECT_S,
    BRIDGE_DEAD_WINDOW_S,
    BRIDGE_START_S,
    BRIDGE_STREAM_BYTES,
)
from services.bridge.settings import Settings, Tls

_log: Final = logging.getLogger("candour.bridge")
# Trying again changes nothing.
_FOR_GOOD: Final = (
    ssl.SSLError,
    nats.errors.AuthorizationError,
    nats.errors.SecureConnRequiredError,
    nats.errors.SecureConnWantedError,
)


class NotReady(Refused):
    """Something of NATS is not as it must be before a bridge can start; `do` says what to do."""

    def __init__(self, reason: str, do: str) -> None:
        super().__init__(reason)
        self.do = do


async def connect(settings: Settings) -> Nats:
    """A connection that comes back by itself, for as long as it takes.

    Raises:
        NotReady: There is none at first.
    """

    last: Exception = TimeoutError("it does not answer")
    refused = asyncio.Event()

    async def troubled(error: Exception) -> None:
        nonlocal last
        last = error
        _log.warning("NATS: %s", _said(error))
        if isinstance(error, _FOR_GOOD):
            refused.set()

    connection = Nats()
    connecting = asyncio.create_task(
        connection.connect(
            list(settings.servers),
            name=f"candour bridge {settings.durable}",
            error_cb=troubled,
            allow_reconnect=True,
            max_reconnect_attempts=-1,  # at the start too, so that it is ended here
            reconnect_time_wait=1,
            connect_timeout=BRIDGE_CONNECT_S,
            tls=_context(settings.tls),
        )
    )
    refusing = asyncio.create_task(refused.wait())
    both = {connecting, refusing}
    await asyncio.wait(both, timeout=BRIDGE_START_S, return_when=asyncio.FIRST_COMPLETED)
    connected = connecting.done()
    for task in both:
        task.cancel()
    outcome, _ = await asyncio.gather(connecting, refusing, return_exceptions=True)
    if connected and outcome is None:
        return connection
    last = outcome if connected and isinstance(outcome, Exception) else last
    do = "Start it, or say where and whom to believe: --server, --ca, --cert, --key"
    raise NotReady(f"NATS cannot be reached: {_said(last)}", do)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def _context(tls: Tls) -> ssl.SSLContext | None:
    if not tls.is_wanted:
        return None
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.certificate is not None:
        context.load_cert_chain(tls.certificate, tls.key)
    return context


async def open_consumer(streams: JetStreamContext, settings: Settings) -> ConsumerInfo:
    """See to the streams, and make the durable consumer, or take it as it was left.

    Raises:
        NotReady: As named.
    """
    try:
        await _see_to_stream(streams, settings)
        await _see_to_dead_letters(streams, settings)
        return await streams.add_consumer(
            settings.stream,
            ConsumerConfig(
                durable_name=settings.durable,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=settings.ack_wait_s,
                max_deliver=-1,
                max_ack_pending=settings.batch_uses,
                filter_subject=settings.subject or None,
            ),
            timeout=BRIDGE_ANSWER_S,
        )
    except nats.js.errors.ServiceUnavailableError:
        raise NotReady("that server has no JetStream", "Start it with --jetstream") from None
    except nats.js.errors.APIError as error:
        do = "Look at it, or name another with --durable"
        raise NotReady(f"consumer {settings.durable}: {error.description}", do) from None
    except nats.errors.Error as error:
        raise NotReady(f"NATS: {_said(error)}", "Try again") from None


async def _see_to_stream(streams: JetStreamContext, settings: Settings) -> None:
    try:
        found = (await streams.stream_info(settings.stream)).config
    except nats.js.errors.NotFoundError:
        if not settings.make:
            raise NotReady(
                f"there is no stream {settings.stream}",
                "Make it, or let the bridge: --make 'uses.>'",
            ) from None
        # What is acknowledged is gone, since it holds uses in the clear; what does not fit is
        # refused to who publishes, since what is oldest is what was not recorded yet.
        found = StreamConfig(
            name=settings.stream,
            subjects=list(settings.make),
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
            max_bytes=BRIDGE_STREAM_BYTES,
            storage=StorageType.FILE,
        )
        await streams.add_stream(found)
    limited = any((found.max_age, (found.max_msgs or -1) > 0, (found.max_bytes or -1) > 0))
    if found.max_age or (limited and found.discard == DiscardPolicy.OLD):
        _log.warning(
            "stream %s drops its oldest messages, recorded or not, at its limits: set"
            " discard=new, and no max_age",
            settings.stream,
        )


async def _see_to_dead_letters(streams: JetStreamContext, settings: Settings) -> None:
    subject = settings.dead_subject
    try:
        keeper = await streams.find_stream_name_by_subject(subject)
    except nats.js.errors.NotFoundError:
        await streams.add_stream(
            StreamConfig(
                name=f"{settings.stream}_DEAD",
                subjects=[subject],
                discard=DiscardPolicy.NEW,
                max_bytes=BRIDGE_STREAM_BYTES,
                storage=StorageType.FILE,
                duplicate_window=BRIDGE_DEAD_WINDOW_S,
            )
        )
        return
    if keeper == settings.stream:
        do = "Name a subject outside of it, with --dead-letters"
        raise NotReady(f"{subject} is of the stream {keeper} itself", do)
