"""What can a column say? The fields of a report that a layout may fill, by how cells are read.

    column ──layout──► target ──cells.py──► member of ToolUseReported, or a protected field

A column that nothing here fits is kept all the same, in the protected raw row.
"""

from __future__ import annotations

from typing import Final

from ledger.events.tool_use import ACQUISITIONS, CREDENTIAL_STRENGTHS, OUTCOMES, TRIGGERS

PERFORMER: Final = ("performer.user_id", "performer.name", "performer.badge")
WINDOW: Final = ("window_requested", "window_requested.earliest", "window_requested.latest")
COUNTS: Final = ("devices_searched", "networks_searched", "objects", "performers")
CHOICES: Final = {
    "acquisition": ACQUISITIONS,
    "credential_strength": CREDENTIAL_STRENGTHS,
    "outcome": OUTCOMES,
    "trigger": TRIGGERS,
}
CODES: Final = (
    *("capability", "moderation", "object_category", "offence_class", "performer_role"),
    *("purpose", "reference_database", "technology_version", "unit"),
)
TEXTS: Final = (
    *("case_number", "claimed_basis", "occurred_text", "reason", "subject", "supervisor"),
    "urgency_reason",
)
OBJECT: Final = "object."  # followed by a name of the operator's choice: object.licence_plate
# `organisation`: seen by file_facts only. `source_record`: known, and kept in the raw row only.
OTHERS: Final = ("agency", "occurred", "organisation", "source_event_id", "source_record")
TARGETS: Final = frozenset((*PERFORMER, *WINDOW, *COUNTS, *CHOICES, *CODES, *TEXTS, *OTHERS))


def is_target(text: str) -> bool:
    """True for a member of TARGETS, or `object.` and a lower-case name."""
    name = text.removeprefix(OBJECT)
    if name == text:
        return text in TARGETS
    return name.isascii() and name.isidentifier() and name == name.lower() and name != "masked"
