"""GET /verify: the page that checks evidence bundles in the reader's browser, and asks us nothing.

Whoever does not trust this server saves the page from elsewhere: `candour verifier-page` writes
the same bytes.
"""

from __future__ import annotations

from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

from ledger.verify.page import assemble_page


def verify_response(request: Request) -> Response:
    """The page, with the policy that it states of itself and what only a header can say."""
    page = assemble_page()
    data = page.html.encode()
    tag = f'"{sha256(data).hexdigest()}"'
    headers = {
        "Content-Security-Policy": f"{page.policy}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
        "ETag": tag,
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type="text/html; charset=utf-8", headers=headers)
