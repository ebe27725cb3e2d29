"""How do modules become one page that runs from disk? Put one behind the other, by no other tool.

    *.js ──scope each──┐
    ledger ──made.js───┴─► script ─┐
    page.css ─────────────► style ─┴─ page.html ──► one file, hashes of both in its policy

Modules are ES modules of one-line imports. Each becomes a function that returns what it exports,
so names inside stay its own. What the page must know of the ledger (bounds, the shapes of facts,
the fields of filters) is written from the code that the command runs: `made.js`. The same code
gives the same file, to the byte.

Source: docs/adr/0015-verifier-page.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final, get_type_hints

from ledger import limits
from ledger.events import FACTS, Record
from ledger.events.facts import members_of
from ledger.events.tool_use import CAPTURES, PROTECTED_FIELDS
from ledger.projections.questions import SCHEMA, SUMMARY_KEYS
from ledger.tlog.texts import encode_base64

# Each imports only what stands before it.
MODULES: Final = (
    *("errors", "bytes", "json", "hashing", "merkle", "notes", "trust", "times"),
    *("checkpoints", "facts", "entries", "bundle", "filters", "question", "older"),
    *("usage_keys", "usage_questions", "usage_walk", "usage_proof", "usage_answer"),
    *("usage_steps", "bare_proof", "counted", "run", "entry_file", "steps", "words", "ui"),
)
_IMPORT: Final = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";\n', re.M)
_EXPORT: Final = re.compile(r"^export ((?:async )?function\*?|class|const) (\w+)", re.M)
_LIMIT: Final = re.compile(r"\bLIMITS\.(\w+)")
_SCALARS: Final = {str: "str", int: "int", bool: "bool"}


@dataclass(frozen=True, slots=True)
class Page:
    """The file, and the content security policy that it states of itself."""

    html: str
    policy: str


@cache
def assemble_page() -> Page:
    """The verifier's page; the same for the same code.

    Raises:
        ValueError: A module is not in the form that can be assembled.
    """
    script = f'"use strict";\n{made(_sources())}{"".join(map(_scoped, MODULES))}'
    style = _read("page.css")
    for text in (script, style):
        if "</s" in text or "<!--" in text:
            raise ValueError("script or style would end early")
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
    html = _read("page.html")
    for name, text in (("POLICY", policy), ("STYLE", style), ("SCRIPT", script)):
        mark = f"{{{{{name}}}}}"
        if html.count(mark) != 1:
            raise ValueError(f"page.html must hold {mark} once")
        html = html.replace(mark, text)
    return Page(html, policy)


def _hash(text: str) -> str:
    return f"sha256-{encode_base64(sha256(text.encode()).digest())}"


def _read(name: str) -> str:
    return files("ledger.verify.page").joinpath(name).read_text("utf-8")


def _sources() -> str:
    return "".join(_read(f"{name}.js") for name in MODULES)


def _scoped(name: str) -> str:
    """A module as a function of its own that is called once."""
    source = _read(f"{name}.js")
    for _, other in _IMPORT.findall(source):
        if other != "made" and MODULES.index(other) >= MODULES.index(name):
            raise ValueError(f"{name}.js imports {other}.js, which stands behind it")
    exported = ", ".join(found for _, found in _EXPORT.findall(source))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const { \1 } = \2_js;\n", source))
    if re.search(r"^(import|export)\b", body, re.M):
        raise ValueError(f"{name}.js has an import or export of another form")
    return f"\n// ---- {name}.js\nconst {name}_js = (() => {{\n{body}return {{ {exported} }};\n}})();\n"


# --- what the page knows of the ledger ----------------------------------------------------


def made(sources: str) -> str:
    """The module made.js: bounds and shapes, as the command has them."""
    facts, records = fact_table()
    bounds = {name: getattr(limits, name) for name in sorted(set(_LIMIT.findall(sources)))}
    values = {
        "LIMITS": bounds,
        "FACTS": facts,
        "RECORDS": records,
        "CAPTURES": list(CAPTURES),
        "PROTECTED_FIELDS": list(PROTECTED_FIELDS),
        "SUMMARY_KEYS": list(SUMMARY_KEYS),
        "FIELDS": {name: kind.value for name, kind in SCHEMA.fields.items()},
    }
    lines = "".join(f"{name}: {json.dumps(value)},\n" for name, value in values.items())
    return f"\n// ---- made.js: from ledger/limits.py, ledger/events, ledger/projections\nconst made_js = {{\n{lines}}};\n"


def fact_table() -> tuple[dict[str, Any], dict[str, Any]]:
    """The shape of every fact by topic, and of the records inside them by class name.

    A member's kind is `str`, `int` or `bool`, `[kind]` for a list, or the name of a record.
    """
    records: dict[str, Any] = {}
    facts = {topic: _shape(cls, records) for topic, cls in sorted(FACTS.items())}
    return facts, dict(sorted(records.items()))


def _shape(cls: type[Record], records: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(cls)
    members = []
    for member in members_of(cls):
        kind = _kind(hints[member.name], records)
        members.append({"name": member.key, "kind": kind, "required": member.default is MISSING})
    return {"name": cls.__name__, "members": members}


def _kind(hint: Any, records: dict[str, Any]) -> Any:
    options = [item for item in getattr(hint, "__args__", ()) if item is not type(None)]
    if getattr(hint, "__origin__", None) is tuple:
        return [_kind(options[0], records)]
    if options:  # Optional[X]
        return _kind(options[0], records)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hint.__name__ not in records:
        records[hint.__name__] = None  # its place, should it name itself
        records[hint.__name__] = _shape(hint, records)
    return hint.__name__
