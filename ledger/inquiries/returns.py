"""What does a statute want to know every year? Returns, with blanks where the record is silent.

form=piidpa     Nova Scotia: storage and access outside Canada, for the Minister     PIIDPA s. 5(3)
form=eu-26-10   use of post-remote biometric identification, for two authorities     AI Act Art. 26(10)

A return holds what the ledger holds. What it wants beside that stands in `blanks`, for people to
fill in: nothing is inferred, and an empty field is never a no.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ledger.events.values import DataFlow
from ledger.inquiries.asked import Asked
from ledger.inquiries.asker import Asker, JudgedUse
from ledger.inquiries.figures import Figure, figure, grouped, listed_object
from ledger.inquiries.finding import in_scope
from ledger.inquiries.report import Answered, annual_report, findings, months, report_of
from ledger.inquiries.report_parts import Section, first_uses, left_country, section
from ledger.limits import MAX_FIGURE_BASIS
from ledger.rules.active import ActivePack
from ledger.rules.compiling import scope_of
from ledger.rules.judgement import all_of, says
from ledger.rules.packs import pack_of
from ledger.rules.verdicts import CODES

_HOME: Final = "CA"
_FLOW: Final = ("category", "recipient")
_COUNTRIES: Final = ("processing_country", "storage_country", "access_country")
_EU_PACK: Final = ("eu-ai-act", "1")
_BLANKS_PIIDPA: Final = (
    (
        "the decision of the head of the public body, and its date",
        "s. 5(2): a flow names a permission at most",
    ),
    ("restrictions and conditions of the decision", "s. 5(2): not recorded"),
    (
        "the reasons: how it meets the necessary requirements of the public body's operation",
        "s. 5(3): not recorded; purposes of uses are codes",
    ),
    (
        "storage or access outside Canada that is no use of an investigative technology",
        "not reported to this ledger",
    ),
)
_BLANKS_EU: Final = (
    (
        "whether each use was a targeted search for a suspected or convicted person",
        "first subparagraph: not recorded",
    ),
    (
        "requests for authorisation that were rejected, and the data deleted then",
        "second subparagraph: not recorded",
    ),
    (
        "decisions with an adverse legal effect on a person based solely on the output",
        "third subparagraph: the record holds whether a person verified a result, as far as it was told",
    ),
    ("uses documented in a police file only", "not reported to this ledger"),
)


def reported(asker: Asker, asked: Asked) -> Answered:
    """Question 25, in the form that was asked for."""
    return FORMS[asked.text("form") or "annual"](asker, asked)


def piidpa(asker: Asker, asked: Asked) -> Answered:
    """What went outside Canada: what, to whom, where, for which purposes, by which permission."""
    abroad = left_country(asker, asked, "data_abroad", home=(_HOME,))
    without = left_country(asker, asked, "cross_border_without_permission", home=(_HOME,))
    uses, more = first_uses(asker, abroad)
    sections = [
        section(
            "In all",
            [
                figure(asker, "uses with storage, access or processing outside Canada", abroad),
                figure(asker, "of these, with a flow that names no permission", without),
            ],
        ),
        section(
            "Storage, access and processing outside Canada",
            list(_flows(uses)),
            columns=["technology", *_FLOW, *_COUNTRIES, "permission", "purposes"],
            **more,
        ),
    ]
    return report_of(
        asker,
        asked,
        "Return on storage and access outside Canada",
        abroad,
        sections,
        legal_reference="Personal Information International Disclosure Protection Act, S.N.S. 2006, c. 3, s. 5(3)",
        addressee="the Minister, within ninety days after the end of the year",
        blanks=_blanks(_BLANKS_PIIDPA),
    )


def _flows(uses: list[JudgedUse]) -> Iterator[Figure]:
    """One figure for each kind of flow that left the country, or may have: the uses that had one."""
    kinds: dict[tuple[str | None, ...], list[tuple[JudgedUse, bool]]] = {}
    for one in uses:
        left = {_key(one, flow): _left(flow) for flow in one.row.flows}
        for key, abroad in sorted(left.items(), key=repr):
            if abroad is not False:
                kinds.setdefault(key, []).append((one, one.certain and abroad is True))
    for number, (key, shown) in enumerate(sorted(kinds.items(), key=lambda item: repr(item[0])), 1):
        members = ("technology", *_FLOW, *_COUNTRIES, "permission")
        certain = sum(certain for _, certain in shown)
        columns: dict[str, Any] = {
            name: value for name, value in zip(members, key, strict=True) if value is not None
        }
        columns["purposes"] = sorted({one.row.purpose for one, _ in shown if one.row.purpose})
        first = sorted(shown, key=lambda pair: not pair[1])[:MAX_FIGURE_BASIS]
        yield {
            "key": f"flow {number}",
            "columns": columns,
            "count": certain,
            "possible": len(shown) - certain,
            **listed_object(first),
        }


def _key(one: JudgedUse, flow: DataFlow) -> tuple[str | None, ...]:
    members = (*_FLOW, *_COUNTRIES, "permission")
    return one.row.technology, *(getattr(flow, name) for name in members)


def _left(flow: DataFlow) -> bool | None:
    """Did it leave the country? None where it names no country: it may have."""
    named = {getattr(flow, name) for name in _COUNTRIES} - {None}
    return bool(named - {_HOME}) if named else None


def eu_26_10(asker: Asker, asked: Asked) -> Answered:
    """Uses of post-remote biometric identification, without operational data.

    A technology that the register puts in no category may be of that kind: its uses are possible.
    """
    pack = pack_of(*_EU_PACK)
    kind = scope_of(ActivePack(pack), asker.registers())
    scope, agency = all_of((in_scope(asker, asked), kind)), asked.text("agency") or ""
    sections: list[Section] = [
        section("In all", [figure(asker, "uses of post-remote biometric identification", scope)]),
        section(
            "Under what authorisation",
            [
                figure(
                    asker,
                    code,
                    all_of((scope, says("authority", code))),
                    grace_us=pack.grace_us,
                    label=_AUTHORITY.get(code, code.replace("_", " ")),
                )
                for code in CODES
            ],
        ),
        months(asker, asked, scope),
        grouped(asker, "By technology", scope, "technology"),
        grouped(asker, "By offence class", scope, "offence_class"),
        grouped(asker, "By outcome", scope, "outcome"),
        section(
            "Verified by a person",
            [
                figure(asker, key, all_of((scope, says("verified", value))), label=label)
                for key, value, label in _VERIFIED
            ],
        ),
        section("Findings", list(findings(asker, scope, agency, pack.name))),
    ]
    return report_of(
        asker,
        asked,
        "Annual report on post-remote biometric identification",
        scope,
        sections,
        legal_reference="Regulation (EU) 2024/1689, Art. 26(10), last subparagraph",
        addressee="the market surveillance authority and the national data protection authority",
        blanks=_blanks(_BLANKS_EU),
        notes=["a use that cites several authorizations counts under the verdict on each"],
    )


_AUTHORITY: Final = {
    "valid_before": "valid, and there before the use",
    "ratified_in_grace": "granted or linked within 48 hours after the use",
    "attached_late": "granted or linked later than that",
    "none": "none cited",
    "unknown": "cannot be told",
}
_VERIFIED: Final = (
    ("verified", "yes", "a person verified the result"),
    ("not verified", "no", "nobody verified the result"),
    ("not said", None, "the record does not say"),
)


def _blanks(blanks: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"item": item, "why": why} for item, why in blanks]


FORMS: Final = {"annual": annual_report, "piidpa": piidpa, "eu-26-10": eu_26_10}
