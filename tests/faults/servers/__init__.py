"""Whole servers are broken on purpose, by their database, clock, callers and the wire to them."""
