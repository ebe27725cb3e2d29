"""RecordService: what else is told of the registers' things, and of uses after their report."""
