"""What would a ledger have shown? Stories that happened, told to a ledger of their own.

scenario.py    halifax.toml: facts as they were stated ──► what is told, in order, of one variant
replay.py      told to a real ledger in a folder, by a clock of its own
vendor_log.py  a second observer's log, matched with that ledger
evidence.py    questions of an oversight body, each answered with a bundle that verifies
story.py       the answers as a person reads them; as JSON
"""
