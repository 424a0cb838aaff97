"""How far a strategy has come with warming up. Must not know what it does then."""

import msgspec

__all__ = ["Progress"]


class Progress(msgspec.Struct, frozen=True):
    bars: int = 0
    warmup_bars: int = 0
    warmup_complete: bool = False
