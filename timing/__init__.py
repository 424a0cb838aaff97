"""Time as numbers: deadlines, backoff, staleness, measurements. Pure, but for ``timing.clock``, which reads the clocks."""
