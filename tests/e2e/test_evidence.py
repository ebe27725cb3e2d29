"""Is evidence carried from command to command: growth since an older checkpoint, a third party's
time, one entry by itself, all names of a technology?"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from ledger.ingest.sample import sample_audit
from ledger.limits import MAX_TIMESTAMPS
from ledger.tlog import Checkpoint, Signer, claimed_checkpoint, sign_checkpoint
from ledger.verify.__main__ import main
from ledger.verify.bundle import stamped
from tests.authority import Authority
from tests.e2e.conftest import Place
from tests.e2e.test_commands import load

YEAR = ("--from", "2025-01-01", "--to", "2025-12-31")


def checkpoint(place: Place) -> bytes:
    """What a stranger keeps: the checkpoint as it is served."""
    url = f"http://{place.server.http}/ledgers/main/checkpoint"
    with urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def grown(place: Place, name: str) -> bytes:
    """The served checkpoint, once it covers an agency that is registered now."""
    leaf_index = place.json("agencies", "register", name)["leaf_index"]
    deadline = time.monotonic() + 30
    while claimed_checkpoint(note := checkpoint(place)).tree_size <= leaf_index:
        assert time.monotonic() < deadline, "nothing is published"
        time.sleep(0.05)
    return note


def verify(place: Place, *arguments: object) -> tuple[int, dict[str, Any]]:
    """Exit status and report of `candour-verify`; in this process, which saves half a second."""
    out = io.StringIO()
    trust = ("--trust", place.data / "trust.txt", "--format", "json")
    with redirect_stdout(out):
        code = main([str(argument) for argument in (*arguments, *trust)])
    return code, json.loads(out.getvalue())


def step(report: dict[str, Any], name: str) -> tuple[str, str]:
    return next((s["outcome"], s["detail"]) for s in report["steps"] if s["name"] == name)


@pytest.fixture(scope="module")
def authority_url(authority: Authority) -> Iterator[str]:
    with authority.served() as url:
        yield url


def test_bundle_shows_growth_from_a_kept_checkpoint(shared: Place, tmp_path: Path) -> None:
    """By the file that the reader kept, or by its size; lists and counts; and nothing else."""
    kept = tmp_path / "kept"
    kept.write_bytes(grown(shared, "Old PD"))
    size = claimed_checkpoint(kept.read_bytes()).tree_size
    shared.candour("agencies", "register", "New PD")
    bundle = tmp_path / "bundle.json"

    for older in (kept, size):
        told = shared.candour("prove", "uses", "--older", older, "--out", bundle)
        code, report = verify(shared, bundle, "--older", kept)
        assert (0, "ok") == (code, step(report, "consistency")[0]), report["reason"]
        assert (older is kept) == (f"--older {kept}" in told.err)
    for kind in ("count", "absence"):
        of = ("--agency", "Old PD", "--technology", "Clearview AI", *YEAR)
        shared.candour("prove", kind, *of, "--older", kept, "--out", bundle)
        assert 0 == verify(shared, bundle, "--older", kept, "--min-tree-size", 0)[0]
    shared.candour("prove", "uses", "--out", bundle)
    code, report = verify(shared, bundle, "--older", kept)
    assert (2, "not judged") == (code, step(report, "consistency")[0])


def test_older_that_cannot_be_is_said(shared: Place, tmp_path: Path) -> None:
    """A size that was never published, another ledger's checkpoint, one of another history, no
    checkpoint, no file: each a sentence, and no bundle."""
    mine, root = claimed_checkpoint(grown(shared, "Second PD")), bytes(32)
    foreign = Signer("example.com/log", bytes(32))
    files = {
        "foreign": sign_checkpoint(Checkpoint("example.com/log", 1, root), foreign),
        "forged": sign_checkpoint(Checkpoint(mine.origin, 1, root), Signer(mine.origin, root)),
        "garbage": b"my notes\n",
        "binary": b"\xff\xfe",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    out = tmp_path / "none.json"
    for older, said in (
        (str(2**40), "was published"),
        (0, "from nothing there is no proof"),
        (tmp_path / "foreign", "no checkpoint of this ledger"),
        (tmp_path / "forged", "no checkpoint of this ledger"),
        (tmp_path / "garbage", "no checkpoint of this ledger"),
        (tmp_path / "binary", "not text"),
        (tmp_path / "nothing", "No such file"),
    ):
        ran = shared.candour("prove", "uses", "--older", older, "--out", out, exit_code=1)
        assert said in ran.err, older
        assert not out.exists()


def test_a_third_party_says_when(
    shared: Place, tmp_path: Path, authority: Authority, authority_url: str
) -> None:
    """`candour timestamp` adds a token to a bundle, into its place or another; the verifier says
    the time, whose word it is, and refuses another authority's."""
    bundle, other = tmp_path / "bundle.json", tmp_path / "stamped.json"
    shared.candour("prove", "uses", "--out", bundle)
    before = bundle.read_bytes()
    asked = ("timestamp", bundle, "--tsa", authority_url)
    told = shared.json(*asked, "--tsa-ca", authority.root, "--out", other)

    assert before == bundle.read_bytes()
    code, report = verify(shared, other, "--tsa-ca", authority.root)
    assert (0, 1) == (code, len(report["timestamps"])), report["reason"]
    assert told["time"] == report["timestamps"][0]["existed_at"]
    assert "not checked here" == step(verify(shared, other)[1], "timestamps")[0]
    stranger = Authority(tmp_path / "stranger")
    assert 1 == verify(shared, other, "--tsa-ca", stranger.root)[0]
    shared.candour(*asked, "--tsa-ca", stranger.root, exit_code=1)
    assert before == bundle.read_bytes(), "a token that does not hold is not kept"
    shared.candour(*asked)
    assert 0 == verify(shared, bundle, "--tsa-ca", authority.root)[0]


