"""The directory log: a follower that lists what the ledgers publish, and what it guards. (ADR 0018)

guard.py     a ledger is held to what the directory lists of it, and the other way round
follower.py  published checkpoints become entries of the directory, by the batch
"""
