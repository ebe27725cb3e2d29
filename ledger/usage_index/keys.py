"""Under which keys does a use stand? 69 bytes each. (docs/usage-index.md, sections 1 and 2)

    family 1 byte | part of the first id 32 | part of the second id 32 | slot of the day 4

An id becomes its part, a hash of its own; what an entry does not name becomes NONE, so that
"no authority cited" is a thing that can be counted. The high bit of the family marks the
withdrawn side. Agency first: all of one agency in a family is one range of keys.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final
from unicodedata import normalize

from ledger.errors import Malformed
from ledger.events import Occurred
from ledger.limits import MAX_CACHED_PARTS
from ledger.times import DAY_US, MAX_US, MIN_US, text_of_us, us_of_date

KEY_BYTES: Final = 69
KEY_BITS: Final = 8 * KEY_BYTES
NONE: Final = sha256(b"CUX1N").digest()  # the part of what is not named
UNUSED: Final = bytes(32)  # the second part where a family has none
WITHDRAWN_BIT: Final = 0x80

FIRST_DAY: Final = MIN_US // DAY_US  # 0001-01-01
LAST_DAY: Final = MAX_US // DAY_US  # 9999-12-31
_DATED: Final = 0x80000000
_UNDATED_SLOT: Final = bytes(4)
_BELOW_US: Final = re.compile(r"\.\d{6}\d*[1-9]")


class Family(IntEnum):
    """What is counted together. This version keeps these six, and proves about no others."""

    AGENCY = 1
    TECHNOLOGY = 2
    AGENCY_TECHNOLOGY = 3
    AGENCY_AUTHORIZATION = 4
    AGENCY_PERFORMER = 5
    TECHNOLOGY_AGENCY = 6

    @property
    def text(self) -> str:
        """Its name in a question: `agency+technology`."""
        return self.name.lower().replace("_", "+")

    @property
    def has_second(self) -> bool:
        """False where the second part is always UNUSED."""
        return self not in (Family.AGENCY, Family.TECHNOLOGY)

    @classmethod
    def of_text(cls, text: object) -> Family:
        """The family of this name. Raises Malformed: a family nobody keeps proves only zeros."""
        for family in cls:
            if family.text == text:
                return family
        raise Malformed("family", "is not one that usage-index/1 keeps")


@lru_cache(maxsize=MAX_CACHED_PARTS)
def part(id_: str | None) -> bytes:
    """The 32 bytes that stand for an id: SHA-256 of "CUX1P" and its NFC form in UTF-8.

    Neither case nor white space is touched. None, what is not named, is NONE.

    Raises:
        Malformed: The id holds a lone surrogate, which no UTF-8 can.
    """
    if id_ is None:
        return NONE
    try:
        return sha256(b"CUX1P" + normalize("NFC", id_).encode("utf-8")).digest()
    except UnicodeEncodeError:
        raise Malformed("id", "is not a text that UTF-8 can hold") from None


@lru_cache(maxsize=4096)  # reports of one import, or of one morning, share a few days
def slot(day: int | None) -> bytes:
    """The 4 bytes of a day, counted from 1970-01-01; of None, an undated use.

    Raises:
        Malformed: The day's year lies outside 1..9999.
    """
    if day is None:
        return _UNDATED_SLOT
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Malformed("day", "the year must lie in 1..9999")
    return (_DATED + day).to_bytes(4, "big")


def key_of(
    family: Family,
    first: str | None,
    second: str | None,
    day: int | None,
    *,
    withdrawn: bool = False,
) -> bytes:
    """The key of one register.

    Args:
        first, second: Ids; None where the use does not name one, and for `second` also
            where the family has none.
        day: Days from 1970-01-01; None for undated uses.
        withdrawn: The withdrawn side.
    Raises:
        Malformed: A second id in a family without one, or what `part` and `slot` refuse.
    """
    side = WITHDRAWN_BIT if withdrawn else 0
    return bytes((family | side,)) + part(first) + second_part(family, second) + slot(day)


def second_part(family: Family, second: str | None) -> bytes:
    """The second part of a family's keys. Raises Malformed where it should be absent."""
    if family.has_second:
        return part(second)
    if second is not None:
        raise Malformed("second", f"has no place in family {family.text}")
    return UNUSED


def withdrawn_side(key: bytes) -> bytes:
    """The key of the withdrawn side, of a key of the placed side."""
    return bytes((key[0] | WITHDRAWN_BIT,)) + key[1:]


def is_withdrawn_side(key: bytes) -> bool:
    """True where the register holds what left a key, not what entered it."""
    return key[0] >= WITHDRAWN_BIT


def day_of_use(occurred: Occurred | None) -> int | None:
    """The day of a use, if it is dated: both ends are known and lie in one UTC day.

    An exclusive end at midnight belongs to the day before; one that is past midnight, if only
    by nanoseconds, does not. Nothing is guessed: all other uses are undated.

    Raises:
        Malformed: An end is not a time.
    """
    if occurred is None:
        return None
    if occurred.latest_exclusive and _BELOW_US.search(occurred.latest or ""):
        occurred = replace(occurred, latest_exclusive=None)
    return occurred.day()


def day_of_text(text: object, *, field: str) -> int:
    """Days from 1970-01-01 of `YYYY-MM-DD`. Raises Malformed."""
    if not isinstance(text, str):
        raise Malformed(field, "must be a date, YYYY-MM-DD")
    return us_of_date(text, field=field) // DAY_US


def text_of_day(day: int) -> str:
    """`YYYY-MM-DD` of a day counted from 1970-01-01."""
    return text_of_us(day * DAY_US)[:10]
