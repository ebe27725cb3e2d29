"""How is a request sent to somebody who may never finish the answer? Within a time, to the last byte.

    url, body ──post──► Reply(status, content type, body), or OSError within `timeout_s`
    url ───────get───┘

The standard library's timeout is one of each read; a byte every few seconds would hold us for
days. No redirects: whoever moves tells us where.
"""

from __future__ import annotations

import io
import socket
import time
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final

from ledger.errors import Refused
from ledger.limits import MAX_WITNESS_ANSWER_BYTES


class AnswerTooLong(OSError):
    """More came than can be right; it was not read to its end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status; a longer body than we read is cut."""

    status: int
    content_type: str
    body: bytes


TEXT: Final = "text/plain; charset=utf-8"


def post(url: str, body: bytes, *, timeout_s: float, content_type: str = TEXT) -> Reply:
    """Send a body and read the answer, 65,536 bytes of it at most.

    Connecting and sending take `timeout_s` at most, and so does the answer, headers included.

    Raises:
        Refused: The URL is not of http or https.
        OSError: Nobody answered, or not in time, or not in HTTP.
    """
    most = MAX_WITNESS_ANSWER_BYTES
    return _ask(url, body, most=most, timeout_s=timeout_s, content_type=content_type)


def get(url: str, *, most: int, timeout_s: float, gzip: bool = False) -> Reply:
    """Read what lies under a URL.

    Args:
        url: Of http or https.
        most: Bytes that can be right, after decompression too.
        timeout_s: As of `post`.
        gzip: Ask for a compressed answer; the body is as it was before.
    Raises:
        AnswerTooLong: More than `most` bytes came, or would have.
        OSError, Refused: As `post`.
    """
    reply = _ask(url, None, most=most + 1, timeout_s=timeout_s, gzip=gzip)
    if len(reply.body) > most:
        raise AnswerTooLong(f"the answer is longer than {most} bytes")
    return reply


def _ask(
    url: str,
    body: bytes | None,
    *,
    most: int,
    timeout_s: float,
    gzip: bool = False,
    content_type: str = TEXT,
) -> Reply:
    if not url.startswith(("http://", "https://")):
        raise Refused(f"{url} is neither http nor https")
    headers = {"User-Agent": "candour"}
    if body is not None:
        headers["Content-Type"] = content_type
    if gzip:
        headers["Accept-Encoding"] = "gzip"
    request = urllib.request.Request(url, body, headers)  # noqa: S310  checked above
    try:
        try:
            response = _OPENER.open(request, timeout=timeout_s)
        except urllib.error.HTTPError as answered:
            response = answered
        with response:
            kind = response.headers.get("Content-Type", "")
            data = response.read(most)
            if gzip and response.headers.get("Content-Encoding", "").lower() == "gzip":
                data = _unzipped(data, most)
            return Reply(response.status, kind, data)
    except urllib.error.URLError as error:
        raise OSError(str(error.reason)) from None
    except (HTTPException, ValueError) as error:
        raise OSError(f"not an HTTP answer: {error!r}") from None


def _unzipped(data: bytes, most: int) -> bytes:
    """At most so many bytes of what was compressed. Raises OSError where it was not."""
    reader = zlib.decompressobj(wbits=31)  # gzip's header and trailer, and no other
    try:
        found = reader.decompress(data, most)
    except zlib.error as error:
        raise OSError(f"not gzip: {error}") from None
    if len(found) < most and (not reader.eof or reader.unused_data):
        raise OSError("not gzip: it is cut, or goes on after its end")
    return found


class _Until(io.RawIOBase):
    """Reads from a connection until a deadline, however slowly the bytes come."""

    def __init__(self, connection: socket.socket) -> None:
        self._raw = connection.makefile("rb", buffering=0)
        self._connection = connection
        self._deadline = time.monotonic() + (connection.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_Until(sock))


class _Http(HTTPConnection):
    response_class = _Response


class _Https(HTTPSConnection):
    response_class = _Response


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_Http, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(_Https, req)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_HttpHandler, _HttpsHandler, _NoRedirects)
