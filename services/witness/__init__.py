"""Has this log only grown? A witness that says so, with a key of its own. (C2SP tlog-witness)

It needs only ledger.merkle, ledger.tlog and the standard library, so that an institution
which trusts neither the log nor its operator can run it.

    server: HTTP ──► service: what C2SP says must be answered ──► memory: SQLite, one file
"""
