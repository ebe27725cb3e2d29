"""candour audit: does everything in the database follow from the entries?"""

from __future__ import annotations

from services.cli.options import As, Format


def audit(form: As = Format.TABLE) -> None:
    """Check."""
