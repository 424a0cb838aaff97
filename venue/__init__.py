"""The venue's dialect, both ends of it: the wire format, the client that speaks it and the stand-in that answers."""
