"""Do log lines say what is needed to find the cause, and no text of an exception?"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from services.runtime.log_lines import JsonLines, TextLines


def _record(message: str, *arguments: Any, **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("candour.test")
    exc_info = sys.exc_info() if sys.exc_info()[0] else None
    return logger.makeRecord(
        logger.name, logging.WARNING, "x.py", 1, message, arguments, exc_info, extra=extra
    )


def test_a_line_is_an_object() -> None:
    """Time in UTC, level, logger, message, and the ledger where one is named."""
    said = json.loads(JsonLines().format(_record("%d of “%s”\n", 2, "x", ledger="main")))

    assert {"time", "level", "logger", "message", "ledger"} == said.keys()
    assert ("WARNING", "candour.test", "2 of “x”\n", "main") == (
        said["level"],
        said["logger"],
        said["message"],
        said["ledger"],
    )
    assert said["time"].endswith("+00:00")


def test_a_line_names_the_span_it_was_said_in() -> None:
    """Trace and span in lower-case hex, as W3C and every viewer write them."""
    span = NonRecordingSpan(SpanContext(0xA, 0xB, is_remote=False, trace_flags=TraceFlags(1)))
    with use_span(span):
        said = json.loads(JsonLines().format(_record("x")))

    assert (f"{0xA:032x}", f"{0xB:016x}") == (said["trace_id"], said["span_id"])


@pytest.mark.parametrize("lines", [JsonLines(), TextLines()])
def test_an_exception_is_told_without_its_text(lines: logging.Formatter) -> None:
    """Its class and where it was raised: the text may quote what a database was given."""
    try:
        int("a protected value")
    except ValueError:
        said = lines.format(_record("it failed"))

    assert "ValueError" in said
    assert "test_log_lines.py" in said
    assert "invalid literal" not in said
