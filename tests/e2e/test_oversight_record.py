"""Can people keep the oversight record by commands alone: registers, statements, allegations?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledger.ingest.sample import sample_export
from tests.e2e.conftest import Place, run

Flags = tuple[str, str]


def register(place: Place, own: str) -> tuple[Flags, Flags]:
    """An agency, technology and source of a test's own: flags for the first two."""
    agency, technology = ("--agency", f"{own} PD"), ("--technology", f"{own} View")
    place.candour("agencies", "register", agency[1], "--country", "CA")
    place.candour("technologies", "register", technology[1], "--vendor", "Sightline")
    place.candour("sources", "register", f"{own} Portal", *agency, *technology)
    return agency, technology


def state(shared: Place, name: str) -> dict[str, str]:
    found: dict[str, str] = shared.json("history", name)["states"]
    return found


def test_life_of_a_technology(shared: Place) -> None:
    """Each step leads where the table says; what is not allowed is refused with what would be."""
    agency, technology = register(shared, "Ada")
    own = ("technologies", "trial", "start", "ada-view", *agency)
    shared.candour(*own, "--on", "../2020-02-28", "--backfill")
    assert {"": "registered", "agencies/ada-pd": "on_trial"} == state(
        shared, "technologies/ada-view"
    )
    refused = shared.candour(*own, exit_code=1)
    assert "technologies/ada-view is on trial for agencies/ada-pd." in refused.err
    assert "What can be told of it now: assessed, approved, trial ended, suspended" in refused.err

    report = ("incidents", "report", "breach-2020", "--vendor", "Sightline", "--kind", "breach")
    shared.candour(*report, *technology, "--aware", "2020-02-27")
    suspend = ("technologies", "suspend", "Ada View", *agency, "--incident", "breach-2020")
    shared.candour(*suspend, "--on", "2020-02-28", "--cause", "vendor_breach")
    shared.candour("technologies", "resume", "Ada View", *agency)
    shared.candour("technologies", "trial", "end", "Ada View", *agency, "--outcome", "abandoned")
    approve = ("technologies", "approve", "Ada View", *agency, "--by", "Board")
    shared.candour(*approve, "--condition", "no minors", "--retention-days", 30)
    shared.candour("technologies", "assess", "Ada View", "--kind", "privacy_impact", "--by", "OIPC")
    shared.candour("technologies", "retire", "Ada View", *agency)
    assert "retired" == state(shared, "technologies/ada-view")["agencies/ada-pd"]
    listed = {item["name"]: item["state"] for item in shared.json("technologies", "list")}
    assert "registered; agencies/ada-pd: retired" == listed["technologies/ada-view"]
    ended = shared.candour(*own, exit_code=1)
    assert "is retired for agencies/ada-pd. Nothing more can be told of it." in ended.err

    told = shared.json("history", "technologies/ada-view")["facts"]
    assert {"latest": "2020-02-28T23:59:59.999999Z"} == told[1]["event"]["effective"]
    assert {"date": "2020-02-28"} == told[2]["event"]["effective"]
    assert ["backfill", "live"] == [told[1]["capture"], told[2]["capture"]]
    assert all(fact["reporter"] for fact in told)


