"""candour timestamp: a third party's word for the time at which an answer existed. (RFC 3161)

BUNDLE ──SHA-256 of its signature, nonce──► authority ──token──► BUNDLE with one more time stamp

The authority learns a hash and nothing else. Anybody who holds a bundle may do this, at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.cli.failures import CommandFailed, ended
from services.cli.options import As, Format
from services.cli.output import plain, print_object, say

QUERY: Final = "application/timestamp-query"
_GRANTED: Final = (0, 1)  # granted, and granted with modifications (RFC 3161, section 2.4.2)


def timestamp(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", dir_okay=False)],
    tsa: Annotated[str, typer.Option("--tsa", metavar="URL", help="The authority's address.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", dir_okay=False, help="Where it goes; without it, back to BUNDLE."),
    ] = None,
    tsa_ca: Annotated[
        Path | None,
        typer.Option(
            "--tsa-ca", dir_okay=False, help="Check the token by these root certificates (PEM)."
        ),
    ] = None,
    form: As = Format.TABLE,
) -> None:
    """Have a time-stamp authority say that an answer existed by now."""
    from ledger.limits import MAX_BUNDLE_BYTES
    from ledger.verify.bundle import bundle_of_object, read_object, stamped
    from services.cli.prove import write_whole

    with bundle.open("rb") as file:
        found = read_object(file.read(MAX_BUNDLE_BYTES + 1))
    signed = bundle_of_object(found).signed
    token, told = _token(tsa, signed)
    data = stamped(found, token)  # a fifth one, or the same again, is refused
    if tsa_ca is not None:
        _check(token, signed, tsa_ca)
    target = bundle if out is None else out
    write_whole(target, [data])
    print_object({"bundle": str(target), **told, "bytes": len(data)}, form)
    roots = "FILE" if tsa_ca is None else tsa_ca
    say(f"Check it: candour-verify {target} --trust trust.txt --tsa-ca {roots}")
    if tsa_ca is None:
        say("FILE holds the authority's root certificate, from somewhere else than the bundle.")


def _check(token: bytes, signed: bytes, tsa_ca: Path) -> None:
    """Raises TimestampFailed, Malformed, OSError."""
    from ledger.limits import MAX_AUTHORITIES_BYTES
    from ledger.verify.timestamps import check_timestamps, read_authorities

    with tsa_ca.open("rb") as file:
        authorities = read_authorities(file.read(MAX_AUTHORITIES_BYTES + 1))
    check_timestamps([token], signed, authorities)


def _token(url: str, signed: bytes) -> tuple[bytes, Mapping[str, Any]]:
    """The authority's token over a signature, and what it says; who made it is not checked.

    Raises:
        CommandFailed: Nobody answers, or something else, or no.
    """
    import rfc3161_client as client

    builder = client.TimestampRequestBuilder().data(signed)
    query = builder.hash_algorithm(client.HashAlgorithm.SHA256).cert_request(cert_request=True)
    request = query.nonce(nonce=True).build()
    body = _asked(url, request.as_bytes())
    try:
        response = client.decode_timestamp_response(body)
        if response.status not in _GRANTED:
            reason = plain("; ".join(response.status_string)) or f"status {response.status}"
            raise CommandFailed(f"{url} makes no time stamp: {reason}")
        info = response.tst_info
        token = response.time_stamp_token()
    except ValueError as error:
        raise CommandFailed(
            f"{url} did not answer with a time stamp: {error}", "Check --tsa"
        ) from None
    if (info.message_imprint.message, info.nonce) != (
        request.message_imprint.message,
        request.nonce,
    ):
        raise CommandFailed(f"{url} answered another question: its hash or nonce is another")
    return token, {
        "authority": url,
        "time": info.gen_time.isoformat().replace("+00:00", "Z"),
        "serial": str(info.serial_number),
        "policy": info.policy.dotted_string,
    }


def _asked(url: str, query: bytes) -> bytes:
    """Raises CommandFailed."""
    from ledger.errors import Refused
    from ledger.limits import TSA_TIMEOUT_S
    from services.runtime.http_client import post

    try:
        reply = post(url, query, timeout_s=TSA_TIMEOUT_S, content_type=QUERY)
    except (OSError, Refused) as error:
        raise CommandFailed(
            f"No time-stamp authority answers: {ended(str(error) or url)}", "Check --tsa"
        ) from None
    if reply.status != 200:
        raise CommandFailed(f"{url} answered with HTTP {reply.status}", "Check --tsa")
    return reply.body
