"""Where do tests get a browser? The machine's Chromium, driven by playwright; nothing is downloaded.

    find_chromium ──launch──► Browser ──opened──► a page that must not ask anybody for anything

One browser a test file: it takes a second to start, and its event loop must not outlive the file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # which most test files never load
    from playwright.sync_api import Browser, Page

REQUIRE_VARIABLE: Final = "CANDOUR_REQUIRE_CHROMIUM"  # "1": what cannot run fails
PATH_VARIABLE: Final = "CANDOUR_CHROMIUM"

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = (
    "--no-sandbox",  # tests run as root in containers, where its sandbox does not
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS: Final = 120_000  # two cores, shared


class ChromiumMissing(Exception):
    """There is no Chromium here."""


def find_chromium() -> Path:
    """The binary of PATH, or of CANDOUR_CHROMIUM. Raises ChromiumMissing."""
    named = os.environ.get(PATH_VARIABLE)
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if found is None or not Path(found).exists():
        raise ChromiumMissing(f"no {named or ' or '.join(NAMES)} here")
    return Path(found)


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser. Raises ChromiumMissing."""
    from playwright.sync_api import sync_playwright

    binary = find_chromium()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=str(binary), args=list(FLAGS), timeout=PATIENCE_MS
        )
        try:
            yield started
        finally:
            started.close()


class Opened:
    """A page, and all that it asked for and said since it was opened."""

    def __init__(self, browser: Browser, url: str, **context: object) -> None:
        self.context = browser.new_context(**context)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(url)

    def close(self) -> None:
        self.context.close()
