"""What do the flags ask? One filter, and the state of knowledge it is asked of.

--agency … --from … --filter … ──filter_of──► agency = "agencies/…" AND occurred >= "…" AND …
--as-of 41 | 2020-02-21        ──as_of──► AsOf
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger import filters
from ledger.errors import Malformed
from ledger.filters import And, Compare, Expr, Value
from ledger.projections.questions import SCHEMA
from ledger.times import DAY_US, MAX_US, text_of_us, us_of_date, us_of_text
from services.cli.options import Wanted

if TYPE_CHECKING:
    from services.cli.names import Names
    from services.pb.candour.v1.common_pb2 import AsOf

_DATE_CHARS: Final = len("2020-02-21")
NONE: Final = "none"


def filter_of(wanted: Wanted, names: Names) -> str:
    """The filter that the flags ask for; "" where they ask for every use.

    Raises:
        Malformed: A time, a name or the raw filter cannot be read; `field` is the flag.
    """
    raw = _checked(wanted.filter)  # before a server is asked what a name stands for
    window = _window(wanted.since, wanted.until)
    parts: list[Expr] = [
        *_named("technology", wanted.technology, "technologies", names),
        *_named("agency", wanted.agency, "agencies", names),
        *_authorization(wanted.authorization, names),
        *_named("source", wanted.source, "sources", names),
        *_equal("performer", wanted.performer),
        *_equal("case_number", wanted.case),
        *window,
        *raw,
    ]
    return filters.format(And(tuple(parts)) if len(parts) != 1 else parts[0])


def _named(field: str, given: str | None, collection: str, names: Names) -> list[Expr]:
    return [] if given is None else _equal(field, names.find(collection, given).name)


def _authorization(given: str | None, names: Names) -> list[Expr]:
    if given == NONE:
        return [Compare("authorization", "=", Value(NONE, quoted=False))]
    return _named("authorization", given, "authorizations", names)


def _equal(field: str, text: str | None) -> list[Expr]:
    return [] if text is None else [Compare(field, "=", Value(text))]


def _window(since: str | None, until: str | None) -> list[Expr]:
    parts: list[Expr] = []
    if since is not None:
        us_of(since, "--from")
        parts.append(Compare("occurred", ">=", Value(since)))
    if until is not None:
        last_us = us_of(until, "--to", at_end=True)
        if since is not None and last_us < us_of(since, "--from"):
            raise Malformed("--to", "lies before --from")
        parts.append(Compare("occurred", "<=", Value(until)))  # of a date its whole day
    return parts


def _checked(raw: str | None) -> list[Expr]:
    try:
        expression = filters.parse(raw or "")
        filters.check(expression, SCHEMA)
    except Malformed as error:
        raise Malformed("--filter", error.reason) from None
    return [] if expression == And(()) else [expression]


def us_of(text: str, flag: str, *, at_end: bool = False) -> int:
    """Microseconds from 1970 of an RFC 3339 time, or of a UTC date's first or last moment.

    Raises:
        Malformed: It is neither.
    """
    if len(text) != _DATE_CHARS:
        return us_of_text(text, field=flag)
    return us_of_date(text, field=flag) + (DAY_US - 1 if at_end else 0)


def day_of(text: str, flag: str) -> None:
    """Raises Malformed unless `text` is a date, YYYY-MM-DD."""
    us_of_date(text, field=flag)


def time_of(text: str, flag: str, *, at_end: bool = False) -> str:
    """As us_of, as an RFC 3339 UTC text."""
    return text_of_us(us_of(text, flag, at_end=at_end))


def as_of(text: str | None, tree_size: int) -> AsOf:
    """The point that `--as-of` names; without it the head, at `tree_size`.

    A date is the whole of its day: the last checkpoint before the next one.

    Raises:
        Malformed: Neither a number, a date nor a time.
    """
    from services.pb.candour.v1.common_pb2 import AsOf
    from services.runtime.value_messages import write_time

    if text is None:
        return AsOf(tree_size=tree_size)
    if text.isascii() and text.isdigit():
        if len(text) > len(str(2**53)):
            raise Malformed("--as-of", "is larger than any tree")
        return AsOf(tree_size=int(text))
    if len(text) == _DATE_CHARS:
        before_us = min(us_of_date(text, field="--as-of") + DAY_US, MAX_US)
    else:
        before_us = us_of_text(text, field="--as-of")
    return AsOf(time=write_time(text_of_us(before_us)))
