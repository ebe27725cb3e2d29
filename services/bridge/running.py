"""What is one bridge process? Connected, watched, and ended in order.

connect ──► consumer ──► /livez, /readyz, /metrics ──► Bridge.run
SIGTERM ──► nothing more is pulled ──► the batch is finished or given back ──► close
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from services.bridge.bridge import Bridge
from services.bridge.course import Course
from services.bridge.dead_letters import DeadLetters
from services.bridge.health import served
from services.bridge.measuring import BridgeMetrics
from services.bridge.opening import connect, open_consumer
from services.bridge.pulling import Puller
from services.bridge.reporting import Reporter
from services.bridge.settings import Settings
from services.bridge.taking import Taker
from services.runtime.telemetry import open_telemetry

_log: Final = logging.getLogger("candour.bridge")


async def run(settings: Settings, said: Callable[[str], None]) -> None:
    """Bridge until SIGTERM or SIGINT, or with `once` until the stream holds nothing more.

    Args:
        said: Told a line for people.
    Raises:
        NotReady, OSError: It did not start.
    """
    async with AsyncExitStack() as stack:
        telemetry = open_telemetry("candour-bridge")
        stack.push_async_callback(asyncio.to_thread, telemetry.close)
        reporter = Reporter(settings.target, settings.parent, settings.target_tls)
        await stack.enter_async_context(reporter)
        connection = await connect(settings)
        stack.push_async_callback(connection.close)
        streams = connection.jetstream()
        consumer = await open_consumer(streams, settings)
        course, metrics = Course(), BridgeMetrics(telemetry.instruments, settings.stream)
        letters = DeadLetters(streams, settings.dead_subject)
        bridge = Bridge(
            settings,
            connection,
            Puller(connection, settings.stream, settings.durable),
            Taker(settings, connection, reporter, letters, metrics, course),
            metrics,
            course,
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, course.ended.set)
        if settings.http is not None:
            address = await stack.enter_async_context(served(settings.http, course, telemetry))
            said(f"http     http://{address}")
        said(f"stream   {settings.stream}, by {settings.durable}, into {settings.parent}")
        said("ready")
        await bridge.run(consumer)
        _log.info("ended: nothing is held")
