"""Arrays in, numbers out: metrics with intervals over independent groups."""
