"""Are the invented exports the same each time, and as varied as real ones?"""

from __future__ import annotations

from ledger.commands import Masked
from ledger.ingest.sample import sample_audit, sample_export
from tests.ingest.strategies import commands


def test_sample_is_the_same_each_time() -> None:
    """A seed is a file; another seed another."""
    assert sample_export() == sample_export()
    assert sample_export(seed=1) != sample_export(seed=2)
    assert sample_audit() == sample_audit()


def test_portal_sample_has_the_habits_of_real_ones() -> None:
    """600 rows within a year, in order, with blank and vague reasons and searches of nothing."""
    found = commands(sample_export())
    reasons = [item.protected["reason"] for item in found]
    days = [item.use.occurred.earliest or "" for item in found if item.use.occurred]

    assert len(found) == len(days) == len({item.source_event_id for item in found}) == 600
    assert days == sorted(days)
    assert days[0] >= "2025-06-18"
    assert days[-1] < "2026-06-18"
    assert {"", "x", "inv", "investigation"} <= set(reasons)
    assert 10 < len({item.performer for item in found}) < 60
    assert any(
        item.use.devices_searched and item.use.devices_searched.exactly == 0 for item in found
    )


def test_audit_sample_has_windows_masks_and_prompts() -> None:
    """What only audits have: requested windows, masked names and plates, prompts."""
    found = commands(sample_audit())

    assert len(found) == 300
    assert all(item.use.window_requested for item in found)
    assert any(isinstance(item.performer, Masked) for item in found)
    objects = [item.protected["object"] for item in found]
    assert any(item["licence_plate"] == {"masked": "***"} for item in objects)
    assert any(item["text_prompt"] for item in objects)
