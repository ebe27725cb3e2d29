"""How does a test ask page and command about the same bundle, and what must they agree in?

Case ──in_browser──► the page's report ─┐
     └─by_command──► the command's ─────┴─ assert_agree
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Page

from ledger.errors import Malformed
from ledger.tlog import parse_trust_policy
from ledger.verify.counted import verify_counted_list
from ledger.verify.entry_files import verify_entry
from ledger.verify.report import Report
from ledger.verify.verifier import verify_bundle
from tests.verify.evidence import TRUST

# A page call takes some hundred bundles, and messages between processes stay below 100 MB.
AT_ONCE: Final = 200
_JUDGE: Final = """async (cases) => {
  const bytesOf = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const reports = [];
  for (const { bundle, trust, least, older, entry, count } of cases) {
    const options = { minTreeSize: least, older: older === null ? null : bytesOf(older) };
    if (entry !== null) reports.push(await candour.verifyEntry(bytesOf(bundle), bytesOf(entry), bytesOf(trust), options));
    else if (count !== null) reports.push(await candour.verifyCountedList(bytesOf(bundle), bytesOf(count), bytesOf(trust), options));
    else reports.push(await candour.verifyBundle(bytesOf(bundle), bytesOf(trust), options));
  }
  return reports;
}"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One bundle, and what the reader brings.

    Members:
        what: For messages.
        least, older: As the command's `--min-tree-size` and `--older`.
        entry, count: As its `--entry`, of a tlog-proof, and `--count`.
    """

    what: str
    bundle: bytes
    trust: bytes = TRUST.encode()
    least: int | None = 0
    older: bytes | None = None
    entry: bytes | None = None
    count: bytes | None = None


def in_browser(page: Page, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The page's reports, in order."""
    found: list[dict[str, Any]] = []
    for start in range(0, len(cases), AT_ONCE):
        asked = [
            {
                "bundle": b64encode(case.bundle).decode(),
                "trust": b64encode(case.trust).decode(),
                "least": case.least,
                **{
                    name: None if given is None else b64encode(given).decode()
                    for name in ("older", "entry", "count")
                    for given in (getattr(case, name),)
                },
            }
            for case in cases[start : start + AT_ONCE]
        ]
        found += page.evaluate(_JUDGE, asked)
    return found


def by_command(case: Case) -> dict[str, Any]:
    """The report of `candour-verify --format json`, by the function that it calls."""
    try:
        policy = parse_trust_policy(case.trust)
    except Malformed as error:
        return Report(reason=str(error)).to_object()
    if case.entry is not None:
        return verify_entry(case.bundle, case.entry, policy, min_tree_size=case.least).to_object()
    if case.count is not None:
        return verify_counted_list(
            case.bundle, case.count, policy, min_tree_size=case.least
        ).to_object()
    report = verify_bundle(case.bundle, policy, min_tree_size=case.least, older=case.older)
    return report.to_object()


def assert_agree(case: Case, page: dict[str, Any]) -> None:
    """On every step that both make: name, outcome, words; and on what is left unchecked.

    Where the command refuses at a step that a browser does not make, the page has made all others.
    """
    command = by_command(case)
    about = f"{case.what}: the command says {command['verdict']} ({command['reason']}), the page {page['verdict']} ({page['reason']})"
    ours, theirs = page["steps"], command["steps"]
    assert "verified" != page["verdict"] or "verified" == command["verdict"], about
    for here, there in zip(ours, theirs, strict=False):
        assert (there["step"], there["name"]) == (here["step"], here["name"]), about
        if here["outcome"] == "not checked here":
            assert here["name"] in ("rules", "answer", "timestamps"), about
            if there["outcome"] == "failed":
                assert "verified in part" == page["verdict"] or "refused" == page["verdict"], about
                return
        else:
            assert there["outcome"] == here["outcome"], about
            if here["outcome"] == "ok":  # which rule of a format failed first, each may say its way
                assert there["detail"] == here["detail"], about
    assert len(ours) == len(theirs), about
    expected = {"verified": {"verified", "verified in part"}}
    assert page["verdict"] in expected.get(command["verdict"], {command["verdict"]}), about
    if command["verdict"] == "verified":
        assert (command["origin"], command["tree_size"]) == (page["origin"], page["tree_size"])
        assert (command["question"], command["answer"]) == (page["question"], page["answer"])
        assert {item for item in command["not_checked"] if "time stamps" not in item} <= set(
            page["not_checked"]
        ), about
    else:
        assert page["answer"] is None, about
