"""What brings a ledger back when its disk is gone? Backups, and restores that are judged."""
