"""The phases of the connection to the venue, and which event leads from which to which; a move that is not here does not happen.

            dial                opened               lost
    IDLE --------> CONNECTING ----------> OPEN ----------------> WAITING ---+
                     ^    +-- lost -------------------------------^         |
                     +-- dial ----------------------------------------------+       any --stop--> ENDED
"""

from enum import StrEnum

__all__ = ["MOVES", "Phase"]


class Phase(StrEnum):
    IDLE = "IDLE"
    CONNECTING = "CONNECTING"
    OPEN = "OPEN"
    WAITING = "WAITING"
    ENDED = "ENDED"


MOVES: dict[tuple[Phase, str], Phase] = {
    (Phase.IDLE, "dial"): Phase.CONNECTING,
    (Phase.WAITING, "dial"): Phase.CONNECTING,
    (Phase.CONNECTING, "opened"): Phase.OPEN,
    (Phase.CONNECTING, "lost"): Phase.WAITING,
    (Phase.OPEN, "lost"): Phase.WAITING,
    **{(phase, "stop"): Phase.ENDED for phase in Phase},
}
