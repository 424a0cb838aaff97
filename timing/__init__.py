"""Time as numbers: deadlines, backoff, staleness, windows. Pure, but for ``timing.clock``, which reads the clocks."""
