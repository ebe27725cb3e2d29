"""How do register entries cross the wire? Agency, Technology, Source, Authorization and facts.

Reading checks: what is read here may be committed. `display_name` on the wire is `name` in a
fact, since on the wire `name` is the resource's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from ledger.canonical_json import JsonValue
from ledger.domain.checks import check_text
from ledger.errors import Malformed
from ledger.events import (
    AgencyRegistered,
    AuthorizationGranted,
    SourceRegistered,
    TechnologyRegistered,
)
from ledger.events.register import AUTHORIZATION_KINDS
from ledger.limits import MAX_CODE_CHARS, MAX_NAME_CHARS, MAX_SCOPE_ITEMS
from ledger.streams import check_id
from ledger.times import us_of_text
from services.pb.candour.v1 import registry_pb2 as pb
from services.runtime.value_messages import (
    choices,
    chosen,
    number_of,
    read_interval,
    read_time,
    write_interval,
    write_time,
)

_KIND: Final = choices(AUTHORIZATION_KINDS)
_COUNTRY: Final = re.compile(r"[A-Z]{2}")


def read_agency(message: pb.Agency) -> AgencyRegistered:
    """Raises Malformed."""
    country = message.country or None
    if country is not None and not _COUNTRY.fullmatch(country):
        raise Malformed("agency.country", "must be two capital letters (ISO 3166-1)")
    return AgencyRegistered(
        agency=check_id(message.name, "agencies", field="agency.name"),
        name=check_text(message.display_name, "agency.display_name", MAX_NAME_CHARS),
        country=country,
    )


def agency_message(fact: AgencyRegistered) -> pb.Agency:
    return pb.Agency(name=fact.agency, display_name=fact.name, country=fact.country or "")


def read_technology(message: pb.Technology) -> TechnologyRegistered:
    """Raises Malformed."""
    return TechnologyRegistered(
        technology=check_id(message.name, "technologies", field="technology.name"),
        name=check_text(message.display_name, "technology.display_name", MAX_NAME_CHARS),
        vendor=_optional(message.vendor, "technology.vendor", MAX_NAME_CHARS),
        category=_optional(message.category, "technology.category", MAX_CODE_CHARS),
    )


def technology_message(fact: TechnologyRegistered) -> pb.Technology:
    return pb.Technology(
        name=fact.technology,
        display_name=fact.name,
        vendor=fact.vendor or "",
        category=fact.category or "",
    )


def read_source(message: pb.Source) -> SourceRegistered:
    """Raises Malformed."""
    agency, technology = message.agency or None, message.technology or None
    if agency is not None:
        check_id(agency, "agencies", field="source.agency")
    if technology is not None:
        check_id(technology, "technologies", field="source.technology")
    return SourceRegistered(
        source=check_id(message.name, "sources", field="source.name"),
        name=check_text(message.display_name, "source.display_name", MAX_NAME_CHARS),
        agency=agency,
        technology=technology,
    )


def source_message(fact: SourceRegistered) -> pb.Source:
    return pb.Source(
        name=fact.source,
        display_name=fact.name,
        agency=fact.agency or "",
        technology=fact.technology or "",
    )


def read_authorization(
    message: pb.Authorization,
) -> tuple[AuthorizationGranted, dict[str, JsonValue]]:
    """The fact, and what of it is protected. Raises Malformed."""
    where = "authorization"
    kind = chosen(message.kind, _KIND, f"{where}.kind")
    if kind is None:
        raise Malformed(f"{where}.kind", "must be set")
    if not message.HasField("valid"):
        raise Malformed(f"{where}.valid", "must be set; an unset end of it is open")
    valid = read_interval(message.valid, f"{where}.valid")
    ends = (valid.earliest, valid.latest)
    if None not in ends and us_of_text(str(ends[1])) < us_of_text(str(ends[0])):
        raise Malformed(f"{where}.valid.latest", "lies before valid.earliest")
    technologies = _bounded(message.technologies, f"{where}.technologies")
    for name in technologies:
        check_id(name, "technologies", field=f"{where}.technologies")
    granted = message.HasField("granted_at")
    fact = AuthorizationGranted(
        authorization=check_id(message.name, "authorizations", field=f"{where}.name"),
        agency=check_id(message.agency, "agencies", field=f"{where}.agency"),
        kind=kind,
        valid=valid,
        identifier=_optional(message.identifier, f"{where}.identifier", MAX_NAME_CHARS),
        granted_at=read_time(message.granted_at, f"{where}.granted_at") if granted else None,
        granting_rank=_optional(message.granting_rank, f"{where}.granting_rank", MAX_CODE_CHARS),
        instrument=_optional(message.instrument, f"{where}.instrument", MAX_NAME_CHARS),
        instrument_version=_optional(
            message.instrument_version, f"{where}.instrument_version", MAX_CODE_CHARS
        ),
        urgency_used=message.urgency_used if message.HasField("urgency_used") else None,
        technologies=technologies,
        units=_codes(message.units, f"{where}.units"),
        offence_classes=_codes(message.offence_classes, f"{where}.offence_classes"),
    )
    officer = _optional(message.granting_officer, f"{where}.granting_officer", MAX_NAME_CHARS)
    return fact, {} if officer is None else {"granting_officer": officer}


def authorization_message(
    fact: AuthorizationGranted, *, granting_officer: str | None = None
) -> pb.Authorization:
    """The message of a fact, with the protected officer only where the caller shows one."""
    members: dict[str, Any] = {
        "name": fact.authorization,
        "agency": fact.agency,
        "kind": number_of(fact.kind, _KIND),
        "valid": write_interval(fact.valid),
        "identifier": fact.identifier,
        "granted_at": write_time(fact.granted_at),
        "granting_officer": granting_officer,
        "granting_rank": fact.granting_rank,
        "instrument": fact.instrument,
        "instrument_version": fact.instrument_version,
        "urgency_used": fact.urgency_used,
        "technologies": fact.technologies,
        "units": fact.units,
        "offence_classes": fact.offence_classes,
    }
    return pb.Authorization(**members)


def _optional(text: str, field: str, max_chars: int) -> str | None:
    return check_text(text, field, max_chars) if text else None


def _bounded(items: Iterable[str], field: str) -> tuple[str, ...]:
    found = tuple(items)
    if len(found) > MAX_SCOPE_ITEMS:
        raise Malformed(field, f"more than {MAX_SCOPE_ITEMS}")
    return found


def _codes(items: Iterable[str], field: str) -> tuple[str, ...]:
    found = _bounded(items, field)
    for code in found:
        check_text(code, field, MAX_CODE_CHARS)
    return found
