"""What exports might there be? Files in every shipped layout, as hands and tools leave them.

`exports` are (file, columns as written, rows of cells) that must read back whole;
`broken_lines` are lines that are no row of a portal's export, whatever stands around them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from ledger.commands import ReportToolUse
from ledger.ingest import Layout, Read, Rejected, Row, read_export, shipped_layouts
from ledger.ingest.layout import fold

WHO: dict[str, Any] = {
    "agency": "agencies/sampleton-or-pd",
    "technology": "technologies/flock-safety",
    "source": "sources/flock-portal-export",
    "capture": "backfill",
}
PORTAL = b"id,userId,searchDate,cameraCount,reason\n"

quotings = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
masks = st.sampled_from(["***", "*", "REDACTED", "[redacted]", " *** "])
times = st.datetimes().map(lambda at: at.isoformat(" ", "milliseconds")) | st.datetimes().map(
    lambda at: f"{at.month}/{at.day}/{at.year:04}, {at:%I:%M:%S %p} UTC"
)
_CELLS = {
    "occurred": times,
    "devices_searched": st.integers(0, 2**53 - 1).map(str) | st.just("") | masks,
    "networks_searched": st.integers(0, 4000).map(str) | st.just("") | masks,
}


@dataclass(frozen=True)
class Export:
    layout: Layout
    columns: list[str]
    rows: list[list[str]]
    data: bytes


def read(data: bytes, layout: Layout | None = None, **more: Any) -> list[Read]:
    return list(read_export(io.BytesIO(data), layout=layout, **{**WHO, **more}))


def commands(data: bytes, layout: Layout | None = None, **more: Any) -> list[ReportToolUse]:
    """All rows of a file that has no bad one."""
    found = read(data, layout, **more)
    assert [row for row in found if isinstance(row, Rejected)] == []
    return [row.command for row in found if isinstance(row, Row)]


def command(*cells: str, header: bytes = PORTAL, **more: Any) -> ReportToolUse:
    """The command of a file's only row."""
    return commands(header + written([cells]), **more)[0]


def rejected(*cells: str, header: bytes = PORTAL, **more: Any) -> Rejected:
    """Why a file's only row was rejected."""
    [found] = read(header + written([cells]), **more)
    assert isinstance(found, Rejected)
    return found


def written(rows: Sequence[Sequence[str]], quoting: Any = csv.QUOTE_MINIMAL) -> bytes:
    out = io.StringIO()
    csv.writer(out, quoting=quoting, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


@st.composite
def respelled(draw: st.DrawFn, name: str) -> str:
    """A column name with other case, spaces and underscores."""
    spelled = [draw(st.sampled_from([c.lower(), c.upper(), c + "_", " " + c])) for c in name]
    return "".join(spelled)


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """A file of some columns of a layout and some of nobody's, in any order and spelling."""
    layout = draw(st.sampled_from(list(shipped_layouts().values())))
    by_target = {target: name for name, target in layout.columns.items()}
    wanted = draw(st.lists(st.sampled_from(sorted(by_target)), unique=True, min_size=2))
    named = {by_target[target]: target for target in {*wanted, "occurred"}}
    strangers = {f"extra {n}": "source_record" for n in range(draw(st.integers(0, 2)))}
    known = draw(st.permutations([*named.items(), *strangers.items()]))
    columns = [draw(respelled(name)) for name, _ in known]
    cells = [_CELLS.get(target, texts | masks) for _, target in known]
    row = st.tuples(*cells).map(list).filter(lambda r: "".join(r).strip())
    rows = draw(st.lists(row, max_size=5))
    assume(not {fold(column) for column in columns} & {fold(c) for r in rows for c in r})
    quoting = draw(quotings)
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return Export(layout, columns, rows, bom + written([columns, *rows], quoting))


broken_lines = st.sampled_from(
    [
        b"only,three,cells\n",
        b"one,two,2025-06-18 00:02:04.789,3,reason,more\n",
        b"\xff\xfe,u,2025-06-18 00:02:04.789,3,reason\n",
        b"a,u,2025-06-18 00:02:04.789,3,nul\0\n",
        b"a,u,2025-02-30 00:02:04.789,3,no such day\n",
        b"a,u,yesterday,3,no time\n",
        b"a,u,2025-06-18 00:02:04.789,-3,no count\n",
        b"a,u,2025-06-18 00:02:04.789,3.5,no count\n",
        b"a,u,2025-06-18 00:02:04.789,9007199254740992,too many\n",
        b'a,u,2025-06-18 00:02:04.789,3,"never closed\n',
        b'"never closed\n',
        b'a,u,2025-06-18 00:02:04.789,3,"closed" too early\n',
        b"a,u,2025-06-18 00:02:04.789,3," + b"x" * 70_000 + b"\n",
        b"a,u,2025-06-18 00:02:04.789,3," + b"x" * 300_000 + b"\n",
        b"i" * 501 + b",u,2025-06-18 00:02:04.789,3,long id\n",
        b"a," + b"u" * 301 + b",2025-06-18 00:02:04.789,3,long user\n",
        b",,,,\n",
    ]
)
