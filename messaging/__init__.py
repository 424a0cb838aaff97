"""Moves registered messages between processes. Knows no trading: payloads are Structs that somebody else registered."""
