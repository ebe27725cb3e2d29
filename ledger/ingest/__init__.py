"""What do foreign formats say, as commands? Pure and total: no network, no clock.

targets.py  what a column can fill     layout.py   column maps, as data (layouts/*.toml)
records.py  bytes to records           export.py   a whole file, row by row
cells.py    cells to fields            mapping.py  rows to commands
moments.py  cells to times             time_formats.py  how vendors spell them
sample.py   invented exports, for demonstrations and tests

documents.py     a use as JSON to a command       loose_json.py    JSON whose bad values stand alone
cloud_events.py  events, one or many, to commands otlp_logs.py     log records to commands
"""

from ledger.ingest.export import FileFacts, Read, Rejected, Row, file_facts, layout_of, read_export
from ledger.ingest.layout import (
    BadLayout,
    Layout,
    NoLayout,
    detect_layout,
    layout_named,
    load_layout,
    shipped_layouts,
)

__all__ = [
    "BadLayout",
    "FileFacts",
    "Layout",
    "NoLayout",
    "Read",
    "Rejected",
    "Row",
    "detect_layout",
    "file_facts",
    "layout_named",
    "layout_of",
    "load_layout",
    "read_export",
    "shipped_layouts",
]
