"""Does a ledger hold what it signed? Everything made anew from outside, of its public entries.

    checkpoint, trust ──trusted──► which tree was signed
    bundles, tiles ──slices──► leaf hashes, tiles, form of entries ──tree──► root
    streams of all entries ──stream_order──► versions 1, 2, 3, …
    entries ──usage──► every root of the usage index that the log commits to
                          └─ all of it ──report──► numbered checks, findings, what was not checked

Pure, from the base install: whoever calls brings the bytes, from a disk, a server or Parquet,
and may share slices out among as many processes or machines as there are.

Source: C2SP tlog-tiles; RFC 9162, section 2.1; docs/adr/0023-audit-at-size.md.
"""
