"""What does one cell say about a use? One small reader a kind of target.

    (target, text, mark) ──fill_…──► Draft

`text` is the cell without outer white space; `mark` is the same text where it only stands for a
value that the source hid. A blank or masked cell leaves a field that stands in the clear absent,
and marks a protected one; the raw row keeps what was written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from ledger.commands import Masked, Performer
from ledger.events import Count, Interval, Occurred
from ledger.ingest.moments import TimeReader, span
from ledger.ingest.targets import CHOICES, CODES, COUNTS, OBJECT, PERFORMER, TEXTS, WINDOW
from ledger.ingest.time_formats import Unusable
from ledger.limits import (
    MAX_CODE_CHARS,
    MAX_COUNT,
    MAX_NAME_CHARS,
    MAX_SOURCE_EVENT_ID_CHARS,
    MAX_TEXT_BYTES,
)
from ledger.names import slug


class Draft:
    """A row on its way to a command: what its cells said so far."""

    __slots__ = (
        *("agency_name", "performer", "performer_mark", "protected", "source_event_id"),
        *("times", "use", "window"),
    )

    def __init__(self, use: dict[str, Any], times: TimeReader) -> None:
        self.use = use  # members of ToolUseReported
        self.times = times
        self.protected: dict[str, Any] = {}
        self.source_event_id: str | None = None
        self.performer: dict[str, str] = {}
        self.performer_mark: str | None = None
        self.agency_name: str | None = None
        self.window: dict[str, Occurred] = {}

    def who(self) -> Performer | Masked | None:
        """Whoever is named, else the mark that hides them, else nobody known."""
        if self.performer:
            return Performer(**self.performer)
        return Masked(self.performer_mark) if self.performer_mark is not None else None


Fill = Callable[[Draft, str, str, str | None], None]


def fill_of(target: str) -> Fill | None:
    """The reader for a target of a layout; None where the raw row alone keeps the cell."""
    return fill_object if target.startswith(OBJECT) else _FILLS.get(target)


def fill_id(draft: Draft, _target: str, text: str, mark: str | None) -> None:
    if text and mark is None:
        draft.source_event_id = _short(text, MAX_SOURCE_EVENT_ID_CHARS)


def fill_performer(draft: Draft, target: str, text: str, mark: str | None) -> None:
    if mark is not None:
        draft.performer_mark = mark
    elif text:
        draft.performer[target.removeprefix("performer.")] = _short(text, MAX_NAME_CHARS)


def fill_agency(draft: Draft, _target: str, text: str, mark: str | None) -> None:
    """A use whose agency the source hides is charged to nobody, least of all the importer."""
    name = _short(text, MAX_NAME_CHARS) if text and mark is None else AGENCY_NOT_NAMED
    draft.agency_name = name
    draft.use["agency"] = f"agencies/{slug(name)}"


def fill_occurred(draft: Draft, _target: str, text: str, mark: str | None) -> None:
    if text and mark is None:
        draft.use["occurred"] = draft.times.occurred(text)


def fill_window(draft: Draft, target: str, text: str, mark: str | None) -> None:
    """Both ends in one cell, or one end a cell; what cannot be read stays in the raw row."""
    if not text or mark is not None:
        return
    if target == "window_requested":
        if (window := draft.times.window(text)) is not None:
            draft.use[target] = window
        return
    try:
        draft.window[target] = draft.times.occurred(text)
    except Unusable:
        return
    start, end = (draft.window.get(f"window_requested.{end}") for end in ("earliest", "latest"))
    found = span(start, end) if start and end else _half(start, end)
    if found is None:
        draft.use.pop("window_requested", None)
    else:
        draft.use["window_requested"] = found


def _half(start: Occurred | None, end: Occurred | None) -> Interval | None:
    """An interval of which one end is known."""
    earliest = start.earliest if start else None
    latest = end.latest if end else None
    return Interval(earliest=earliest, latest=latest) if earliest or latest else None


def fill_count(draft: Draft, target: str, text: str, mark: str | None) -> None:
    if text and mark is None:
        draft.use[target] = _count(text)


@lru_cache(maxsize=4096)  # counts of networks and cameras recur from row to row
def _count(text: str) -> Count:
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdigit()):
        raise Unusable("is not a whole number of 0 or more")
    if len(digits) > 16 or int(digits) > MAX_COUNT:
        raise Unusable("is larger than 2**53-1")
    return Count(exactly=int(digits))


def fill_choice(draft: Draft, target: str, text: str, mark: str | None) -> None:
    if text and mark is None:
        word = text.lower().replace(" ", "_").replace("-", "_")
        if word not in CHOICES[target]:
            raise Unusable(f"is not one of {', '.join(CHOICES[target])}")
        draft.use[target] = word


def fill_code(draft: Draft, target: str, text: str, mark: str | None) -> None:
    """A code that is too long for one stays in the raw row."""
    if text and mark is None and len(text) <= MAX_CODE_CHARS and text.isprintable():
        draft.use[target] = text


def fill_text(draft: Draft, target: str, text: str, mark: str | None) -> None:
    draft.protected[target] = _value(text, mark)


def fill_object(draft: Draft, target: str, text: str, mark: str | None) -> None:
    found = draft.protected.setdefault("object", {})
    found[target.removeprefix(OBJECT)] = _value(text, mark)


def _value(text: str, mark: str | None) -> str | dict[str, str]:
    """A protected value: the text, which may be blank, or the mark that hides it."""
    if mark is not None:
        return Masked(mark).to_json()
    if len(text) > MAX_TEXT_BYTES // 4 and len(text.encode()) > MAX_TEXT_BYTES:
        raise Unusable(f"is longer than {MAX_TEXT_BYTES} bytes")
    return text


def _short(text: str, bound: int) -> str:
    if len(text) > bound:
        raise Unusable(f"is longer than {bound} characters")
    return text


AGENCY_NOT_NAMED: Final = "Agency not named by the source"

_FILLS: Final[dict[str, Fill]] = {
    "agency": fill_agency,
    "occurred": fill_occurred,
    "source_event_id": fill_id,
    **dict.fromkeys(PERFORMER, fill_performer),
    **dict.fromkeys(WINDOW, fill_window),
    **dict.fromkeys(COUNTS, fill_count),
    **dict.fromkeys(CHOICES, fill_choice),
    **dict.fromkeys(CODES, fill_code),
    **dict.fromkeys(TEXTS, fill_text),
}
