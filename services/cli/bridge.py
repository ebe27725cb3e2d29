"""candour bridge nats: what stations publish to a JetStream, into a ledger, each use once.

The extra [nats] brings its client library.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.failures import USAGE, CommandFailed
from services.cli.options import DEFAULT_LEDGER, DEFAULT_TARGET

app: Final = typer.Typer(no_args_is_help=True, help="Report what stations stored and forwarded.")


class LogFormat(StrEnum):
    """What goes to stderr."""

    TEXT = "text"
    JSON = "json"


@app.callback()
def _group() -> None:
    """Report what stations stored and forwarded."""


def _pem(variable: str, help_text: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        envvar=variable, metavar="PEM", dir_okay=False, exists=True, help=help_text
    )
    return option


@app.command("nats")
def bridge_nats(
    stream: Annotated[
        str, typer.Option(envvar="CANDOUR_NATS_STREAM", metavar="NAME", help="To be emptied.")
    ],
    durable: Annotated[
        str,
        typer.Option(
            envvar="CANDOUR_NATS_DURABLE",
            metavar="NAME",
            help="The consumer, which remembers how far this bridge is: the same at each start.",
        ),
    ] = "candour",
    server: Annotated[
        list[str] | None,
        typer.Option(
            envvar="CANDOUR_NATS_SERVERS",
            metavar="URL",
            help="nats:// or tls://, repeatable; a password is better kept in the variable.",
            show_default="nats://127.0.0.1:4222",
        ),
    ] = None,
    subject: Annotated[
        str, typer.Option(metavar="SUBJECT", help="Take these messages alone.", show_default="all")
    ] = "",
    dead_letters: Annotated[
        str,
        typer.Option(
            envvar="CANDOUR_NATS_DEAD_LETTERS",
            metavar="SUBJECT",
            help="Where a message goes that no ledger takes, with the reason; the stream"
            " NAME_DEAD is made for it where no stream keeps it.",
            show_default="dead.STREAM",
        ),
    ] = "",
    make: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBJECT", help="Make the stream, of these subjects, where there is none."
        ),
    ] = None,
    ca: Annotated[
        Path | None, _pem("CANDOUR_NATS_CA", "Whom to believe: NATS is spoken to over TLS.")
    ] = None,
    cert: Annotated[
        Path | None, _pem("CANDOUR_NATS_CERT", "Who we are to NATS, with --key.")
    ] = None,
    key: Annotated[Path | None, _pem("CANDOUR_NATS_KEY", "Of --cert.")] = None,
    target: Annotated[
        str, typer.Option(envvar="CANDOUR_TARGET", metavar="HOST:PORT", help="The ledger, by gRPC.")
    ] = DEFAULT_TARGET,
    target_ca: Annotated[
        Path | None, _pem("CANDOUR_TARGET_CA", "Whom to believe: a proxy before the ledger.")
    ] = None,
    target_cert: Annotated[
        Path | None, _pem("CANDOUR_TARGET_CERT", "Who we are to that proxy: a reporter.")
    ] = None,
    target_key: Annotated[Path | None, _pem("CANDOUR_TARGET_KEY", "Of --target-cert.")] = None,
    ledger: Annotated[
        str, typer.Option(envvar="CANDOUR_LEDGER", metavar="NAME", help="Which ledger.")
    ] = DEFAULT_LEDGER,
    batch: Annotated[
        int, typer.Option(min=1, max=10_000, help="Uses of one request, held at once.")
    ] = 500,
    ack_wait: Annotated[
        float,
        typer.Option(
            min=1, metavar="SECONDS", help="After which what a killed bridge held comes again."
        ),
    ] = 30,
    patience: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Of trying, before messages are given back meanwhile."
        ),
    ] = 60,
    http: Annotated[
        str | None,
        typer.Option(
            envvar="CANDOUR_BRIDGE_HTTP", metavar="HOST:PORT", help="/livez, /readyz, /metrics."
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when the stream holds nothing more.")
    ] = False,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            envvar="CANDOUR_LOG_FORMAT", help="Lines for people, or a JSON object a line."
        ),
    ] = LogFormat.TEXT,
) -> None:
    """Report every use of a stream until SIGTERM or Ctrl-C; acknowledge it when it has its receipt."""
    try:
        import nats  # noqa: F401
    except ImportError:
        raise CommandFailed(
            "The bridge needs the extra [nats]",
            "pip install 'candour-ledger[server,nats]'",
            exit_code=USAGE,
        ) from None
    import asyncio

    from services.bridge.opening import NotReady
    from services.bridge.running import run
    from services.bridge.settings import DEFAULT_SERVER, Settings, Tls
    from services.runtime.log_lines import log_to_stderr

    settings = Settings(
        servers=tuple(url for text in server or [DEFAULT_SERVER] for url in text.split(",")),
        tls=Tls(ca=ca, certificate=cert, key=key),
        stream=stream,
        durable=durable,
        subject=subject,
        dead_letters=dead_letters,
        make=tuple(make or ()),
        target=target,
        target_tls=Tls(ca=target_ca, certificate=target_cert, key=target_key),
        ledger=ledger,
        batch_uses=batch,
        ack_wait_s=ack_wait,
        patience_s=patience,
        http=http,
        once=once,
    )
    settings.check()
    log_to_stderr(log_format.value)

    def said(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    try:
        asyncio.run(run(settings, said))
    except NotReady as error:
        raise CommandFailed(str(error), error.do) from None
