"""Which way do imports point? ARCHITECTURE.md says it in a sentence; this holds it over `ast`.

    source ──imports_of──► dotted names ──MAY_IMPORT, OUTSIDE, BANNED──► Violation(file, line, …)

A unit is what a rule speaks of: `ledger.store` is a folder, `ledger.log` a file, and what lies
below them is theirs. A unit that has no row here is a violation too, so the table stays whole.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# --- inside ledger: errors, limits <- merkle <- tlog; events <- the pure ones <- verify; … ----
BASE: Final = frozenset({"errors", "limits", "times", "names", "streams", "canonical_json"})
PURE: Final = frozenset(
    {"commands", "disclosure", "entry", "filters", "identity", "ingest", "observers"}
    | {"inquiries", "projections", "rules", "usage_index"}
)
_DECIDE: Final = frozenset(
    {"application", "conflicts", "reports"}
)  # commands into entries, for the log
_CHECKABLE: Final = BASE | {"merkle", "tlog", "events"} | PURE

MAY_IMPORT: Final[dict[str, frozenset[str]]] = {
    "": frozenset(),  # ledger/__init__.py
    **dict.fromkeys(BASE, BASE),
    "merkle": BASE,
    "tlog": BASE | {"merkle"},
    "events": BASE,
    # usage_index builds RFC 6962 trees of its own. Among themselves they may, without a circle.
    **dict.fromkeys(PURE, BASE | {"merkle", "events"} | PURE),
    "verify": _CHECKABLE,
    "exports": _CHECKABLE,
    "audit": _CHECKABLE,
    "directory": _CHECKABLE,
    "domain": BASE | {"events"} | PURE,
    "store": _CHECKABLE | {"audit", "domain", "directory"},
    **dict.fromkeys(_DECIDE, _CHECKABLE | {"domain", "store"}),
    "log": _CHECKABLE | {"domain", "store"} | _DECIDE,
    "evidence": _CHECKABLE | {"domain", "store", "log", "verify"},
    "usage_evidence": _CHECKABLE | {"domain", "store", "log", "verify", "evidence"},
    "inquiry_evidence": _CHECKABLE | {"domain", "store", "log", "verify", "evidence"},
}

# --- outside libraries of each ledger unit; all others have the base install's one ------------
BASE_INSTALL: Final = frozenset({"cryptography"})
OUTSIDE: Final[dict[str, frozenset[str]]] = {
    "domain": BASE_INSTALL | {"eventsourcing", "msgspec"},
    "store": BASE_INSTALL
    | {"eventsourcing", "msgspec", "psycopg", "psycopg_pool", "sqlalchemy", "sqlite3"},
    **dict.fromkeys(_DECIDE | {"log"}, BASE_INSTALL | {"eventsourcing", "msgspec"}),
}
GUARDED: Final = {  # inside try/except ImportError only
    ("canonical_json", "msgspec"),
    ("verify", "rfc3161_client"),
}

# --- what no unit of ledger touches: sockets, threads, processes, a clock of its own ----------
BANNED: Final = frozenset(
    {"asyncio", "ftplib", "http", "imaplib", "poplib", "select", "selectors", "smtplib"}
    | {"socket", "socketserver", "ssl", "urllib.request", "xmlrpc"}
    | {"_thread", "concurrent", "multiprocessing", "queue", "signal", "subprocess", "threading"}
    | {"sched", "time"}
)
# The store keeps connections apart, writers in line and polls apart in time: locks and sleep,
# but neither a thread nor a clock.
TOUCHES: Final[dict[str, frozenset[str]]] = {"store": frozenset({"threading", "time"})}
THREADS: Final = frozenset({"threading.Thread", "threading.Timer"})
CLOCKS: Final = frozenset(
    {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"}
    | {"datetime.date.today", "uuid.uuid1"}
    | {"time.ctime", "time.gmtime", "time.localtime", "time.strftime"}
    | {"time.time", "time.monotonic", "time.perf_counter", "time.clock_gettime"}
    | {"time.time_ns", "time.monotonic_ns", "time.perf_counter_ns", "time.clock_gettime_ns"}
)
DATABASES: Final = frozenset({"sqlite3", "dbm", "shelve"})  # in the standard library

# --- services ---------------------------------------------------------------------------------
ASSEMBLERS: Final = frozenset({"cli"})  # puts the services together, so it sees them all
SHARED: Final[dict[str, frozenset[str]]] = {
    "": frozenset(),
    "pb": frozenset(),
    "runtime": frozenset({"pb"}),
    "client": frozenset({"pb", "runtime"}),  # less yet: CLIENT_SERVICES, below
    "bridge": frozenset({"pb", "runtime", "client"}),  # a client among others
    # Another institution runs these, from the base install.
    "witness": frozenset(),
    "witness_replay": frozenset({"runtime", "witness"}),
    "monitor": frozenset({"runtime"}),
}
WATCHERS: Final = frozenset({"witness", "witness_replay", "monitor"})
_OF_TREES: Final = BASE | {"merkle", "tlog"}
WATCHERS_LEDGER: Final = {
    **dict.fromkeys(WATCHERS, _OF_TREES),
    "witness_replay": _OF_TREES | {"events", "entry", "usage_index"},
}
WATCHERS_SERVICES: Final = {  # of services; the HTTP client has the standard library alone
    "witness": ("services.witness",),
    "witness_replay": (
        "services.witness",
        "services.witness_replay",
        "services.runtime.http_client",
    ),
    "monitor": ("services.monitor", "services.runtime.http_client"),
}
# An integrator's process has gRPC and protobuf beside the base install: the client needs the
# contract, and how a batch is read without its uses; of ledger, its bounds.
CLIENT_SERVICES: Final = ("services.client", "services.pb", "services.runtime.undecoded")
CLIENT_OUTSIDE: Final = frozenset({"google", "grpc"})


@dataclass(frozen=True, slots=True)
class Violation:
    """One import or clock that the rule refuses, as a person wants to read it."""

    file: str
    line: int
    what: str
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}: {self.rule}"


@dataclass(frozen=True, slots=True)
class Import:
    """A dotted name somebody imports; `guarded` where its absence is handled on the spot."""

    name: str
    line: int
    guarded: bool = False


def violations(file: str, source: str) -> list[Violation]:
    """All that one module does against the rule.

    Args:
        file: Path from the repository's top, with slashes: `ledger/tlog/checkpoint.py`.
        source: Its text.
    """
    tree = ast.parse(source, file)
    top, unit = top_and_unit(file)
    if top == "ledger" and unit not in MAY_IMPORT:
        unplaced = "give it a row, its place in the order, in tests/tidy/import_rule.py"
        return [Violation(file, 1, f"belongs to ledger.{unit}", unplaced)]
    judge = {"ledger": _judge_ledger, "services": _judge_services}[top]
    found = [
        Violation(file, imported.line, f"imports {imported.name}", rule)
        for imported in imports_of(tree, file)
        if (rule := judge(unit, imported)) is not None
    ]
    if top == "ledger":
        found += [
            Violation(file, line, f"uses {name}", "ledger has no clock or thread; ask the caller")
            for line, name in uses_of(tree, CLOCKS | THREADS)
        ]
    return found


def _judge_ledger(unit: str, imported: Import) -> str | None:
    """The rule that refuses this import in `ledger.<unit>`, or None."""
    top, _, rest = imported.name.partition(".")
    if top == "ledger":
        target = rest.partition(".")[0]
        if target in {unit, ""} or target in MAY_IMPORT[unit]:
            return None
        allowed = ", ".join(sorted(MAY_IMPORT[unit])) or "nothing"
        return f"imports point one way; of ledger, ledger.{unit} may import {allowed}"
    if top in {"services", "tests", "bench", "proto"}:
        return f"ledger never imports {top}"
    if _within(imported.name, BANNED - TOUCHES.get(unit, frozenset())):
        return "ledger has no sockets, threads, processes or clock of its own"
    if top in OUTSIDE.get(unit, BASE_INSTALL):
        return None
    if top in sys.stdlib_module_names and top not in DATABASES:
        return None
    if imported.guarded and (unit, top) in GUARDED:
        return None
    allowed = ", ".join(sorted(OUTSIDE.get(unit, BASE_INSTALL)))
    return f"beside the standard library, ledger.{unit} may import {allowed}"


def _judge_services(unit: str, imported: Import) -> str | None:
    """The rule that refuses this import in `services.<unit>`, or None."""
    top, _, rest = imported.name.partition(".")
    target = rest.partition(".")[0]
    if unit in WATCHERS and not (
        (top == "ledger" and target in WATCHERS_LEDGER[unit])
        or (top == "services" and imported.name.startswith(WATCHERS_SERVICES[unit]))
        or top in sys.stdlib_module_names
    ):
        needs = ", ".join(f"ledger.{name}" for name in sorted(WATCHERS_LEDGER[unit] - BASE))
        return f"services.{unit} needs only {needs} and the standard library"
    if unit == "client" and not (
        (top == "ledger" and target in BASE)
        or imported.name.startswith(CLIENT_SERVICES)
        or top in CLIENT_OUTSIDE | sys.stdlib_module_names
    ):
        return "services.client needs only the contract, gRPC, protobuf and ledger's bounds"
    if top in {"tests", "bench", "proto"}:
        return f"services never import {top}"
    if top != "services" or target in {unit, ""} or unit in ASSEMBLERS:
        return None
    if target in SHARED.get(unit, frozenset({"runtime", "pb"})):
        return None
    return "of services, one may import services.runtime and services.pb, never another"


def _within(name: str, modules: frozenset[str]) -> bool:
    parts = name.split(".")
    return any(".".join(parts[:n]) in modules for n in range(1, len(parts) + 1))


def top_and_unit(file: str) -> tuple[str, str]:
    """`ledger/tlog/checkpoint.py` -> (ledger, tlog); `ledger/log.py` -> (ledger, log)."""
    top, *rest = file.removesuffix(".py").split("/")
    return top, "" if rest[0] in {"__init__", "__main__"} else rest[0]


def imports_of(tree: ast.Module, file: str) -> Iterator[Import]:
    """Every import, wherever it stands: in functions and under TYPE_CHECKING as well.

    `from a import b` yields a.b: whether b is a module or a name, its unit is the same.
    `import_module("a.b")` and `__import__("a.b")` count where the name is written out.
    """
    package = file.removesuffix(".py").split("/")[:-1]
    guarded = {id(node) for node in _guarded_nodes(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno, id(node) in guarded)
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                name = module if alias.name == "*" else f"{module}.{alias.name}"
                yield Import(name, node.lineno, id(node) in guarded)
        elif isinstance(node, ast.Call) and (dynamic := _dynamic_import(node)):
            yield Import(dynamic, node.lineno, id(node) in guarded)


def _dynamic_import(call: ast.Call) -> str | None:
    match call.func:
        case ast.Name(id="__import__" | "import_module") if call.args:
            pass
        case ast.Attribute(attr="import_module") if call.args:
            pass
        case _:
            return None
    first = call.args[0]
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _guarded_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """What stands in the body of a `try` that handles ImportError by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(
            isinstance(handler.type, ast.Name)
            and handler.type.id in {"ImportError", "ModuleNotFoundError"}
            for handler in node.handlers
        ):
            for statement in node.body:
                yield from ast.walk(statement)


def uses_of(tree: ast.Module, refused: frozenset[str]) -> Iterator[tuple[int, str]]:
    """(line, full name) of each use of a refused name, under whatever name it was imported."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.partition(".")[0]
                names[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            full = _full_name(node, names)
            if full in refused:
                yield node.lineno, full


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, names)}.{node.attr}"
    return names.get(node.id, "") if isinstance(node, ast.Name) else ""


def unit_graph(root: Path) -> dict[str, set[str]]:
    """Which unit of ledger imports which other: to find circles that the table cannot see."""
    graph: dict[str, set[str]] = {}
    for path in sorted((root / "ledger").rglob("*.py")):
        file = path.relative_to(root).as_posix()
        unit = top_and_unit(file)[1]
        tree = ast.parse(path.read_text("utf-8"), file)
        targets = {
            imported.name.split(".")[1]
            for imported in imports_of(tree, file)
            if imported.name.startswith("ledger.")
        }
        graph.setdefault(unit, set()).update(targets - {unit})
    return graph
