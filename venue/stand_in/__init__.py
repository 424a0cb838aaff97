"""A local exchange that speaks the venue's own protocol over loopback, with a seeded market and scripted faults.

Its clients must not be able to tell it from the venue. It imports nothing of the program but the wire format.
"""