def test_authority_that_does_not_answer_is_said(
    shared: Place, tmp_path: Path, authority: Authority
) -> None:
    """Nobody there, an error, no time stamp, one of another query, a bundle that has its four:
    a sentence each, and the bundle as it was."""
    bundle = tmp_path / "bundle.json"
    shared.candour("prove", "uses", "--out", bundle)
    before = bundle.read_bytes()

    def failed(url: str) -> str:
        ran = shared.candour("timestamp", bundle, "--tsa", url, exit_code=1)
        assert before == bundle.read_bytes()
        return ran.err

    with authority.served() as url:
        gone = url
    refusal = bytes.fromhex("30053003020102")
    stale = b"\x30\x82" + len(body := bytes.fromhex("3003020100") + authority.stamp(b"x")).to_bytes(
        2, "big"
    )
    assert "No time-stamp authority answers" in failed(gone)
    assert "neither http nor https" in failed("ftp://127.0.0.1/")
    for answer, status, said in (
        (b"", 503, "HTTP 503"),
        (b"hello", 200, "did not answer with a time stamp"),
        (refusal, 200, "makes no time stamp"),
        (stale + body, 200, "another question"),
    ):
        with authority.served(status=status, body=answer) as url:
            assert said in failed(url)
    full = before
    for number in range(MAX_TIMESTAMPS):
        full = stamped(json.loads(full), bytes([number]))
    bundle.write_bytes(full)
    with authority.served() as url:
        ran = shared.candour("timestamp", bundle, "--tsa", url, exit_code=2)
    assert "bundle.timestamps: must be 1 to 4" in ran.err


def test_one_entry_proves_itself(shared: Place, tmp_path: Path) -> None:
    """By the command, or out of a verified bundle: the same files, checked by the same verifier."""
    grown(shared, "Third PD")
    grown(shared, "Fourth PD")
    proof, entry = tmp_path / "0.tlog-proof", tmp_path / "0.entry"
    shared.candour("prove", "entry", 0, "--out", proof, "--entry-out", entry)
    assert 0 == verify(shared, proof, "--entry", entry)[0]

    bundle, folder = tmp_path / "bundle.json", tmp_path / "proofs"
    shared.candour("prove", "uses", "--complete", "--out", bundle)
    assert 0 == verify(shared, bundle, "--tlog-proofs", folder)[0]
    assert entry.read_bytes() == (folder / "0.entry").read_bytes()
    pairs = sorted(folder.glob("*.tlog-proof"))
    for one in pairs:
        assert 0 == verify(shared, one, "--entry", one.with_suffix(".entry"))[0]
    other = folder / "1.entry"
    assert 1 == verify(shared, proof, "--entry", other)[0]
    missing = ("prove", "entry", 10**9, "--out", tmp_path / "none")
    assert "beyond" in shared.candour(*missing, exit_code=1).err


def test_count_covers_every_name(shared: Place, tmp_path: Path) -> None:
    """Asked under either name the sum is what is listed, with each name's own figure; an absence
    of one name is none while another was used; sources heard stand in both."""
    load(shared, tmp_path)
    other = tmp_path / "audit.csv"
    other.write_bytes(sample_audit(15, seed=9))
    shared.candour("import", "flock", other, "--agency", "Sampleton PD", "--technology", "PW Two")
    shared.candour("technologies", "alias", "Platewatch", "PW Two")
    days = ("--from", "2000-01-01", "--to", "2030-12-31")
    bundle = tmp_path / "count.json"
    for name in ("Platewatch", "PW Two"):
        asked = ("--agency", "Sampleton PD", "--technology", name, *days, "--out", bundle)
        told = shared.json("prove", "count", *asked)
        code, report = verify(shared, bundle, "--min-tree-size", told["tree_size"])

        assert (0, 75) == (code, report["answer"]["count"] + report["answer"]["undated"])
        parts = [row["count"] + row["undated"] for row in told["by_name"]]
        assert [15, 60] == sorted(parts)
        assert told["by_name"] == report["answer"]["by_name"]
        assert report["answer"]["sources"]
        shared.candour("prove", "absence", *asked, exit_code=1)
    table = shared.candour("prove", "count", *asked).out
    assert "technologies/platewatch" in table
    assert "technologies/pw-two" in table
