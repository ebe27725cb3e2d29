"""What is one side of a comparison? Records as columns of numbers, so that a million fit.

add(earliest, latest, codes, ids) ──► arrays of 64-bit numbers, one a field, by record number
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

from ledger.ingest.targets import COUNTS
from ledger.observers.fields import IDENTIFYING, TECHNOLOGY, Agreement, compare
from ledger.observers.keys import FIRST_VALUE
from ledger.projections.uses import OPEN_EARLIEST, OPEN_LATEST

NO_ID = 0
Row = tuple[int, ...]


class Side:
    """Records of one side, numbered from 0.

    Members:
        fields: Names of the columns.
        columns: One array of codes (ledger/observers/fields.py) a field.
        earliest_us, latest_us: Inclusive; OPEN_EARLIEST and OPEN_LATEST where unknown.
        ids, owners: Digests of the source's own ids, and whose they are; any number a record.
        optional: 1 where a record may be matched and is not missed: only possibly in scope.
    """

    __slots__ = ("columns", "earliest_us", "fields", "ids", "latest_us", "optional", "owners")

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        self.columns = [array("Q") for _ in self.fields]
        self.earliest_us, self.latest_us = array("q"), array("q")
        self.ids, self.owners = array("Q"), array("L")
        self.optional = bytearray()

    def __len__(self) -> int:
        return len(self.optional)

    def add(
        self,
        earliest_us: int,
        latest_us: int,
        codes: Iterable[int],
        ids: Iterable[int] = (),
        *,
        optional: bool = False,
    ) -> int:
        """Add a record; returns its number."""
        number = len(self.optional)
        self.earliest_us.append(earliest_us)
        self.latest_us.append(latest_us)
        for column, code in zip(self.columns, codes, strict=True):
            column.append(code)
        for one in ids:
            self.add_id(one, number)
        self.optional.append(optional)
        return number

    def add_id(self, digest: int, number: int) -> None:
        """One more id that a record goes by."""
        if digest != NO_ID:
            self.ids.append(digest)
            self.owners.append(number)

    def row(self, number: int) -> Row:
        """The codes of a record, in the order of `fields`."""
        return tuple([column[number] for column in self.columns])

    def order_key(self, number: int) -> tuple[int, int, Row]:
        """What two records are put in order by, whichever side they are on."""
        return self.earliest_us[number], self.latest_us[number], self.row(number)

    def known(self, number: int) -> int:
        """How many of its fields have a value."""
        return sum(column[number] >= FIRST_VALUE for column in self.columns)

    def dated(self, number: int) -> bool:
        """True where both ends of its time are known."""
        earliest, latest = self.earliest_us[number], self.latest_us[number]
        return earliest != OPEN_EARLIEST and latest != OPEN_LATEST

    def fill(self, field: str, code: int) -> None:
        """Give every record one code in a field: what is known of the file as a whole."""
        at = self.fields.index(field)
        self.columns[at] = array("Q", [code]) * len(self)

    def never_says(self) -> frozenset[str]:
        """Fields that no record says anything of."""
        return frozenset(
            field
            for field, column in zip(self.fields, self.columns, strict=True)
            if not any(column)
        )


class Comparer:
    """Compares records of two sides that have the same fields."""

    __slots__ = ("_columns", "_here", "_there")

    def __init__(self, here: Side, there: Side) -> None:
        assert here.fields == there.fields, "both sides are read by the same fields"
        self._here, self._there = here, there
        self._columns = [
            (mine, theirs, field in COUNTS, field in IDENTIFYING, field != TECHNOLOGY)
            for field, mine, theirs in zip(here.fields, here.columns, there.columns, strict=True)
        ]

    def gap_us(self, here: int, there: int) -> int:
        """Between the two times; 0 where they overlap or an end is open."""
        mine, theirs = self._here, self._there
        return max(
            0,
            mine.earliest_us[here] - theirs.latest_us[there],
            theirs.earliest_us[there] - mine.latest_us[here],
        )

    def fit(self, here: int, there: int) -> tuple[int, int] | None:
        """How many fields differ, and how many are equal; None where the two cannot be one.

        They cannot where an identifying field differs, or more fields differ than agree. That
        both are of the technology that is asked about says nothing for them.
        """
        differing = equal = 0
        for mine, theirs, count, identifying, telling in self._columns:
            one, other = mine[here], theirs[there]
            if one == other:
                equal += telling and one >= FIRST_VALUE
            elif one >= FIRST_VALUE and other >= FIRST_VALUE:
                said = compare(one, other, count=count)
                if said is Agreement.DIFFERING:
                    if identifying:
                        return None
                    differing += 1
        return (differing, equal) if differing <= equal else None

    def agreements(self, here: int, there: int) -> list[Agreement]:
        """What each field says, in their order."""
        return [
            compare(mine[here], theirs[there], count=count)
            for mine, theirs, count, _identifying, _telling in self._columns
        ]
