"""ObserversService: does somebody else's log agree with this ledger?"""
