"""Where did data go, and what happened there? Borders, and incidents at a vendor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.events import AgencyRegistered, TechnologyRegistered, VendorIncidentReported
from ledger.events.vendors import INCIDENT_KINDS
from ledger.projections.registers import Registers, Told
from ledger.rules.countries import COUNTRIES
from ledger.rules.judgement import (
    NEVER,
    Judgement,
    all_of,
    any_of,
    not_,
    resting_on,
    says,
    says_any,
    until,
)
from ledger.rules.kinds import Context, Parameter, Parameters, UsePredicate
from ledger.rules.moments import Span, effective
from ledger.rules.technology_facts import of_agency, of_technology, technologies


def _cross_border(
    registers: Registers, given: Parameters, context: Context, field: str
) -> Judgement:
    """Uses with a flow to another country, by the countries that `field` holds.

    Home is `home`, or else the country that the agency was registered with; of an agency without
    one, every country may be abroad.
    """
    if given["home"]:
        return _abroad(given["home"], field)
    told = [
        (name, fact.country, told.leaf_index)
        for name, told, fact in registers.told("agency", AgencyRegistered)
        if context.concerns(name)
    ]
    found = []
    for country in dict.fromkeys(country for _, country, _ in told):
        inside = [name for name, home, _ in told if home == country]
        outside = [name for name, home, _ in told if home != country]
        # Every agency that has uses is registered, so the shorter list says the same.
        shorter = len(inside) <= len(outside)
        theirs = says_any("agency", inside) if shorter else not_(says_any("agency", outside))
        left = all_of((theirs, _abroad((country,) if country else (), field)))
        found.append(left if country else Judgement(NEVER.certain, left.possible))
    rests_on = any_of(found)
    for name, _country, leaf_index in told:
        rests_on = resting_on(rests_on, of_agency(name), (leaf_index,))
    return rests_on


def cross_border_without_permission(
    registers: Registers, given: Parameters, context: Context
) -> Judgement:
    """Uses with a flow to another country that names no permission."""
    return _cross_border(registers, given, context, "unpermitted_country")


def data_abroad(registers: Registers, given: Parameters, context: Context) -> Judgement:
    """Uses with a flow to another country, permitted or not."""
    return _cross_border(registers, given, context, "flow_country")


def _abroad(home: tuple[str, ...], field: str) -> Judgement:
    """A flow to any known country but home; or flows, none of which says home."""
    somewhere = not_(says(field, None))
    elsewhere = says_any(field, (code for code in COUNTRIES if code not in home))
    return any_of((elsewhere, all_of((somewhere, not_(says_any(field, home))))))


def exposed_to_incident(registers: Registers, given: Parameters, context: Context) -> Judgement:
    """Uses of a vendor's technology before an incident there.

    Certain before the earliest moment it can have happened, possible until the latest; who became
    aware of it says no more than that it had happened by then.
    """
    found = []
    for _name, told, fact in registers.told("incident", VendorIncidentReported):
        if fact.kind in given["kinds"]:
            names = list(_technologies(registers, fact))
            before = until(_happened(told, fact))
            exposed = all_of((any_of(map(of_technology, names)), before))
            found.append(resting_on(exposed, exposed, (told.leaf_index,)))
    return any_of(found)


def _technologies(registers: Registers, fact: VendorIncidentReported) -> Iterator[str]:
    """Those it names; where it names none, all of its vendor's."""
    if fact.technologies:
        yield from dict.fromkeys(map(registers.aliases.head, fact.technologies))
        return
    vendor = fact.vendor.casefold()
    for name in technologies(registers):
        for told in registers.of_technology(name):
            known = told.fact.vendor if isinstance(told.fact, TechnologyRegistered) else None
            if known is not None and known.casefold() == vendor:
                yield name
                break


def _happened(told: Told, fact: VendorIncidentReported) -> Span:
    first, last = effective(fact.occurred, told.recorded_us)
    if fact.became_aware is not None:
        last = min(last, effective(fact.became_aware, told.recorded_us)[1])
    return first, max(first, last)


PREDICATES: Final = (
    UsePredicate(
        "cross_border_without_permission",
        "data went to another country, and no permission is named",
        {"home": Parameter("texts", (), COUNTRIES)},
        cross_border_without_permission,
    ),
    UsePredicate(
        "data_abroad",
        "data went to another country, by permission or not",
        {"home": Parameter("texts", (), COUNTRIES)},
        data_abroad,
    ),
    UsePredicate(
        "exposed_to_incident",
        "a use of a vendor's technology before an incident at the vendor",
        {"kinds": Parameter("texts", ("breach",), INCIDENT_KINDS)},
        exposed_to_incident,
    ),
)
