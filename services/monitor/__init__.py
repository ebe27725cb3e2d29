"""Does a log show everybody one history? A monitor that reads it over HTTP. (RFC 9162, 8.2)

It needs ledger.merkle, ledger.tlog and the standard library, and nothing of the log's operator.

    tiles: HTTP ──► watching: one look, one comparison ──► the state file, evidence files
"""
