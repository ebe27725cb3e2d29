"""A ledger gets another place: copied while it is served, stopped for a moment, handed over."""
