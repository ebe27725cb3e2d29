"""Auditing from outside: reading tiles and Parquet, many processes, engines of others."""
