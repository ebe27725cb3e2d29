"""What did the record show, in words? One screen a variant, for whoever has to decide.

Case ──lines──► what was asked, what the record says, which file proves it
     ──to_object──► the same as JSON, with the verdicts' codes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.cli.scenarios.evidence import RULES, Case, Proven

_VERDICTS: Final = {
    "contradicted_by_known": "the record held the use when they spoke",
    "contradicted_later": "the record held it only afterwards",
    "contradicted_by_other_observer": "another's log holds it, the record never did",
    "order_unknown": "whether the record held it then cannot be told",
    "supported": "nothing in the record speaks against it",
    "not_provable": "too little was reported to say",
}
_HOUR_S: Final = 3_600


@dataclass(frozen=True, slots=True)
class Line:
    """One question, its answer in a sentence, and the evidence."""

    asked: str
    said: str
    proven: Proven

    def to_row(self) -> dict[str, str]:
        return {"asked": self.asked, "said": self.said, "bundle": self.proven.bundle.name}


def lines(case: Case) -> list[Line]:
    """All that is asked of a variant, in the order in which a person wants to know."""
    return list(_lines(case))


def _lines(case: Case) -> Iterator[Line]:
    denial, answers, day = case.denial, case.answers, case.scenario.day
    yield Line(f"the denial of {day}", verdict_in_words(case), denial.proven)
    yield Line("is that certain", _certain(case), denial.proven)
    yield Line("lag", _lag(case), denial.proven)
    told: tuple[tuple[str, str, Callable[[Case, Mapping[str, Any]], str]], ...] = (
        (f"known on {day}", "known-then", _known_then),
        ('a "no" on that day', "coverage-then", _coverage_then),
        ("left the country", "cross-border", _cross_border),
        ("trial without approval", "trial", _trial),
        ("vendor's breach", "breach", _breach),
        ("use after suspension", "after-suspension", _after_suspension),
        ("vendor's log", "vendor-log", _vendor_log),
    )
    for asked, name, say in told:
        if name in answers:
            yield Line(asked, say(case, answers[name].answer), answers[name])


def to_object(case: Case) -> dict[str, Any]:
    """The variant as JSON: the codes of every verdict and finding, and where the evidence is."""
    found = case.answers[RULES]
    return {
        "variant": case.variant,
        "statements": [
            {
                "id": one.id,
                "made_at": one.made_at,
                "polarity": one.polarity,
                "verdicts": list(one.judged["codes"]),
                "lag_s": one.judged.get("lag_s"),
                "bundle": str(one.proven.bundle),
            }
            for one in case.statements
        ],
        "findings": [
            {**finding, "bundle": str(found.bundle)} for finding in found.answer["findings"]
        ],
    }


def verdict_in_words(case: Case) -> str:
    """The codes of the denial, and what they mean."""
    return "; ".join(f"{code}: {_VERDICTS[code]}" for code in case.denial.judged["codes"])


def _certain(case: Case) -> str:
    if all(verdict["certain"] for verdict in case.denial.judged["verdicts"]):
        return "yes"
    return 'no: "very recently" may mean after the words'


def lag_in_words(lag_s: int | None) -> str:
    """`at least 6 days 3 hours`, or "" where there is none."""
    if lag_s is None:
        return ""
    days, hours = divmod(lag_s // _HOUR_S, 24)
    parts = [f"{days} days"] if days else []
    return f"at least {' '.join([*parts, f'{hours} hours'])}"


def _lag(case: Case) -> str:
    judged = case.denial.judged
    lag = lag_in_words(judged.get("lag_s"))
    if lag:
        captures = {verdict.get("capture") for verdict in judged["verdicts"]} - {None}
        return f"{lag}, {' or '.join(sorted(captures))}"
    if "contradicted_by_known" in judged["codes"]:
        return "none: it was there before them"
    return "none: it was never reported here"


def _known_then(case: Case, answer: Mapping[str, Any]) -> str:
    of = f"of the {case.then_size} entries that there were"
    if answer["value"] == "no":
        return f"nothing: no use in any {of}"
    return f"{_uses(answer)}, in entry {answer['uses'][0]['leaf_index']} {of}"


def _coverage_then(_case: Case, answer: Mapping[str, Any]) -> str:
    heard, silent = answer["coverage"]["heard"], answer["coverage"]["silent"]
    sources = f"{len(heard)} of {len(heard) + len(silent)} sources had ever been heard"
    return f"little: {sources}" if answer["value"] == "thin" else f"{answer['value']}: {sources}"


def _cross_border(case: Case, answer: Mapping[str, Any]) -> str:
    if not answer["flows"]:
        return "not known here: the ledger has no use; it is alleged (F04)"
    said = [
        f"{flow.get('category', 'data')} to {flow.get('recipient', 'somebody')},"
        f" {flow.get('processing_country', 'somewhere')};"
        f" {flow.get('permission', 'no permission is named')}"
        for flow in answer["flows"]
    ]
    return f"{'; '.join(said)}. Alleged (F04); the country is assumed"


def _trial(_case: Case, answer: Mapping[str, Any]) -> str:
    if answer["value"] == "no":
        return "no use is recorded; the trial is"
    return f"{answer['value']}: {_uses(answer)} on a free trial, and no approval is recorded"


def _breach(case: Case, answer: Mapping[str, Any]) -> str:
    if answer["value"] == "no":
        return "no use is recorded; the breach is"
    return f"{answer['value']}: {_uses(answer)}; on which day the breach was, nobody says"


def _after_suspension(_case: Case, answer: Mapping[str, Any]) -> str:
    if answer["value"] != "no":
        return f"{answer['value']}: {_uses(answer)}"
    return "none that is recorded" if answer["coverage"]["thin"] else "none"


def _vendor_log(_case: Case, answer: Mapping[str, Any]) -> str:
    if answer["value"] != "no":
        return str(answer["value"])
    count = sum(kinds["missing_here"]["open"] for kinds in answer["observers"].values())
    return f"no: it has {count} use{'' if count == 1 else 's'} that was never reported here"


def findings_in_words(case: Case) -> str:
    """The gravest by their codes, `?` where it is only possible; how many more there are."""
    found = case.answers[RULES].answer["findings"]
    grave = [one for one in found if one["severity"] == "high"]
    codes = [one["code"] + ("" if one["certain"] else "?") for one in grave]
    more = len(found) - len(grave)
    return ", ".join(dict.fromkeys(codes)) + (f", and {more} less grave" if more else "")


def _uses(answer: Mapping[str, Any]) -> str:
    count = answer["count"] + answer["possible"]
    return f"{count} use{'' if count == 1 else 's'}"
