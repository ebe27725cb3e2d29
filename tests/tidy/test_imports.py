"""Do imports point one way? (ARCHITECTURE.md, "Imports point one way")"""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.tidy.import_rule import unit_graph, violations

ROOT = Path(__file__).resolve().parents[2]


def sources() -> list[Path]:
    """All our modules; services/pb is generated, and imports what its generators say."""
    found = [*(ROOT / "ledger").rglob("*.py"), *(ROOT / "services").rglob("*.py")]
    return [path for path in found if ROOT / "services" / "pb" not in path.parents]


def test_imports_point_one_way() -> None:
    """No module imports what lies above it or beside it, or what its install does not bring."""
    found = [
        str(violation)
        for path in sources()
        for violation in violations(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
    ]
    assert found == [], "\n" + "\n".join(found)


def test_ledger_has_no_circle() -> None:
    """The units of ledger can be put in an order in which each needs only those before it."""
    list(TopologicalSorter(unit_graph(ROOT)).static_order())  # raises CycleError, with the circle


@pytest.mark.parametrize(
    ("file", "source", "expected"),
    [
        ("ledger/tlog/note.py", "from ledger.merkle import leaf_hash", None),
        ("ledger/tlog/note.py", "from ledger.store import head", "may import canonical_json, "),
        ("ledger/tlog/note.py", "from ledger import log", "imports point one way"),
        ("ledger/tlog/note.py", "from ..store import head", "imports point one way"),
        ("ledger/tlog/note.py", "from . import checkpoint", None),
        ("ledger/merkle/tree.py", "import services.pb", "ledger never imports services"),
        ("ledger/merkle/tree.py", "import tests.strategies", "ledger never imports tests"),
        ("ledger/merkle/tree.py", "import ledger.tlog.tiles", "imports point one way"),
        ("ledger/merkle/tree.py", "def f():\n    import ledger.tlog", "imports point one way"),
        ("ledger/verify/bundle.py", "import cryptography.hazmat", None),
        ("ledger/verify/bundle.py", "import sqlalchemy", "may import cryptography"),
        ("ledger/verify/bundle.py", "import sqlite3", "may import cryptography"),
        ("ledger/verify/bundle.py", "import grpc", "may import cryptography"),
        ("ledger/verify/bundle.py", "import msgspec", "may import cryptography"),
        ("ledger/verify/bundle.py", "import ledger.log", "imports point one way"),
        (
            "ledger/verify/bundle.py",
            "from importlib import import_module\nimport_module('eventsourcing.domain')",
            "may import cryptography",
        ),
        ("ledger/canonical_json.py", "try:\n import msgspec\nexcept ImportError: pass", None),
        ("ledger/canonical_json.py", "import msgspec", "may import cryptography"),
        ("ledger/canonical_json.py", "try:\n import grpc\nexcept ImportError: pass", "may import"),
        ("ledger/events/x.py", "try:\n import msgspec\nexcept ImportError: pass", "may import"),
        ("ledger/domain/use.py", "from eventsourcing.domain import Aggregate", None),
        ("ledger/domain/use.py", "import psycopg", "ledger.domain may import"),
        ("ledger/domain/use.py", "import ledger.store", "imports point one way"),
        ("ledger/store/pg.py", "import psycopg, sqlalchemy, sqlite3, psycopg_pool", None),
        ("ledger/store/pg.py", "import threading\nthreading.Lock()", None),
        ("ledger/store/pg.py", "import threading\nthreading.Thread()", "no clock or thread"),
        ("ledger/store/pg.py", "from time import sleep\nsleep(1)", None),
        ("ledger/store/pg.py", "import time\ntime.monotonic()", "no clock or thread"),
        ("ledger/log.py", "import threading", "no sockets, threads"),
        ("ledger/log.py", "import ledger.application, ledger.reports, ledger.store", None),
        ("ledger/store/pg.py", "import ledger.reports", "imports point one way"),
        ("ledger/log.py", "from eventsourcing.application import Application", None),
        ("ledger/log.py", "import sqlalchemy", "ledger.log may import"),
        ("ledger/rules/x.py", "import socket", "no sockets, threads"),
        ("ledger/rules/x.py", "from urllib.parse import quote", None),
        ("ledger/rules/x.py", "from urllib.request import urlopen", "no sockets, threads"),
        ("ledger/rules/x.py", "import asyncio", "no sockets, threads"),
        ("ledger/rules/x.py", "from time import time", "no sockets, threads"),
        ("ledger/rules/x.py", "from datetime import datetime as d\nd.now()", "no clock or thread"),
        ("ledger/rules/x.py", "import datetime as d\nd.datetime.utcnow()", "no clock or thread"),
        ("ledger/rules/x.py", "from datetime import date\nf = date.today", "no clock or thread"),
        ("ledger/rules/x.py", "from datetime import datetime\ndatetime(2020, 1, 1)", None),
        ("ledger/novelty/x.py", "import re", "ledger.novelty: give it a row"),
        ("services/query/servicer.py", "import ledger.log, services.pb, services.runtime", None),
        ("services/query/servicer.py", "from services.ingest import x", "never another"),
        ("services/query/servicer.py", "from services import ingest", "never another"),
        ("services/runtime/host.py", "import services.ingest", "never another"),
        ("services/runtime/host.py", "import services.pb, grpc, time", None),
        ("services/cli/main.py", "import services.ingest, services.query, typer", None),
        ("services/client/spool.py", "import grpc, ledger.limits, fcntl, services.pb", None),
        ("services/client/spool.py", "from services.runtime.undecoded import undecoded", None),
        ("services/client/spool.py", "import services.runtime.settings", "services.client needs"),
        ("services/client/spool.py", "import ledger.log", "services.client needs only"),
        ("services/client/spool.py", "import grpc_status", "services.client needs only"),
        ("services/witness/server.py", "import ledger.tlog, ledger.merkle, http.server", None),
        ("services/witness/server.py", "import services.runtime", "services.witness needs only"),
        ("services/witness/server.py", "import grpc", "services.witness needs only"),
        ("services/witness/server.py", "import ledger.log", "services.witness needs only"),
        ("services/monitor/tiles.py", "from services.runtime.http_client import get", None),
        ("services/monitor/tiles.py", "import services.runtime.keys", "services.monitor needs"),
        ("services/monitor/tiles.py", "import ledger.store", "services.monitor needs only"),
    ],
)
def test_checker_sees(file: str, source: str, expected: str | None) -> None:
    """The checker refuses made-up offences, each for its rule, and nothing beside them."""
    found = [str(violation) for violation in violations(file, source)]

    if expected is None:
        assert found == []
    else:
        assert len(found) == 1, found
        assert expected in found[0]


def test_violation_says_where_and_why() -> None:
    """A message names the file, the line, the import and the rule."""
    [violation] = violations("ledger/merkle/tree.py", "import hashlib\n\nimport grpc.aio\n")

    assert str(violation) == (
        "ledger/merkle/tree.py:3: imports grpc.aio: "
        "beside the standard library, ledger.merkle may import cryptography"
    )