def test_life_of_an_authorization(shared: Place) -> None:
    """Granted, renewed, varied, revoked; under an instrument and its version, by an officer unseen."""
    agency, _technology = register(shared, "Bea")
    shared.candour("instruments", "add", "Search Code", "--jurisdiction", "CA-NS")
    shared.candour("instruments", "version", "search-code", "2018-04", "--from", "2018-04-01")
    grant = ("authorizations", "grant", "W 1", *agency, "--kind", "warrant", "--identifier", "25-1")
    shared.candour(*grant, "--from", "2025-01-01", "--to", "2025-01-31")
    renew = ("authorizations", "renew", "25-1", "--from", "2025-02-01", "--to", "2025-02-28")
    shared.candour(*renew, "--granting-officer", "Judge Roe")
    shared.candour("authorizations", "vary", "25-1", "--unit", "Fraud", "--on", "2025-02-10")
    revoke = ("authorizations", "revoke", "25-1", "--on", "2025-02-20", "--code", "spent")
    shared.candour(*revoke, "--reason", "Doe was arrested")
    refused = shared.candour(*renew, exit_code=1)
    assert "authorizations/w-1 is revoked. Nothing more can be told of it." in refused.err

    hidden = shared.json("history", "authorizations/w-1")["facts"]
    shown = shared.json("history", "authorizations/w-1", "--full")["facts"]
    assert [["granting_officer"], ["reason"]] == [hidden[1]["protected"], hidden[3]["protected"]]
    assert {"granting_officer": "Judge Roe"} == shown[1]["protected"]
    assert "Roe" not in json.dumps(hidden)
    in_force = ("authorizations", "in-force", "--at")
    assert [[], ["authorizations/w-1"], []] == [
        [item["name"] for item in shared.json(*in_force, day)]
        for day in ("2024-12-31", "2025-02-15", "2025-02-22")
    ]
    [instrument] = shared.json("instruments", "list")
    assert ("Search Code", "2018-04") == (instrument["called"], instrument["last"]["version"])


def test_life_of_a_statement(shared: Place, tmp_path: Path) -> None:
    """A "no" is refused while coverage is thin, proven once it is not, and contradicted for ever after."""
    agency, technology = register(shared, "Cleo")
    span = ("--from", "2025-06-01", "--to", "2025-06-30")
    deny = ("statement", "make", "--denies", *agency, *technology, *span, "--role", "chief")
    proof = tmp_path / "zero.json"
    thin = shared.candour(*deny, "--out", proof, exit_code=1)
    assert "not heard in the period: sources/cleo-portal" in thin.err
    assert "no source was heard in the period" in thin.err
    assert not proof.exists()
    shared.candour("sources", "heartbeat", "Cleo Portal", "--at", "2025-06-30T12:00:00Z")
    held = ("holdings", "add", *agency, *technology, "--kind", "licence", "--name", "licence-1")
    shared.candour(*held)
    assert "no source stands behind holdings/licence-1" in shared.candour(*deny, exit_code=1).err
    alone = shared.candour("holdings", "list", "--unconnected", *agency)
    assert "agencies/cleo-pd: 1 with no source behind it." in alone.err
    shared.candour("holdings", "connect", "licence-1", "Cleo Portal")
    assert [] == shared.json("holdings", "list", "--unconnected")
    few = shared.candour(*deny, "--asked", 7, "--of", 12, exit_code=1)
    assert "7 of 12 units were asked" in few.err
    said = shared.candour(*deny, "--asked", 7, "--of", 12, "--qualified", "--name", "weak")
    assert "qualified: 7 of 12 units were asked" in said.err

    whole = shared.candour(*deny, "--asked", 12, "--of", 12, "--out", proof, "--name", "whole")
    assert "qualified" not in whole.err
    size = json.loads(proof.read_text())["question"]["tree_size"]
    trust = ("--trust", shared.data / "trust.txt", "--min-tree-size", size)
    assert 0 == run("candour-verify", proof, *trust).exit_code
    shown = shared.json("statement", "show", "whole")
    assert ["supported"] == shown["codes"]
    assert ["not_provable"] == shared.json("statement", "show", "weak")["codes"]
    assert {
        "asked": 12,
        "of": 12,
        "count": 0,
        "possible": 0,
        "heard": ["sources/cleo-portal"],
    }.items() <= (shown["coverage"].items())

    export = tmp_path / "export.csv"
    export.write_bytes(sample_export(20))
    shared.candour("import", "flock", export, *agency, *technology)
    count = len(shared.json("uses", "list", *agency, *span, "--definite"))
    late = shared.candour(*deny, "--qualified", exit_code=1)
    assert f"the record has {count} uses in scope" in late.err
    shared.candour(*deny, "--anyway", "--name", "against-it")
    again = shared.json(*deny, "--asked", 12, "--of", 12, "--name", "whole")
    assert again["duplicate"]  # what was made stays made; a call that was lost is answered
    other = shared.candour(*deny, "--name", "whole", exit_code=1)
    assert "statements/whole" in other.err
    correct = ("statement", "correct", "whole", "--by", "against-it", "--on", "2025-07-01")
    shared.candour(*correct)
    listed = {item["name"]: item for item in shared.json("statement", "list", *agency)}
    assert ["corrected", "made"] == [
        listed[f"statements/{name}"]["state"] for name in ("whole", "against-it")
    ]
    assert count == listed["statements/against-it"]["coverage"]["count"]
    assert ["contradicted_by_known"] == listed["statements/against-it"]["codes"]
    assert ["contradicted_later"] == shared.json("statement", "show", "whole")["codes"]


