"""Can a reader use the page: files in, a verdict out, nothing asked of anybody?"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser import Opened
from tests.verify.evidence import TRUST, SmallLedger, opened, signed


class Desk:
    """A folder with a bundle and a trust file, and the open page."""

    def __init__(self, page: Page, folder: Path, bundle: bytes) -> None:
        self.page = page
        self.bundle, self.trust = folder / "answer.json", folder / "trust.txt"
        self.bundle.write_bytes(bundle)
        self.trust.write_text(TRUST)
        page.reload()

    def check(self, least: str = "", trust: bool = True) -> str:
        """Choose the files, press the button; returns the verdict's headline."""
        self.page.get_by_label("Evidence bundle, a JSON file").set_input_files(self.bundle)
        if trust:
            self.page.get_by_label("Trust file of the ledger").set_input_files(self.trust)
        self.page.get_by_label("Least tree size").fill(least)
        self.page.get_by_role("button", name="Check the bundle").click()
        self.page.locator("#check:enabled").wait_for()
        shown = self.page.locator("#result")
        return self.page.locator("#verdict").inner_text() if shown.is_visible() else ""

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()


@pytest.fixture
def desk(small: SmallLedger, opened_page: Opened, tmp_path: Path) -> Desk:
    found = Desk(opened_page.page, tmp_path, small.listed)
    opened_page.requests[1:] = []  # the page itself, again
    return found


def test_answer_and_what_is_not_checked_are_shown(desk: Desk, small: SmallLedger) -> None:
    """The headline says that it is in part; question, answer, steps, limits and hashes stand below."""
    assert desk.check().startswith("Verified in part")
    assert "not checked here: step 9, answer" in desk.text("#reason")
    count = opened(small.listed)["answer"]["count"]
    assert f"{count} uses for certain" in desk.text("#told")
    assert 12 == desk.page.locator("#steps tbody tr").count()
    assert "whether every use was reported at all" in desk.text("#unchecked")
    assert hashlib.sha256(small.listed).hexdigest() in desk.text("#files")


def test_refused_shows_no_answer(desk: Desk, small: SmallLedger) -> None:
    """The step that failed, and nothing of what the file claims."""
    desk.bundle.write_bytes(small.listed.replace(b'"count":', b'"count":1', 1))

    assert "Refused" == desk.check()
    assert "Step 3, signature" in desk.text("#reason")
    assert "" == desk.text("#told")


def test_nothing_is_checked_without_trust(desk: Desk) -> None:
    """It says what is missing, and shows no verdict."""
    assert "" == desk.check(trust=False)
    assert "Nothing was checked. Say whom you trust" in desk.text("#progress")


def test_pasted_trust_counts_as_a_file(desk: Desk) -> None:
    """With its last line break or without."""
    desk.page.get_by_label("… or its text").first.fill(TRUST.rstrip("\n"))

    assert desk.check(trust=False).startswith("Verified in part")


def test_demand_is_kept_and_must_be_a_number(desk: Desk, small: SmallLedger) -> None:
    """A least tree size above the bundle's refuses; what is no number checks nothing."""
    assert "Refused" == desk.check(least=str(small.size + 1))
    assert "" == desk.check(least="many")
    assert "must be a whole number" in desk.text("#progress")


def test_a_second_check_replaces_the_first(desk: Desk, small: SmallLedger) -> None:
    """No line of an earlier report stays."""
    desk.check()
    desk.bundle.write_bytes(small.listed[:-2])

    assert "Refused" == desk.check()
    assert 1 == desk.page.locator("#steps tbody tr").count()
    assert "" == desk.text("#told")


def test_names_are_text(desk: Desk, small: SmallLedger) -> None:
    """Markup in a name is shown as it stands, and nothing in it can turn a line round or hide."""
    found = opened(small.listed)
    name = '<img src="https://example.com/x" onerror="alert(1)">\u202egnirts\u200b\n2'
    found["answer"]["names"] = {**found["answer"]["names"], "technologies/t": name}
    for use in found["answer"]["uses"]:
        use["technology"] = "technologies/t"
    desk.bundle.write_bytes(signed(found))

    assert desk.check().startswith("Verified in part")
    assert '<img src="https://example.com/x" onerror="alert(1)>' not in desk.page.content()
    assert r"\u{202e}gnirts\u{200b}\u{a}2" in desk.text("#told")
    assert 0 == desk.page.locator("#result img").count()


def test_report_is_saved_as_json(desk: Desk) -> None:
    """All that is shown, for a file of one's own."""
    desk.check()
    with desk.page.expect_download() as saving:
        desk.page.get_by_role("button", name="Save the report").click()
    saved = json.loads(Path(saving.value.path()).read_text("utf-8"))

    assert "verified in part" == saved["verdict"]
    assert 12 == len(saved["steps"])
    assert re.search(r"SHA-256 [0-9a-f]{64}", saved["files"]["Bundle"])


def test_everything_has_a_name_and_is_reached_by_keyboard(desk: Desk) -> None:
    """Labels for all controls, and the verdict is announced and takes the focus."""
    nameless = desk.page.evaluate(
        "[...document.querySelectorAll('input, textarea')].filter((one) => !one.labels.length).length"
    )
    assert 0 == nameless
    desk.check()
    assert "result" == desk.page.evaluate("document.activeElement.id")
    assert "polite" == desk.page.locator("#verdict-box").get_attribute("aria-live")


def test_fits_a_phone(desk: Desk) -> None:
    """Nothing is wider than 320 pixels."""
    desk.page.set_viewport_size({"width": 320, "height": 640})
    desk.check()
    width = desk.page.evaluate("document.documentElement.scrollWidth")
    desk.page.set_viewport_size({"width": 1280, "height": 720})

    assert 320 == width
