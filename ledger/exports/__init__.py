"""How do uses leave for other people's tools? Pure writers, one for each format.

    entries of a use ──record_of──► UseRecord ──write_case | write_prov | write_ocsf | write_csv──► text, in pieces
    About (origin, tree size, filter, checkpoint) ──manifest──► what the file says of itself

What is not known is left out, what is protected stays closed unless it was disclosed, and every
use names its entry: leaf index, leaf hash, log origin. Mapping tables: docs/guides/exports.md.
"""

from __future__ import annotations

from ledger.exports.about import About, manifest
from ledger.exports.case import write_case
from ledger.exports.ocsf import write_ocsf
from ledger.exports.prov import write_prov
from ledger.exports.records import Line, UseRecord, line_of, record_of
from ledger.exports.table import COLUMNS, Column, Kind, write_csv

__all__ = [
    "COLUMNS",
    "About",
    "Column",
    "Kind",
    "Line",
    "UseRecord",
    "line_of",
    "manifest",
    "record_of",
    "write_case",
    "write_csv",
    "write_ocsf",
    "write_prov",
]
