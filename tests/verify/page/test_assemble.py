"""Is the page one file that asks nobody, the same each time, and in step with the ledger?"""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from ledger.events import FACTS
from ledger.verify.page import assemble, assemble_page


def test_same_code_gives_the_same_file() -> None:
    """To the byte: its hash can be published and compared."""
    first = assemble_page().html
    assemble_page.cache_clear()

    assert first == assemble_page().html


def test_policy_allows_its_own_script_and_style_alone() -> None:
    """By their hashes; nothing else may run, load or be sent."""
    page = assemble_page()
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", page.html, re.S)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in page.policy

    assert page.policy.startswith("default-src 'none'; ")
    assert f'content="{page.policy}"' in page.html
    assert "unsafe" not in page.policy


def test_it_names_no_other_place() -> None:
    """No address of a script, style, picture, font or link stands in it, and no way to ask."""
    html = assemble_page().html

    assert [] == re.findall(r"""(?:src|href)\s*=\s*["']""", html)
    assert [] == re.findall(
        r"https?://|\bfetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|@import|url\(", html
    )
    assert [] == re.findall(
        r"innerHTML|insertAdjacentHTML|document\.write|\beval\(|JSON\.parse\(", html
    )


def test_every_fact_has_its_shape() -> None:
    """Each topic and record, as ledger/events reads them: a new fact needs no change of the page."""
    facts, records = assemble.fact_table()

    assert set(FACTS) == set(facts)
    named = {kind for shape in [*facts.values(), *records.values()] for kind in kinds_of(shape)}
    assert named - {"str", "int", "bool"} == set(records)
    occurred = {member["name"]: member["kind"] for member in records["Occurred"]["members"]}
    assert {
        "earliest": "str",
        "latest": "str",
        "latest_exclusive": "bool",
    }.items() <= occurred.items()
    flows = facts["tool_use.reported.v1"]["members"]
    assert {"name": "data_flows", "kind": ["DataFlow"], "required": False} in flows
    assert {"name": "import", "kind": "str", "required": False} in flows


def kinds_of(shape: dict[str, object]) -> set[str]:
    found = set()
    for member in shape["members"]:  # type: ignore[attr-defined]
        kind = member["kind"]
        while isinstance(kind, list):
            [kind] = kind
        found.add(kind)
    return found


@pytest.mark.parametrize(
    "source",
    [
        'import { verifyBundle } from "./steps.js";\n',
        'import * as all from "./errors.js";\n',
        "export default 1;\n",
    ],
)
def test_module_of_another_form_is_refused(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports from before, in one line; named exports: what cannot be put together is not."""
    monkeypatch.setattr(assemble, "_read", lambda _name: source)
    with pytest.raises(ValueError, match=r"errors\.js"):
        assemble._scoped("errors")
