"""How many requests the venue gets: pyrate-limiter's buckets, asked without waiting. The only door to that library.

A bucket for all endpoints and one for each endpoint. A fresh bucket is empty, so that a gateway that is restarted again and
again cannot send a burst each time. The time is an argument; waiting is the caller's.
"""

from pyrate_limiter import Decision, Duration, Rate, RateItem, StateBucket, TokenBucket

from venue.settings import BudgetSettings

__all__ = ["RequestBudget"]

SECOND = 1_000_000_000
MS = 1_000_000
DENIED_MS = 1_000


class RequestBudget:
    """``ask`` before every request. ``slow_down`` halves everything for a while, when the venue complained all the same."""

    def __init__(self, settings: BudgetSettings, now_ns: int) -> None:
        self._settings = settings
        self._slowed_until_ns: int | None = None
        self._start(now_ns, 1)

    def ask(self, endpoint: str, now_ns: int) -> int:
        """0: spent, go. Otherwise how many ns to wait before asking again; a denial spends nothing."""
        if self._slowed_until_ns is not None and now_ns >= self._slowed_until_ns:
            self._slowed_until_ns = None
            self._start(now_ns, 1)
        # What the endpoint granted while all together had nothing left is kept for its next request.
        if endpoint not in self._granted:
            wait_ns = _spend(self._endpoint_bucket(endpoint), endpoint, now_ns)
            if wait_ns:
                return wait_ns
        wait_ns = _spend(self._all, "all", now_ns)
        if wait_ns:
            self._granted.add(endpoint)
        else:
            self._granted.discard(endpoint)
        return wait_ns

    def slow_down(self, now_ns: int) -> None:
        """Half the rates from now, from empty buckets."""
        self._slowed_until_ns = now_ns + int(self._settings.slowed_for_s * SECOND)
        self._start(now_ns, 2)

    @property
    def slowed(self) -> bool:
        return self._slowed_until_ns is not None

    def _start(self, now_ns: int, divisor: int) -> None:
        self._started_ns = now_ns
        self._divisor = divisor
        self._granted: set[str] = set()
        self._all = self._bucket(self._settings.requests_per_s, self._settings.burst)
        self._endpoints: dict[str, StateBucket] = {}

    def _endpoint_bucket(self, endpoint: str) -> StateBucket:
        bucket = self._endpoints.get(endpoint)
        if bucket is None:
            bucket = self._endpoints[endpoint] = self._bucket(
                self._settings.endpoint_requests_per_s, self._settings.endpoint_burst
            )
        return bucket

    def _bucket(self, per_s: int, burst: int) -> StateBucket:
        burst = max(1, burst // self._divisor)
        bucket = StateBucket([Rate(per_s // self._divisor, Duration.SECOND, burst=burst)], algorithm=TokenBucket())
        bucket.put_decision(RateItem("emptied", self._started_ns // MS, weight=burst))
        return bucket


def _spend(bucket: StateBucket, name: str, now_ns: int) -> int:
    decision = bucket.put_decision(RateItem(name, now_ns // MS))
    assert isinstance(decision, Decision)  # only a bucket in another process or host answers later
    if decision.allowed:
        return 0
    return max(1, decision.retry_after_ms or DENIED_MS) * MS
