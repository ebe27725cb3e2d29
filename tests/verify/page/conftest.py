"""The page, assembled, opened from disk in a real browser; every test of a file shares it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from ledger.verify.page import assemble_page
from tests.browser import Opened
from tests.verify.page.bundles import Case, in_browser

Judge = Callable[[Sequence[Case]], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one file, as `candour verifier-page` writes it."""
    path = tmp_path_factory.mktemp("page") / "verify.html"
    path.write_text(assemble_page().html, "utf-8")
    return path


@pytest.fixture(scope="module")
def opened_page(chromium: Browser, page_file: Path) -> Iterator[Opened]:
    """The page, opened from file://; it may ask nobody for anything and complain of nothing."""
    found = Opened(chromium, page_file.as_uri())
    yield found
    assert [page_file.as_uri()] == found.requests
    assert [] == found.said
    found.close()


@pytest.fixture(scope="module")
def judge(opened_page: Opened) -> Judge:
    """Many bundles, judged by the page in one call."""
    return lambda cases: in_browser(opened_page.page, cases)
