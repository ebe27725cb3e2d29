"""By which commands do people keep the oversight record? All of them, added in one place.

record  history    statement  allegation
instruments  approvals  mandates  proceedings  holds  incidents  holdings
technologies, sources, authorizations, rules, uses: what goes on after the first words
"""

from __future__ import annotations

import typer

from services.cli import (
    allegation,
    authorizations,
    authorizations_changes,
    history,
    instruments,
    mandates,
    record,
    registers,
    rules,
    rules_active,
    source_coverage,
    statement,
    statement_import,
    statement_make,
    technologies,
    uses,
    uses_told,
    vendors,
)
from services.cli.options import command

# Each pair is one group.
assert technologies.app is registers.technologies
assert source_coverage.app is registers.sources
assert authorizations_changes.app is authorizations.app
assert rules_active.app is rules.app
assert statement_import.app is statement.app
assert statement_make.app is statement.app
assert uses_told.app is uses.app


def add_to(app: typer.Typer) -> None:
    """Add the commands and groups that are new with the oversight record."""
    command(app, "record")(record.record)
    command(app, "history")(history.history)
    app.add_typer(statement.app, name="statement")
    app.add_typer(allegation.app, name="allegation")
    app.add_typer(instruments.instruments, name="instruments")
    app.add_typer(instruments.approvals, name="approvals")
    app.add_typer(mandates.mandates, name="mandates")
    app.add_typer(mandates.proceedings, name="proceedings")
    app.add_typer(mandates.holds, name="holds")
    app.add_typer(vendors.incidents, name="incidents")
    app.add_typer(vendors.holdings, name="holdings")
