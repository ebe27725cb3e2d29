"""Is a deployment well? Everything that can be looked at from its machine, in words."""
