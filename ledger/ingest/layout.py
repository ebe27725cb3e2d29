"""Which column means what? Column maps, kept as data; whoever has another export writes another.

    TOML text ──load_layout──► Layout ◄──detect_layout── header of a file

A layout names a vendor's columns and, for each, the field of a report that it fills. The shipped
ones lie in layouts/, and layouts/flock-portal.toml is a good one to start from.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from ledger.errors import Malformed
from ledger.ingest.moments import TimeReader
from ledger.ingest.targets import CHOICES, CODES, OBJECT, TARGETS, is_target
from ledger.limits import MAX_CODE_CHARS, MAX_NAME_CHARS, MAX_RECORD_COLUMNS

_MEMBERS: Final = {
    "name": str,
    "title": str,
    "columns": dict,
    "zone": str,
    "times": list,
    "masks": list,
    "defaults": dict,
    "detected": bool,
}


class BadLayout(Malformed):
    """A column map cannot be used; `field` says which part of it."""


class NoLayout(Malformed):
    """No column map fits a file's header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A column map. Made by `load_layout`, which checks it.

    Members:
        name: Stands in ImportDeclared.
        title: For people.
        columns: Folded column name (`fold`) to target.
        times: Reads its time cells, in the declared formats and zone.
        defaults: Field to value where no column fills it: acquisition, trigger, codes.
        masks: Folded marks that stand for a hidden value, beside any run of asterisks.
        detected: False where only an operator can tell, so a header never chooses it.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    times: TimeReader = field(repr=False)
    defaults: Mapping[str, str]
    masks: frozenset[str]
    detected: bool = True

    def targets(self, header: Iterable[str]) -> list[str | None]:
        """The target of each column of a header, None for those it does not know."""
        return [self.columns.get(fold(name)) for name in header]

    def hides(self, text: str) -> bool:
        """True where a cell's text, without outer white space, is a mask and not a value."""
        return bool(text) and (not text.strip("*") or text.casefold() in self.masks)

    def in_zone(self, zone: str) -> Layout:
        """The same column map for a file whose times, where they name no zone, are of this one.

        Raises:
            Malformed: The zone is not known.
        """
        return replace(self, times=TimeReader(self.times.formats, zone))

    def recognises(self, header: Iterable[str]) -> int:
        """How many of a file's columns it knows; 0 where too few to go by."""
        known = [target for target in self.targets(header) if target is not None]
        enough = 2 if "occurred" in known else 3
        return len(known) if len(known) >= enough else 0


def fold(column: str) -> str:
    """A column name without what exports vary: case, white space, underscores, BOM, quotes."""
    return "".join(column.strip('\ufeff"').split()).replace("_", "").casefold()


def load_layout(text: str) -> Layout:
    """Read and check a column map.

    Raises:
        BadLayout: Not TOML, an unknown member, target, zone or time directive, a column that
            stands twice, or no column at all.
    """
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadLayout("layout", f"is not TOML: {error}") from None
    for key, value in found.items():
        if key not in _MEMBERS:
            raise BadLayout(key, f"is not a member of a layout; these are: {', '.join(_MEMBERS)}")
        if type(value) is not _MEMBERS[key]:
            raise BadLayout(key, f"must be of type {_MEMBERS[key].__name__}")
    name = found.get("name", "")
    title = found.get("title", name)
    for key, text, bound in (("name", name, MAX_CODE_CHARS), ("title", title, MAX_NAME_CHARS)):
        if not 1 <= len(text) <= bound or not text.isprintable():
            raise BadLayout(key, f"must be a text of 1..{bound} printable characters")
    try:
        times = TimeReader(_texts(found, "times"), found.get("zone"))
    except Malformed as error:
        raise BadLayout(error.field, error.reason) from None
    columns = _columns(found.get("columns", {}))
    if "occurred" in columns.values() and not found.get("times"):
        raise BadLayout("times", "must say how the column of `occurred` writes a time")
    return Layout(
        name=name,
        title=title,
        columns=columns,
        times=times,
        defaults=_defaults(found.get("defaults", {})),
        masks=frozenset(mark.strip().casefold() for mark in _texts(found, "masks")),
        detected=found.get("detected", True),
    )


def _texts(found: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = found.get(key, [])
    if not all(isinstance(value, str) and value.strip() for value in values):
        raise BadLayout(key, "must be a list of texts")
    return tuple(values)


def _columns(found: Mapping[str, Any]) -> Mapping[str, str]:
    columns: dict[str, str] = {}
    for column, target in found.items():
        where, key = f"columns.{column}", fold(column)
        if not isinstance(target, str) or not is_target(target):
            raise BadLayout(where, f"must be one of {', '.join(sorted(TARGETS))}, {OBJECT}<name>")
        if not key or key in columns:
            raise BadLayout(where, "is blank, or stands twice but for case, spaces, underscores")
        columns[key] = target
    if not 1 <= len(columns) <= MAX_RECORD_COLUMNS:
        raise BadLayout("columns", f"must name 1..{MAX_RECORD_COLUMNS} columns")
    return MappingProxyType(columns)


def _defaults(found: Mapping[str, Any]) -> Mapping[str, str]:
    for key, value in found.items():
        where = f"defaults.{key}"
        if key not in CHOICES and key not in CODES:
            allowed = ", ".join(sorted((*CHOICES, *CODES)))
            raise BadLayout(where, f"is not a field with a default; these are: {allowed}")
        if not isinstance(value, str) or not 1 <= len(value) <= MAX_CODE_CHARS:
            raise BadLayout(where, f"must be a text of 1..{MAX_CODE_CHARS} characters")
        if value not in CHOICES.get(key, (value,)):
            raise BadLayout(where, f"must be one of {', '.join(CHOICES[key])}")
    return MappingProxyType(dict(found))


@cache
def shipped_layouts() -> Mapping[str, Layout]:
    """The layouts that come with Candour, by name."""
    folder = files("ledger.ingest").joinpath("layouts")
    texts = [item for item in folder.iterdir() if item.name.endswith(".toml")]
    layouts = [load_layout(item.read_text("utf-8")) for item in texts]
    return MappingProxyType({layout.name: layout for layout in sorted(layouts, key=_by_name)})


def _by_name(layout: Layout) -> str:
    return layout.name


def layout_named(name: str) -> Layout:
    """Raises NoLayout, which lists the shipped ones."""
    if name not in shipped_layouts():
        known = ", ".join(shipped_layouts())
        raise NoLayout("layout", f"none of this name is shipped; these are: {known}")
    return shipped_layouts()[name]


def detect_layout(header: Sequence[str]) -> Layout:
    """The shipped layout that knows most columns of a header; of equals, the smaller.

    Raises:
        NoLayout: None knows two columns of which one is the time, nor three; names the header.
    """
    candidates = [layout for layout in shipped_layouts().values() if layout.detected]
    best = max(candidates, key=lambda item: (item.recognises(header), -len(item.columns)))
    if not best.recognises(header):
        raise NoLayout("header", f"no layout knows the columns {shown(header)}")
    return best


def shown(header: Sequence[str]) -> str:
    """A header for an error. A file without one begins with data, so digits are not shown."""
    names = [
        repr(name) if len(name) <= 40 and not any(c.isdigit() for c in name) else f"({number})"
        for number, name in enumerate(header[:20], start=1)
    ]
    return ", ".join(names) + (", …" if len(header) > 20 else "")
