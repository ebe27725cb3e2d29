"""candour demo: the whole way in a minute, on a ledger of its own that it takes down again.

    serve ─► import ─► authority ─► who, which, when, under what authority? ─► prove
          ─► verify offline ─► flip a byte: refused ─► audit ─► stop

Every step is a command that anybody can repeat. Names, cases and plates are invented.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from services.cli.failures import USAGE, CommandFailed
from services.cli.halifax import halifax
from services.cli.options import Connection, command

ROWS: Final = 600
AGENCY: Final = "Sampleton PD"
TECHNOLOGY: Final = "Platewatch"
WARRANT: Final = "Warrant 25-0101"
POLICY: Final = "Stolen Vehicle Policy"
EXPORT: Final = "export.csv"
BUNDLE: Final = "answer.json"
FORGED: Final = "forged.json"
HALIFAX: Final = "halifax"
_QUESTIONS: Final = {
    "Who?": ("performer", "--limit", "5"),
    "Which technology?": ("technology",),
    "When?": ("month",),
    "Under what authority?": ("authorization",),
}


app: Final = typer.Typer()
command(app, HALIFAX)(halifax)


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", file_okay=False, help="Leave everything here."),
    ] = None,
) -> None:
    """Show it all: serve, import, ask, prove, verify, and see a forgery refused."""
    if context.invoked_subcommand is not None:
        if keep is not None:
            wanted = context.invoked_subcommand
            raise CommandFailed(f"Say --keep after {wanted}", exit_code=USAGE)
        return
    begun = time.monotonic()
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="candour-demo-") as folder:
            _show(Path(folder))
    else:
        keep.mkdir(parents=True, exist_ok=True)
        _show(keep)
        _head(f"Everything is in {keep}: go on with `candour serve --data {keep / 'data'}`")
    _head(f"Done in {time.monotonic() - begun:.1f} s")


def _show(folder: Path) -> None:
    from ledger.ingest.sample import sample_export
    from services.cli.local_server import LocalServer

    export, data = folder / EXPORT, folder / "data"
    export.write_bytes(sample_export(ROWS))
    _head("A ledger of its own, on free ports")
    with LocalServer(data) as server:
        print(f"$ candour serve --data {data}\nserving on {server.grpc}")
        for name in [name for name in os.environ if name.startswith("CANDOUR_")]:
            del os.environ[name]  # of another ledger
        os.environ["CANDOUR_TARGET"] = server.grpc
        _head(f"A vendor's export of {ROWS} searches, all invented, goes in over gRPC")
        _run("import", "flock", export, "--agency", AGENCY, "--technology", TECHNOLOGY)
        _head("Two authorizations, linked to some of the uses")
        _grant()
        print(f"{_link(Connection(target=server.grpc))} uses linked")
        for question, by in _QUESTIONS.items():
            _head(question)
            _run("uses", "summary", "--by", *by)
        _prove_and_verify(folder, data / "trust.txt")
        _head("Every leaf, tile, head and view, made anew from the entries")
        _run("audit", "--data", data)
        _head("The server ends as it should")
    _head("What did the record hold when they spoke? Halifax, February 2020, simulated")
    _run("demo", HALIFAX, "--keep", folder / HALIFAX)


def _grant() -> None:
    to = ("--agency", AGENCY, "--technology", TECHNOLOGY)
    july = (
        "--kind",
        "warrant",
        "--identifier",
        "25-0101",
        "--from",
        "2025-07-01",
        "--to",
        "2025-07-31",
    )
    year = ("--kind", "policy", "--from", "2025-06-01", "--to", "2026-05-31")
    _run("authorizations", "grant", WARRANT, *to, *july)
    _run("authorizations", "grant", POLICY, *to, *year)


def _link(at: Connection) -> int:
    """Link the uses of two spans, as an agency's own system would: by its API."""
    from services.cli.client import Client
    from services.cli.conditions import filter_of
    from services.cli.names import Names
    from services.cli.options import Wanted
    from services.pb.candour.v1.query_pb2 import ListToolUsesRequest
    from services.pb.candour.v1.registry_pb2 import LinkAuthorizationRequest

    spans = {WARRANT: ("2025-07-01", "2025-07-14"), POLICY: ("2025-09-01", "2025-09-21")}
    count = 0
    with Client(at) as client:
        names = Names(client)
        for authorization, (since, until) in spans.items():
            request = ListToolUsesRequest(
                parent=client.parent,
                filter=filter_of(Wanted(since=since, until=until), names),
                min_tree_size=client.head_size(),
            )
            name = names.find("authorizations", authorization).name
            for page in client.pages(client.query.ListToolUses, request):
                for use in page.tool_uses:
                    link = LinkAuthorizationRequest(
                        name=client.full_name(use.name), authorization=name
                    )
                    client.call(client.registry.LinkAuthorization, link)
                    count += 1
    return count


def _prove_and_verify(folder: Path, trust: Path) -> None:
    bundle, forged = folder / BUNDLE, folder / FORGED
    _head("An answer for somebody who does not trust us")
    window = ("--from", "2025-07-01", "--to", "2025-07-31")
    _run("prove", "uses", *window, "--by", "authorization", "--complete", "--out", bundle)
    _head("Checked offline: no server, no database, one dependency")
    _verify(bundle, trust, expected=(0, "verified"))
    _head("The same with one byte changed")
    data = bytearray(bundle.read_bytes())
    at = _digit_of_count(data)
    print(f"byte {at} of {len(data)}: {chr(data[at])} becomes {chr(data[at] ^ 1)}")
    data[at] ^= 1
    forged.write_bytes(data)
    _verify(forged, trust, expected=(1, "refused"))


def _digit_of_count(data: bytearray) -> int:
    """Where the answer says how many."""
    key = b'"count":'
    return data.index(key) + len(key)


def _verify(bundle: Path, trust: Path, *, expected: tuple[int, str]) -> None:
    print(f"$ candour-verify {bundle} --trust {trust}")
    command = [*_verifier(), str(bundle), "--trust", str(trust)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    print(done.stdout, end="", flush=True)
    code, word = expected
    if done.returncode != code or word not in done.stdout:
        raise CommandFailed(
            f"candour-verify ended with {done.returncode}, not {code}: {done.stderr.strip()}"
        )


def _verifier() -> list[str]:
    """The command that came with this one."""
    installed = Path(sys.executable).with_name("candour-verify")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "ledger.verify"]


def _run(*arguments: str | Path) -> None:
    """Show a command, and run it."""
    from services.cli.main import main

    texts = [str(argument) for argument in arguments]
    print(f"$ candour {_shell(texts)}", flush=True)
    code = main(texts)
    if code != 0:
        raise CommandFailed(f"`candour {_shell(texts)}` ended with {code}")


def _shell(texts: Sequence[str]) -> str:
    return " ".join(json.dumps(text) if " " in text else text for text in texts)


def _head(text: str) -> None:
    print(f"\n── {text}", flush=True)