def test_statement_of_the_past_is_history(shared: Place) -> None:
    """What was said before is recorded as it was said, whatever the record holds."""
    agency, technology = register(shared, "Dora")
    said = shared.json(
        *("statement", "make", "--denies", *agency, *technology, "--made", "2020-02-21"),
        *("--audience", "newspaper", "--quote", "We have never used it.", "--backfill"),
    )
    shown = shared.json("statement", "show", said["name"])
    assert {"date": "2020-02-21"} == shown["made"]
    assert "coverage" not in shown


def test_allegation_stands_beside_its_uses(shared: Place, tmp_path: Path) -> None:
    """From the allegation to its resolution, with the uses its scope holds."""
    agency, technology = register(shared, "Eve")
    export = tmp_path / "export.csv"
    export.write_bytes(sample_export(20))
    shared.candour("import", "flock", export, *agency, *technology)
    make = ("allegation", "make", "--by", "Citizens' Council", *agency, *technology)
    shared.candour(*make, "--particulars", "what Jane saw", "--name", "a-1")
    shared.candour("allegation", "evidence", "a-1", "--sha256", "ab" * 32)
    shared.candour("allegation", "answer", "a-1", "denies", "--words", "We did not.")
    shared.candour("allegation", "resolve", "a-1", "upheld", "--by", "Commissioner")

    shown = shared.json("allegation", "show", "a-1")
    assert ("resolved", {"count": 20, "possible": 0}.items()) <= (
        shown["state"],
        shown["uses"].items(),
    )
    assert 20 == len(shared.json("uses", "list", "--filter", shown["uses"]["filter"]))
    assert "Jane" not in json.dumps(shown)
    again = shared.candour("allegation", "answer", "a-1", "confirms", exit_code=1)
    assert "allegations/a-1 is resolved." in again.err


def test_chain_of_a_use(shared: Place, tmp_path: Path) -> None:
    """What it said first, what it says now, and each change with its code, nothing edited."""
    agency, technology = register(shared, "Fay")
    export = tmp_path / "export.csv"
    export.write_bytes(sample_export(5))
    shared.candour("import", "flock", export, *agency, *technology)
    use, *_ = shared.json("uses", "list", *agency, "--limit", 1)
    amend = ("uses", "amend", use["name"], "--reason", "typed wrong", "--code", "typo")
    shared.candour(*amend, "--set", "unit=Fraud", "--set", "objects=2+", "--technology", "PW Two")
    shared.candour("uses", "outcome", use["name"], "lead", "--verified", "--verifier", "Jane Roe")
    flow = ("uses", "flows", use["name"], "--recipient", "Sightline", "--processing", "US")
    shared.candour(*flow, "--permission", "none")
    shared.candour("uses", "link", use["name"], "W 1")
    shared.candour("uses", "withdraw", use["name"], "--reason", "twice", "--code", "double")

    found = shared.json("history", use["name"])
    assert "technologies/fay-view" == found["first"]["technology"]
    assert "unit" not in found["first"] or found["first"]["unit"] != "Fraud"
    now = found["now"]
    assert ("technologies/pw-two", "Fraud", {"at_least": 2}) == (
        now["technology"],
        now["unit"],
        now["objects"],
    )
    assert ("lead", ["authorizations/w-1"], "withdrawn") == (
        now["outcome"],
        now["authorizations"],
        now["state"],
    )
    assert "US" == now["data_flows"][-1]["processing_country"]
    assert ["typo", None, None, None, "double"] == [item["code"] for item in found["changes"]]
    assert "Jane" not in json.dumps(found)
    table = shared.candour("history", use["name"]).out
    assert "typo" in table
    refused = shared.candour(*amend, "--set", "colour=red", exit_code=2)
    assert "One of technology_version, capability" in refused.err


