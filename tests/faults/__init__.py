"""Everything is broken on purpose: what did it cost? (docs/adr/0036)"""
