"""In which form does a process log? A line for people, or a JSON object a line, on stderr.

    record ──► 2026-01-31 12:00:00,000 WARNING candour.publisher: …
           ──► {"time": …, "level": …, "logger": …, "message": …, "ledger": …, "trace_id": …}

An exception is told by its class and by where it was raised: its text may quote what a database
was given. Whoever logs about one ledger says `extra={"ledger": name}`.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TypeAlias

from opentelemetry.trace import get_current_span

TEXT: Final = "text"
JSON: Final = "json"
_Raised: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)


class TextLines(logging.Formatter):
    """For people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatException(self, ei: _Raised) -> str:  # noqa: N802  the library's name
        return raised(ei)


class JsonLines(logging.Formatter):
    """For programs: one object a line, with the span it was said in."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        ledger = getattr(record, "ledger", None)
        if isinstance(ledger, str):
            said["ledger"] = ledger
        span = get_current_span().get_span_context()
        if span.is_valid:
            said["trace_id"], said["span_id"] = f"{span.trace_id:032x}", f"{span.span_id:016x}"
        if record.exc_info:
            said["exception"] = raised(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def raised(found: _Raised) -> str:
    """Class and places of an exception, without its text."""
    kind, _, trace = found
    if kind is None:
        return ""
    return "".join(["Traceback:\n", *traceback.format_tb(trace), kind.__qualname__])


def log_to_stderr(form: str) -> None:
    """Let the process log, from INFO on, in one of the two forms."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == JSON else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
