"""Processes, signals, deadlines: start, watch, restart, drain, kill. Knows no trading."""
