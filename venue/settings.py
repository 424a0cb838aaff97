"""What can be set about our end of the venue: the sections ``feed`` and ``gateway`` of config/exchanges/*.yaml.

Every key is explained where it is set, in the file. Must not know where the numbers come from.
"""

from typing import Annotated

import msgspec

from timing.backoff import BackoffSettings

__all__ = ["BudgetSettings", "FreshnessSettings", "LinkSettings", "RestSettings"]

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
PerSecond = Annotated[int, msgspec.Meta(ge=2, le=1_000)]
MessagesPerSecond = Annotated[float, msgspec.Meta(gt=0, le=5)]


class FreshnessSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The longest silence of one stream that is not yet staleness."""

    depth_s: Seconds = 2.0
    price_s: Seconds = 3.0
    trade_s: Seconds = 60.0
    kline_s: Seconds = 45.0


class LinkSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One WebSocket session with the venue, from the dialing to the watchdogs."""

    connect_timeout_s: Seconds = 10.0
    connect_frame_wait_s: Seconds = 1.0
    ping_s: Seconds = 10.0
    client_messages_per_s: MessagesPerSecond = 2.0
    stale_after_s: Seconds = 15.0
    healthy_after_ms: Milliseconds = 1_000
    healthy_messages: Count = 3
    resubscribe_wait_s: Seconds = 5.0
    resubscribe_limit: Count = 2
    refused_wait_s: Seconds = 60.0
    largest_frame_bytes: Annotated[int, msgspec.Meta(ge=65_536, le=67_108_864)] = 16_777_216
    retained_facts: Annotated[int, msgspec.Meta(ge=1_000, le=1_000_000)] = 50_000
    freshness: FreshnessSettings = FreshnessSettings()
    backoff: BackoffSettings = BackoffSettings(multiplier_s=1.0, shortest_s=2.0, longest_s=60.0)


class BudgetSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many requests the venue gets: for all endpoints together and for each."""

    requests_per_s: PerSecond = 20
    burst: Count = 50
    endpoint_requests_per_s: PerSecond = 8
    endpoint_burst: Count = 2
    slowed_for_s: Seconds = 60.0
    shortest_pause_s: Seconds = 1.0
    longest_pause_s: Seconds = 300.0


class RestSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The REST side: what one call may take, how many run and wait, and when a failed one is tried again."""

    connect_timeout_s: Seconds = 3.0
    read_timeout_s: Seconds = 5.0
    largest_body_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=67_108_864)] = 4_194_304
    recorded_body_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=4_000_000)] = 1_048_576
    workers: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    queue_limit: Count = 256
    budget: BudgetSettings = BudgetSettings()
    retry: BackoffSettings = BackoffSettings(multiplier_s=0.125, shortest_s=0.25, longest_s=5.0)
