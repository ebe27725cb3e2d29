"""How is the projector kept running? As a child process, started again when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys

from services.runtime.settings import Settings

_log = logging.getLogger("candour.projector")
_RESTART_S = 0.5
_STOP_S = 10


class ProjectorChild:
    """The projector process of one ledger.

    Args:
        settings: Of the ledger.
        committed: Set by the committer after each commit.
    """

    def __init__(self, settings: Settings, committed: asyncio.Event) -> None:
        self._settings, self._committed = settings, committed
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self) -> None:
        self._tasks = [
            asyncio.create_task(self._keep_running(), name="projector"),
            asyncio.create_task(self._hint(), name="projector-hints"),
        ]

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def is_stopping(self) -> bool:
        """True once `stop` was called, whatever was seen before an await."""
        return self._stopping

    async def _keep_running(self) -> None:
        while not self._stopping:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.projector",
                "--data",
                str(self._settings.data),
                "--ledger",
                self._settings.ledger,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                env={
                    **os.environ,
                    "CANDOUR_DATABASE_URL": self._settings.database_url or "",
                    "CANDOUR_LOG_FORMAT": self._settings.log_format,
                },
                # A Ctrl-C at the terminal is for the parent, which then closes our stdin.
                start_new_session=True,
            )
            if self.is_stopping:  # while it was being started, when nobody could end it yet
                self._process.kill()
            code = await self._process.wait()
            if not self._stopping:
                name = self._settings.ledger
                _log.warning("projector of %s ended with %s", name, code, extra={"ledger": name})
                await asyncio.sleep(_RESTART_S)

    async def _hint(self) -> None:
        while True:
            await self._committed.wait()
            self._committed.clear()
            process = self._process
            if process is not None and process.stdin is not None:
                with contextlib.suppress(ConnectionError, RuntimeError):
                    process.stdin.write(b"\n")
                    await process.stdin.drain()

    async def stop(self) -> None:
        """Let it finish its batch; kill it where it does not."""
        self._stopping = True
        self._tasks[1].cancel()
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), _STOP_S)
            except TimeoutError:
                process.kill()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
