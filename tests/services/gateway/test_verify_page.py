"""Is the verifier's page served as it is written, under a policy that lets nothing out?"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from ledger.verify.page import assemble_page
from tests.browser import Opened
from tests.published_logs import Gateway

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    """A server without ledgers: the page needs none."""
    with Gateway() as gateway:
        yield gateway


def test_page_is_the_one_that_the_command_writes(gateway: Gateway) -> None:
    """To the byte, with its policy as a header too, and never framed."""
    answer = gateway.ask("/verify")
    page = assemble_page()

    assert (200, "text/html; charset=utf-8") == (answer.status, answer.headers["content-type"])
    assert page.html.encode() == answer.body
    policy = answer.headers["content-security-policy"]
    assert f"{page.policy}; frame-ancestors 'none'" == policy
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert "no-referrer" == answer.headers["referrer-policy"]


def test_known_page_is_not_sent_again(gateway: Gateway) -> None:
    """Whoever names its tag is told that it is still the same."""
    tag = gateway.ask("/verify").headers["etag"]

    assert 304 == gateway.ask("/verify", if_none_match=tag).status
    assert 200 == gateway.ask("/verify", if_none_match='"other"').status
    assert 405 == gateway.ask("/verify", "POST").status


def test_served_page_asks_for_nothing_more(gateway: Gateway, chromium: Browser) -> None:
    """It runs, judges a file, and the server hears of it no more."""
    url = f"http://{gateway.address}/verify"
    opened = Opened(chromium, url)
    report = opened.page.evaluate(
        "(base64) => candour.verifyBundle(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)), 'quorum none\\n')",
        b64encode(b'{"answer":{}}\n').decode(),
    )

    assert ("refused", "read") == (report["verdict"], report["steps"][-1]["name"])
    assert [url] == opened.requests
    assert [] == opened.said
    opened.close()
