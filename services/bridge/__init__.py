"""Does what stations publish to NATS reach the ledger, each use once? A bridge, run beside a JetStream.

    station ──publish──► stream ──pull──► uses ──one request──► receipts ──ack──► gone from the stream
                                    └──malformed, refused──► dead letters, with the reason

It needs the extra [nats] (docs/adr/0037).
"""