def test_file_is_recorded_once_and_comes_back(shared: Place, tmp_path: Path) -> None:
    """A whole record from one TOML file; again adds nothing; its history records elsewhere."""
    path = tmp_path / "record.toml"
    path.write_text(FILE)
    checked = shared.json("record", path, "--check")
    first = shared.json("record", path)
    again = shared.json("record", path)
    assert (10, None) == (checked["would_be_recorded"], checked["tree_size"])
    assert (0, 10, None) == (again["recorded"], again["said_before"], again["tree_size"])
    assert (10, 0, []) == (first["recorded"], first["said_before"], first["refusals"])
    assert {"": "registered", "agencies/gil-pd": "registered"} == state(
        shared, "technologies/gil-view"
    )
    facts = [
        fact
        for name in ("technologies/gil-view", "approvals/gil-jane", "allegations/gil-1")
        for fact in shared.json("history", name, "--full")["facts"]
    ]
    text = json.dumps(facts)
    for own in ("gil-view", "gil-jane", "gil-1"):  # once more, of things of other names
        text = text.replace(f"/{own}", f"/other-{own}")
    copy = tmp_path / "copy.json"
    copy.write_text(text)
    assert len(facts) == shared.json("record", copy)["recorded"]
    there: list[Any] = shared.json("history", "technologies/other-gil-view", "--full")["facts"]
    here: list[Any] = shared.json("history", "technologies/gil-view", "--full")["facts"]
    assert [f["topic"] for f in here] == [f["topic"] for f in there]
    assert ["backfill"] * 2 == [facts[1]["capture"], there[1]["capture"]]
    [first, second] = [
        shared.json("history", f"approvals/{own}", "--full")["facts"][0]["protected"]
        for own in ("gil-jane", "other-gil-jane")
    ]
    assert first == second  # the same pseudonym

    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps([{"topic": "technology.resumed", "event": {"technology": 1}}]))
    ran = shared.candour("record", broken, "--format", "json", exit_code=1)
    assert [(0, "technology")] == [(row["place"], row["field"]) for row in ran.json["refusals"]]
    assert 0 == shared.candour("audit").exit_code


def test_packs_are_activated_for_an_agency(shared: Place) -> None:
    """An activation names the shipped bytes; what was active at a size is asked by that size."""
    agency, _technology = register(shared, "Hal")
    assert [("base", None)] == [(p["name"], p["since"]) for p in shared.json("rules", "active")]
    shared.candour("rules", "activate", "ca-ns", *agency)
    activated = shared.json("rules", "activate", "us-ca-alpr@1")
    assert ["base", "ca-ns", "us-ca-alpr"] == [p["name"] for p in shared.json("rules", "active")]
    shared.candour("rules", "deactivate", "us-ca-alpr", "--code", "elsewhere")
    assert ["base", "ca-ns"] == [p["name"] for p in shared.json("rules", "active", *agency)]
    before = shared.json("rules", "active", "--as-of", activated["leaf_index"] + 1)
    assert "us-ca-alpr" in [p["name"] for p in before]
    refused = shared.candour("rules", "deactivate", "us-ca-alpr", exit_code=1)
    assert "rulePacks/us-ca-alpr is inactive. What can be told of it now: activated." in refused.err


