"""Do a log's entries give what it commits to? A witness that looks before it vouches.

It needs ledger.usage_index, ledger.entry and the witness, all from the base install.

    submission ──witness: it only grew──► replayer ──reader: new entries──► judge ──► state, one file
                     └── cosign where all of them were judged                └── refuse, and say why
"""
