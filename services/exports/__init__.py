"""Exports that need more than the base install: uses as Parquet."""