def test_the_rest_of_the_register(shared: Place) -> None:
    """Mandates, proceedings, holds, approvals, nil returns and gaps begin and end by commands."""
    agency, technology = register(shared, "Ida")
    shared.candour("mandates", "grant", "m-1", "--body", "OIPC", *agency, "--basis", "FOIPOP 131")
    opened = ("proceedings", "open", "p-1", "--body", "OIPC", "--kind", "investigation", *agency)
    shared.candour(*opened, "--on", "2020-03-01")
    shared.candour("holds", "set", "h-1", "--body", "OIPC", *technology, "--proceeding", "p-1")
    approved = ("approvals", "add", "officer-7", *agency, *technology, "--name", "ap-1")
    shared.candour(*approved, "--from", "2025-01-01")
    shared.candour("sources", "expect", "Ida Portal", "--every", "24h")
    shared.candour("sources", "gap", "Ida Portal", "--from", "2025-01-01", "--to", "2025-01-02")
    nil = ("sources", "nil-return", *agency, "--from", "2025-01-01", "--to", "2025-03-31")
    shared.candour(*nil, *technology, "--by", "Sgt Roe", "--role", "unit head")
    places = (("mandates", "granted"), ("proceedings", "open"), ("holds", "set"))
    assert [[found] for _, found in places] == [
        [item["state"] for item in shared.json(group, "list")] for group, _ in places
    ]
    assert "officer-7" not in json.dumps(shared.json("approvals", "list"))
    for end in (
        ("mandates", "end", "m-1"),
        ("proceedings", "close", "p-1", "--outcome", "report"),
        ("holds", "lift", "h-1"),
        ("approvals", "end", "ap-1", "--code", "left"),
    ):
        shared.candour(*end)
        assert "Nothing more can be told of it." in shared.candour(*end, exit_code=1).err
    assert 86_400 == shared.json("history", "sources/ida-portal")["facts"][1]["event"]["every_s"]


FILE = """
[[facts]]
topic = "agency.registered"
event = { agency = "agencies/gil-pd", name = "Gil PD", country = "CA" }
[[facts]]
topic = "technology.registered"
event = { technology = "technologies/gil-view", name = "Gil View", vendor = "Sightline" }
[[facts]]
topic = "technology.trial_started.v1"
capture = "backfill"
event = { technology = "technologies/gil-view", agency = "agencies/gil-pd", effective = 2020-01-15 }
[[facts]]
topic = "technology.suspended"
event = { technology = "technologies/gil-view", agency = "agencies/gil-pd", effective = 2020-02-28T15:00:00Z }
[[facts]]
topic = "technology.resumed"
event = { technology = "technologies/gil-view", agency = "agencies/gil-pd", effective = "../2020-03-01" }
[[facts]]
topic = "technology.trial_ended"
event = { technology = "technologies/gil-view", agency = "agencies/gil-pd" }
[[facts]]
topic = "technology.aliased"
event = { technology = "technologies/gil-view", alias = "technologies/gil-fv" }
[[facts]]
topic = "performer.approved"
performer = { user_id = "jane", name = "Jane Roe" }
event = { approval = "approvals/gil-jane", agency = "agencies/gil-pd", valid = "2020-01-01/.." }
[[facts]]
topic = "allegation.made"
protected = { particulars = "what Jane saw" }
event = { allegation = "allegations/gil-1", made_by = "person", scope = { agency = "agencies/gil-pd" } }
[[facts]]
topic = "allegation.resolved"
event = { allegation = "allegations/gil-1", resolution = "upheld" }
"""
