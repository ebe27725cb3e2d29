"""OCSF 1.4 datastore_activity (6005) as JSON lines, with a profile of our own: `legal_authority`.

UseRecord ──event_of──► {"class_uid": 6005, "actor", "database", …, "legal_authority": {…}}

A schema made for logs demands a time, an actor and an endpoint of every event, and a record that
does not know them says so in the places OCSF has for that; nothing is made up (ADR 0025).

Source: https://schema.ocsf.io/1.4.0/classes/datastore_activity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ledger.exports.about import About
from ledger.exports.json_ld import known
from ledger.exports.records import UseRecord
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST
from ledger.rules.verdicts import Verdict

FORMAT: Final = "OCSF 1.4.0 datastore_activity (6005)"
VERSION: Final = "1.4.0"
# 999 is what OCSF keeps for extensions that are not registered with it.
EXTENSION: Final = {"name": "candour", "uid": "999", "version": "1.0.0"}
PROFILE: Final = "candour/legal_authority"
CLASS_UID: Final = 6005
QUERY: Final = 4  # activity_id; type_uid is class_uid * 100 + activity_id
_NOT_KNOWN: Final = "not known"


def write_ocsf(about: About, uses: Iterable[UseRecord]) -> Iterator[str]:
    """One event a line."""
    for use in uses:
        yield json.dumps(event_of(about, use), ensure_ascii=False, separators=(",", ":")) + "\n"


def event_of(about: About, use: UseRecord) -> dict[str, Any]:
    """One use as an event; times are milliseconds from 1970, as OCSF has them."""
    row, said = use.row, use.said
    time_ms, known_as = _time(use)
    return known(
        {
            "activity_id": QUERY,
            "activity_name": "Query",
            "category_uid": 6,
            "category_name": "Application Activity",
            "class_uid": CLASS_UID,
            "class_name": "Datastore Activity",
            "type_uid": CLASS_UID * 100 + QUERY,
            "type_name": "Datastore Activity: Query",
            "severity_id": 1,
            "severity": "Informational",
            "time": time_ms,
            "start_time": None if row.earliest_us == OPEN_EARLIEST else row.earliest_us // 1_000,
            "end_time": None if row.latest_us == OPEN_LATEST else row.latest_us // 1_000,
            "metadata": _metadata(about, use),
            "actor": {"user": _user(about, use)},
            "src_endpoint": _endpoint(about, use),
            "type_id": 1,
            "type": "Database",
            "database": _database(about, use),
            "legal_authority": _authority(about, use),
            "unmapped": known(
                {
                    "time_known_as": known_as,
                    "occurred": None if said.occurred is None else said.occurred.to_object(),
                    "technology": row.technology,
                    "technology_version": said.technology_version,
                    "purpose": row.purpose,
                    "offence_class": row.offence_class,
                    "capability": row.capability,
                    "acquisition": row.acquisition,
                    "trigger": row.trigger,
                    "object_category": row.object_category,
                    "outcome": row.outcome,
                    "data_flows": use.flows(),
                    "amendments": row.amendments or None,
                    "disclosed": dict(use.disclosed) or None,
                }
            ),
        }
    )


def _time(use: UseRecord) -> tuple[int, str]:
    """The moment, or else the last one at which it can have taken place, and which it is."""
    if use.moment is not None:
        return use.row.latest_us // 1_000, "exact"
    if use.row.latest_us != OPEN_LATEST:
        return use.row.latest_us // 1_000, "latest_possible"
    return use.row.recorded_us // 1_000, "recorded_at"


def _metadata(about: About, use: UseRecord) -> dict[str, Any]:
    return {
        "version": VERSION,
        "product": {"name": "Candour", "vendor_name": "Candour", "uid": about.origin},
        "profiles": [PROFILE],
        "extensions": [EXTENSION],
        "uid": use.name,
        "sequence": use.row.first,
        "log_name": about.origin,
        "logged_time": use.row.recorded_us // 1_000,
        "original_time": use.report.entry.recorded_at,
    }


def _user(about: About, use: UseRecord) -> dict[str, Any]:
    row = use.row
    organization = known({"uid": row.agency, "name": about.title(row.agency), "ou_name": row.unit})
    if row.performer is None:
        return {"name": _NOT_KNOWN, "type_id": 0, "type": "Unknown", "org": organization}
    return {"uid": row.performer, "type_id": 99, "type": "Pseudonym", "org": organization}


def _endpoint(about: About, use: UseRecord) -> dict[str, Any]:
    """The reporting system: the record holds no address of a machine."""
    source = use.row.source
    if source is None:
        return {"name": _NOT_KNOWN}
    return known({"uid": source, "name": about.title(source)})


def _database(about: About, use: UseRecord) -> dict[str, Any]:
    """The reference database, or else the technology that was asked."""
    row = use.row
    kind = {"type_id": 99 if row.reference_database or row.technology else 0}
    if row.reference_database is not None:
        return {"name": row.reference_database, **kind}
    if row.technology is not None:
        return known({"uid": row.technology, "name": about.title(row.technology), **kind})
    return {"name": _NOT_KNOWN, **kind}


def _authority(about: About, use: UseRecord) -> dict[str, Any]:
    """The profile: under what authority, by whose word, and where it can be checked."""
    return known(
        {
            "verdict": use.authority.code,
            "authorizations": [_cited(about, found) for found in use.verdicts],
            "urgency_used": use.said.urgency_used,
            "on_behalf_of": use.row.agency,
            "certain": use.certain,
            "as_of": about.tree_size,
            "completeness": "not_proven",
            "log_origin": about.origin,
            "leaf_index": use.row.first,
            "leaf_hash": use.report.leaf_hash.hex(),
            "entries": [
                {"leaf_index": line.leaf_index, "leaf_hash": line.leaf_hash.hex()}
                for line in use.lines
            ],
        }
    )


def _cited(about: About, found: Verdict) -> dict[str, Any]:
    name = found.authorization or ""
    grant = about.authorization(name)
    return known(
        {
            "uid": name,
            "identifier": None if grant is None else grant.identifier,
            "kind": None if grant is None else grant.kind,
            "verdict": found.code,
            "lag_s": None if found.lag_us is None else found.lag_us // 1_000_000,
            "basis": list(found.leaves),
        }
    )
