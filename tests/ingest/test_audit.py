"""Do the audit layouts fill the fields of a report as domain.md lists them?"""

from __future__ import annotations

from typing import Any

import pytest

from ledger.commands import Masked, Performer, ReportToolUse
from ledger.events import Count, Interval
from ledger.ingest import Row, layout_named
from ledger.ingest.cells import AGENCY_NOT_NAMED
from tests.ingest.strategies import WHO, command, read, rejected, written

AUDIT = {
    "ID": "9b29b2b1",
    "Name": "A. Alder",
    "Org Name": "Sampleton OR PD",
    "Total Networks Searched": "541",
    "Total Devices Searched": "15737",
    "Time Frame": "11/13/2025, 09:53:36 AM UTC\n11/14/2025, 09:53:36 AM UTC",
    "License Plate": "ZZ00001",
    "Reason": "Stolen Vehicle",
    "Case #": "25-00001",
    "Filters": "suv, black",
    "Search Time": "11/14/2025, 09:53:36 AM UTC",
    "Search Type": "lookup - Mobile",
    "Text Prompt": "white van",
    "Moderation": "allow",
    "Offense Type": "Stolen Vehicle",
}
HEADER = written([list(AUDIT)])


def audit(*, layout: str | None = None, **cells: str) -> ReportToolUse:
    """The command of the row above, with other cells, by column with `_` for a space."""
    chosen = layout_named(layout) if layout else None
    return command(*row(**cells), header=HEADER, layout=chosen)


def row(**cells: str) -> list[str]:
    changed = {name.replace("_", " ").replace("Case", "Case #"): cells[name] for name in cells}
    assert changed.keys() <= AUDIT.keys()
    return list({**AUDIT, **changed}.values())


def test_organisation_audit_fills_the_report() -> None:
    """What stands in the clear, what is protected, who did it, and the source's own id."""
    found = audit()

    assert found.use.agency == WHO["agency"]
    assert found.use.occurred is not None
    assert found.use.occurred.earliest == "2025-11-14T09:53:36Z"
    assert found.use.window_requested == Interval(
        earliest="2025-11-13T09:53:36Z", latest="2025-11-14T09:53:36Z"
    )
    assert found.use.networks_searched == Count(exactly=541)
    assert found.use.devices_searched == Count(exactly=15737)
    assert (found.use.capability, found.use.moderation) == ("lookup - Mobile", "allow")
    assert found.use.offence_class == "Stolen Vehicle"
    assert (found.use.acquisition, found.use.trigger) == ("procured", "human")
    assert found.performer == Performer(name="A. Alder")
    assert found.source_event_id == "9b29b2b1"
    assert found.protected == {
        "object": {"licence_plate": "ZZ00001", "text_prompt": "white van"},
        "reason": "Stolen Vehicle",
        "case_number": "25-00001",
        "source_record": {"columns": list(AUDIT), "row": list(AUDIT.values())},
    }


def test_blank_cells_in_the_clear_are_absent() -> None:
    """A blank code, count or time is unknown; a blank protected text stays a blank."""
    found = command("9b29b2b1", *[""] * (len(AUDIT) - 1), header=HEADER)

    assert found.use.to_object() == {
        "acquisition": "procured",
        "agency": WHO["agency"],
        "authorizations": [],
        "technology": WHO["technology"],
        "trigger": "human",
    }
    assert found.performer is None
    assert found.protected["object"] == {"licence_plate": "", "text_prompt": ""}
    assert (found.protected["reason"], found.protected["case_number"]) == ("", "")


def test_masked_cells() -> None:
    """A mask marks a protected field and leaves one in the clear absent; the row keeps both."""
    found = command(*["***"] * len(AUDIT), header=HEADER)

    mark = {"masked": "***"}
    assert found.performer == Masked("***")
    assert found.protected["object"] == {"licence_plate": mark, "text_prompt": mark}
    assert (found.protected["reason"], found.protected["case_number"]) == (mark, mark)
    assert found.protected["source_record"]["row"] == ["***"] * len(AUDIT)
    assert (found.use.occurred, found.use.networks_searched) == (None, None)
    assert found.source_event_id is None


def test_masks_are_whole_cells() -> None:
    """A star inside a value is a wildcard of a partial plate, not a mask."""
    assert audit(License_Plate="ZZ***1").protected["object"]["licence_plate"] == "ZZ***1"


@pytest.mark.parametrize("code", ["x" * 101, "two\nlines"])
def test_code_that_is_none_stays_in_the_raw_row(code: str) -> None:
    """Too long or broken for a code: absent in the clear, and the use is recorded all the same."""
    found = audit(Search_Type=code, Moderation=code, Offense_Type=code, Time_Frame="last 7 days")

    assert (found.use.capability, found.use.moderation) == (None, None)
    assert (found.use.offence_class, found.use.window_requested) == (None, None)
    assert code in found.protected["source_record"]["row"]


def test_network_audit_names_the_agency_that_searched() -> None:
    """Chosen by name, it takes the agency from the row; where that is hidden, the use is nobody's."""
    network = layout_named("flock-network")
    data = HEADER + written([row(), row(Org_Name="***"), row(Org_Name="")])

    found = [item for item in read(data, network) if isinstance(item, Row)]
    assert [item.agency_name for item in found] == [
        "Sampleton OR PD",
        AGENCY_NOT_NAMED,
        AGENCY_NOT_NAMED,
    ]
    agencies = [item.command.use.agency for item in found]
    unnamed = "agencies/agency-not-named-by-the-source"
    assert agencies == ["agencies/sampleton-or-pd", unnamed, unnamed]


def test_window_in_two_columns() -> None:
    """Start and end in columns of their own; one alone leaves the other end open."""
    header = b"Time Frame End,Search Time,Time Frame Start\n"
    day: dict[str, Any] = {"header": header}
    start, end = "2025-11-13 00:00:00", "2025-11-14 00:00:00"

    both = command(end, end, start, **day).use.window_requested
    assert both == Interval(earliest="2025-11-13T00:00:00Z", latest="2025-11-14T00:00:00Z")
    half = command("", end, start, **day).use.window_requested
    assert half == Interval(earliest="2025-11-13T00:00:00Z")
    assert command(start, end, end, **day).use.window_requested is None


def test_rejected_cell_is_named_as_the_file_names_it() -> None:
    """The column of the file, not the field of the report."""
    found = rejected(*row(Total_Networks_Searched="1,234"), header=HEADER)

    assert found.field == "Total Networks Searched"
    assert "1,234" not in found.reason


def test_object_too_large_for_the_ledger() -> None:
    """Plate and prompt are one protected value, with one bound."""
    text = "p" * 10_000

    found = rejected(*row(License_Plate=text, Text_Prompt=text), header=HEADER)
    assert found.field == "row"
    assert audit(Text_Prompt=text, Reason=text).protected["object"]["text_prompt"] == text
