"""Does somebody else's log agree with ours? Two sides, matched one to one. Pure, no I/O.

    release ──ingest──► row ──sightings.py──► sighting ┐
                                                       ├─matching.py─► pairs, and who has none
    the ledger's uses ─────────uses.py────────► use    ┘      └─verdicts.py─► what is told of each

keys.py    keyed digests: compare what is protected without carrying it
fields.py  what can be compared, as one number a field
sides.py   a side: records as columns of numbers, a million of them in some 150 MB
by_id.py   first by the source's own id        by_time.py  then by time and fields (neighbours.py)
naming.py  what a discrepancy is called        findings.py what is to be told
agreement.py  what was told of an observer, added up as of a tree size

Nothing here knows which side is the ledger's: exchange the two, and the answer is exchanged.
Source: docs/adr/0021-second-observers.md.
"""
