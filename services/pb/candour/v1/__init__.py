"""Generated from proto/ by `make proto`; edits are lost."""
