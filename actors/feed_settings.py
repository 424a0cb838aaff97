"""What the feed is told when it starts. Must not know where it comes from."""

from typing import Annotated

import msgspec

from venue.settings import LinkSettings

__all__ = ["FeedSettings"]


class FeedSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``link`` is the section ``feed`` of the venue's file. ``pace``: seconds of market time per second (a tape's speed);
    ``seed`` decides the jitter of reconnects.

    ``continuous``: the venue goes on exactly where we stopped (a recording), so the facts are a function of its texts alone
    (venue/continuous.py), and the feed stays within ``lead_limit`` facts of what ``MarketTaken`` said (of half of
    what is retained, if that is less)."""

    ws_url: str
    symbols: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    link: LinkSettings = LinkSettings()
    pace: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
    seed: int = 0
    continuous: bool = False
    lead_limit: Annotated[int, msgspec.Meta(ge=1)] = 20_000
