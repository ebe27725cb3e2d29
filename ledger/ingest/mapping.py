"""Which report is this row? A header and a layout, made into one reader of rows.

    Header (columns as written + layout) ──Mapper──► cells ──► ReportToolUse | Malformed

Nothing of the row is lost: its cells stand, as written, in the protected `source_record`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from ledger.canonical_json import JsonValue, encode
from ledger.commands import ReportToolUse
from ledger.errors import Malformed
from ledger.events import ToolUseReported
from ledger.ingest.cells import Draft, Fill, fill_of
from ledger.ingest.layout import Layout, NoLayout, detect_layout, fold, shown
from ledger.ingest.time_formats import Unusable
from ledger.limits import MAX_RECORD_COLUMNS, MAX_SOURCE_RECORD_BYTES, MAX_TEXT_BYTES

_JSON_BYTES_A_CHARACTER: Final = 6  # at most: a control character becomes \u00xx
_OBJECT_ROOM: Final = MAX_TEXT_BYTES // 2  # leaves the other half to the names of its members
ROW: Final = "row"  # the field of what is wrong with a row as a whole


class Header:
    """A file's columns, as written, under a layout."""

    __slots__ = ("_spellings", "columns", "folded", "layout", "targets")

    def __init__(self, cells: Sequence[str], layout: Layout | None = None) -> None:
        """Raises NoLayout where the layout, or without one any shipped one, knows no column."""
        if len(cells) > MAX_RECORD_COLUMNS:
            raise NoLayout("header", f"has more than {MAX_RECORD_COLUMNS} columns")
        self.layout = layout if layout is not None else detect_layout(cells)
        self.columns = [cell.removeprefix("\ufeff") for cell in cells]
        self.folded = [fold(cell) for cell in cells]
        self.targets = self.layout.targets(cells)
        known = [target for target in self.targets if target not in (None, "source_record")]
        if not known:
            raise NoLayout("header", f"{self.layout.name} knows none of {shown(cells)}")
        for target in known:
            if known.count(target) > 1:
                raise NoLayout("header", f"two columns stand for {target}: {shown(cells)}")
        self._spellings = frozenset(filter(None, self.columns))

    def again(self, cells: list[str]) -> Header | None:
        """This row as a header, where it is one: the same again, or the start of another export.

        Files are put together from files, so a header may come back in the middle with its
        columns in another order, or more of them.
        """
        if self._spellings.isdisjoint(cells) and fold(cells[0]) not in self.layout.columns:
            return None
        folded = [fold(cell) for cell in cells]
        if folded == self.folded:
            return self
        # Every cell, lest somebody type column names into a reason to shift what follows.
        names = {*self.folded, *self.layout.columns}
        if not (self.layout.recognises(cells) and names.issuperset(folded)):
            return None
        try:
            return Header([cell.strip('\ufeff"') for cell in cells], self.layout)
        except NoLayout:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What an importer says of all rows of a file. Register names, as ledger/names.py makes them."""

    agency: str
    technology: str | None
    source: str
    capture: str
    acquisition: str | None = None
    import_: str | None = None


class Mapper:
    """Reads rows under one header. `repeats` is shared by all mappers of a file."""

    __slots__ = ("_constants", "_header", "_origin", "_repeats", "_room", "_steps")

    def __init__(self, header: Header, origin: Origin, repeats: dict[int, int]) -> None:
        self._header, self._origin, self._repeats = header, origin, repeats
        said = {"acquisition": origin.acquisition, "import_": origin.import_}
        self._constants: dict[str, object] = {
            **header.layout.defaults,
            **{name: value for name, value in said.items() if value is not None},
            "agency": origin.agency,
            "technology": origin.technology,
        }
        self._steps: list[tuple[int, str, Fill]] = [
            (index, target, fill)
            for index, target in enumerate(header.targets)
            if target is not None and (fill := fill_of(target)) is not None
        ]
        empty = encode({"columns": header.columns, "row": [""] * len(header.columns)})
        self._room = MAX_SOURCE_RECORD_BYTES - len(empty)

    def read(self, cells: list[str]) -> tuple[ReportToolUse, str | None]:
        """The report of a row, and the display name of its agency where a column gave it.

        Args:
            cells: As many as the header has columns, without NUL characters.
        Raises:
            Malformed: `field` is the column as the file writes it, or `row`.
        """
        if not "".join(cells).strip():
            raise Malformed(ROW, "has only blank cells")
        draft = Draft(dict(self._constants), self._header.layout.times)
        hides, index = self._header.layout.hides, 0
        try:
            for index, target, fill in self._steps:
                text = cells[index].strip()
                fill(draft, target, text, text if hides(text) else None)
        except Unusable as problem:
            raise Malformed(self._header.columns[index], str(problem)) from None
        draft.protected["source_record"] = {"columns": self._header.columns, "row": cells}
        self._check_size(cells, draft.protected)
        named = draft.source_event_id is not None
        command = ReportToolUse(
            use=ToolUseReported(**draft.use),
            source=self._origin.source,
            capture=self._origin.capture,
            source_event_id=draft.source_event_id,
            occurrence=0 if named else self._occurrence(cells),
            performer=draft.who(),
            protected=draft.protected,
        )
        return command, draft.agency_name

    def _check_size(self, cells: list[str], protected: Mapping[str, JsonValue]) -> None:
        """Measure the JSON of the raw row and of the object, where their characters allow."""
        could_be = sum(map(len, cells)) * _JSON_BYTES_A_CHARACTER
        if could_be > self._room:
            size_bytes = len(encode(protected["source_record"]))
            if size_bytes > MAX_SOURCE_RECORD_BYTES:
                raise Malformed(ROW, f"takes more than {MAX_SOURCE_RECORD_BYTES} bytes")
        if could_be > _OBJECT_ROOM and len(encode(protected.get("object"))) > MAX_TEXT_BYTES:
            raise Malformed(ROW, f"says more than {MAX_TEXT_BYTES} bytes of what was searched")

    def _occurrence(self, cells: list[str]) -> int:
        """How many rows of the file said the same before, column by column, in any order.

        Only an 8-byte digest of each is kept. The same notion of sameness as the row's id
        (ledger/identity.py), so that no two rows of a file share one.
        """
        pairs = sorted(zip(self._header.folded, cells, strict=True))
        said = "\0".join([text for pair in pairs for text in pair])  # NUL stands in no cell
        digest = blake2b(said.encode(), digest_size=8).digest()
        key = int.from_bytes(digest, "big")
        before = self._repeats.get(key, 0)
        self._repeats[key] = before + 1
        return before
