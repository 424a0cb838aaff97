"""The gateway: every REST call of the run, behind the rate limit. Questions come in, answers or the reason for none go out.

A thin shell: venue/dispatch.py decides who is next, a few threads make the calls, so the inbox never waits for the network.
Every answer of the venue is also sent to the feed, which keeps the tape.
"""

import threading
from collections import deque
from queue import SimpleQueue
from random import Random
from typing import Any

import msgspec

from actors.envelopes import (
    Fetch, FetchBook, Fetched, FetchedBook, FetchedFunding, FetchedInstruments, FetchedKlines, FetchedTiers, FetchFailed, FetchFunding,
    FetchInstruments, FetchKlines, FetchTiers, KlineRow, RestAnswered, TierRow,
)
from actors.leg_metrics import REST, leg_gauges
from actors.process import Post, ProcessActor
from messaging.control import Drain
from messaging.mailbox import Delivery
from timing.clock import monotonic_ns
from timing.deadline import Deadline
from trading.latency import KEPT_SAMPLES, fit
from venue.answers import HttpAnswer, Outcome, VenueRefusal
from venue.dispatch import NEVER, Dispatch, Failed, Retry, Served, Waiter
from venue.limits import RequestBudget
from venue.rest import LONGEST_HISTORY, Call, RestVenue, book_call, candles_call, funding_call, instruments_call, tiers_call
from venue.settings import RestSettings

__all__ = ["Gateway", "GatewaySettings"]

SECOND = 1_000_000_000
MS = 1_000_000
DRAIN_NS = 2 * SECOND
FAREWELL_NS = 300 * MS
LONGEST_DEADLINE_MS = 600_000

AnyAnswer = FetchedInstruments | FetchedKlines | FetchedBook | FetchedFunding | FetchedTiers | FetchFailed


class GatewaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``rest`` is the section ``gateway`` of the venue's file. ``seed`` decides the jitter of retries."""

    rest_url: str
    rest: RestSettings = RestSettings()
    seed: int = 0


class _Done(msgspec.Struct):
    """What a worker brings back."""

    call: Call
    outcome: Outcome
    answer: HttpAnswer | None
    took_ns: int


class Gateway(ProcessActor):
    """Channels: serves ``gateway`` (Fetch -> Fetched); sends RestAnswered to ``feed``."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._settings: GatewaySettings = post.settings
        rest, chance = self._settings.rest, Random(f"gateway {self._settings.seed} {post.incarnation}")
        self._dispatch = Dispatch(rest, RequestBudget(rest.budget, monotonic_ns()), chance)
        self._requests: dict[tuple[bytes, str], Fetch] = {}
        self._work: SimpleQueue[tuple[Call, float] | None] = SimpleQueue()
        self._done: deque[_Done] = deque()
        self._free_workers = self._settings.rest.workers
        self._round_trips_ns: deque[int] = deque(maxlen=KEPT_SAMPLES)
        self._armed_ns = NEVER
        self._draining = self._drained = self._leaving = False
        self.counters.update(
            rest_requests_count=0, rest_retries_count=0, rate_limited_count=0, rate_limiter_wait_seconds=0, rate_limiter_waits_count=0
        )

    def open(self) -> None:
        self._server = self.post.channels.server("gateway")
        self._feed = self.post.channels.client("feed", f"gateway.{self.post.incarnation}")
        returned, self._make_writer = self.post.channels.pipe("returned")
        self.listen("fetch", self._server, self._on_fetch)
        self.listen("returned", returned, self._on_returned)
        self._workers = [threading.Thread(target=self._serve_calls, name=f"rest-{n}", daemon=True) for n in range(self._free_workers)]
        for worker in self._workers:
            worker.start()
        self.serve()

    def report(self) -> dict[str, Any]:
        self.counters["rate_limiter_wait_seconds"] = self._dispatch.wait_seconds
        self.counters["rate_limiter_waits_count"] = self._dispatch.wait_count
        self.gauges["rate_limiter_wait_seconds_max"] = self._dispatch.wait_seconds_max
        self.gauges["rest_waiting"] = float(len(self._dispatch))
        self.gauges |= leg_gauges(REST, fit(self._round_trips_ns))
        return {}

    def on_drain(self, drain: Drain) -> None:
        """Finish what is asked already, for a moment; then say that no answer will come."""
        self._draining = True
        self.log.info("REST_DRAINING", waiting=len(self._dispatch), reason=drain.reason)
        self.after("drain_limit", DRAIN_NS, lambda _: self._give_up())
        self._end_when_idle()

    def on_stop(self) -> None:
        """Idle workers end now; one that still waits for the venue ends with the process."""
        self._leaving = True
        for _ in self._workers:
            self._work.put(None)
        ends = Deadline.after(monotonic_ns(), FAREWELL_NS)
        for worker in self._workers:
            worker.join(ends.remaining_s(monotonic_ns()))

    # ---------------------------------------------------------------------------------------- questions and answers

    def _on_fetch(self, delivery: Delivery) -> None:
        self.failpoints.reach("on_fetch")
        fetch, peer = delivery.message, delivery.peer
        if not isinstance(fetch, Fetch) or peer is None:
            self.count("unexpected_message_count")
            return
        now_ns = monotonic_ns()
        deadline_ns = now_ns + min(max(fetch.deadline_ms, 0), LONGEST_DEADLINE_MS) * MS
        waiter = Waiter(peer, fetch.request_id, deadline_ns)
        call = _call_for(fetch)
        refused: Failed | None
        if isinstance(call, Failed):
            refused = call
        else:
            refused = Failed("draining") if self._draining else self._dispatch.offer(waiter, call, now_ns)
        if refused is not None:
            self._reply([Served(waiter, refused)], fetch)
            return
        self._requests[peer, fetch.request_id] = fetch
        self._advance()

    def _on_returned(self, _: Delivery) -> None:
        self.failpoints.reach("after_call")
        done = self._done.popleft()
        self._free_workers += 1
        now_ns = monotonic_ns()
        if done.answer is not None:
            self._round_trips_ns.append(done.took_ns)
            self._keep(done.call, done.answer)
        served, retry = self._dispatch.finished(done.call, done.outcome, now_ns)
        if retry is not None:
            self._note(retry)
        self._reply(served)
        self._advance()
        self._end_when_idle()

    def _reply(self, served: list[Served], fetch: Fetch | None = None) -> None:
        for each in served:
            waiter = each.waiter
            asked = self._requests.pop((waiter.peer, waiter.request_id), fetch)
            assert asked is not None, "an answer to nobody's question"
            answer = _answer(asked, each.outcome)
            self.failpoints.reach("before_reply")
            fetched = Fetched(request_id=waiter.request_id, answer=answer, leg_latency=fit(self._round_trips_ns))
            self._server.send(waiter.peer, fetched)
            self.failpoints.reach("after_reply")

    def _advance(self) -> None:
        """Everything that may go now, then one timer for whatever is due next."""
        now_ns = monotonic_ns()
        self._reply(self._dispatch.expired(now_ns))
        due_ns = self._dispatch.deadline_ns
        while self._free_workers:
            next_call = self._dispatch.next_call(now_ns)
            if isinstance(next_call, int):
                due_ns = min(due_ns, next_call)
                break
            call, within_ns = next_call
            self._free_workers -= 1
            self.count("rest_requests_count")
            self._work.put((call, within_ns / SECOND))
        if due_ns < self._armed_ns:
            self._armed_ns = due_ns
            self.after("due", max(0, due_ns - monotonic_ns()), self._on_due)

    def _on_due(self, _: Delivery) -> None:
        if monotonic_ns() < self._armed_ns:
            return  # an older timer; another one took its place
        self._armed_ns = NEVER
        self._advance()
        self._end_when_idle()

    def _note(self, retry: Retry) -> None:
        event = "RATE_LIMITED" if retry.slower else "REST_RETRY"
        self.count("rate_limited_count" if retry.slower else "rest_retries_count")
        self.log.warning(event, path=retry.path, reason=retry.reason, wait_s=round(retry.wait_s, 3), attempt=retry.attempt)

    def _keep(self, call: Call, answer: HttpAnswer) -> None:
        """For the tape. Nobody waits for it, and a body beyond all measure is not worth the channel."""
        if len(answer.body) <= self._settings.rest.recorded_body_bytes:
            self._feed.send(RestAnswered(path=call.path, query=dict(call.query), status=answer.status, body=answer.body))

    def _give_up(self) -> None:
        self._reply(self._dispatch.give_up("draining"))
        self._end_when_idle()

    def _end_when_idle(self) -> None:
        if self._draining and not self._drained and not len(self._dispatch):
            self._drained = True
            self.drained()

    # ---------------------------------------------------------------------------------------- in the workers' threads

    def _serve_calls(self) -> None:
        venue, writer = RestVenue(self._settings.rest_url, self._settings.rest), self._make_writer()
        while (work := self._work.get()) is not None:
            call, within_s = work
            began_ns = monotonic_ns()
            outcome, answer = venue.ask(call, within_s)
            if self._leaving:
                break  # the channels are being closed: there is nobody to tell
            self._done.append(_Done(call, outcome, answer, monotonic_ns() - began_ns))
            writer.write(b"")
        writer.close()
        venue.close()


def _call_for(fetch: Fetch) -> Call | Failed:
    match fetch.request:
        case FetchInstruments(symbols=symbols) if symbols:
            return instruments_call(symbols)
        case FetchKlines(symbol=symbol, interval=interval, limit=limit) if 0 < limit <= LONGEST_HISTORY:
            return candles_call(symbol, interval, limit)
        case FetchBook(symbol=symbol):
            return book_call(symbol)
        case FetchFunding(symbol=symbol):
            return funding_call(symbol)
        case FetchTiers(symbol=symbol):
            return tiers_call(symbol)
    return Failed(f"impossible_request: 1 to {LONGEST_HISTORY} bars, at least one symbol")


def _answer(fetch: Fetch, outcome: Outcome | Failed) -> AnyAnswer:
    if isinstance(outcome, Failed):
        return FetchFailed(reason=outcome.reason)
    if isinstance(outcome, VenueRefusal):
        return FetchFailed(reason=f"code {outcome.code}: {outcome.text}")
    data: Any = outcome
    match fetch.request:
        case FetchInstruments():
            return FetchedInstruments(instruments=data)
        case FetchKlines():
            return FetchedKlines(rows=tuple(KlineRow(*msgspec.structs.astuple(candle)) for candle in data))
        case FetchBook(symbol=symbol):
            return FetchedBook(symbol=symbol, bids=data.bids, asks=data.asks)
        case FetchFunding(symbol=symbol):
            return FetchedFunding(symbol=symbol, rate=data.rate, mark=data.mark, next_funding_at_ns=data.next_funding_at_ns)
        case FetchTiers(symbol=symbol):
            rows = (TierRow(each.startValue, each.endValue, each.leverage, each.maintenanceMarginRate) for each in data)
            return FetchedTiers(symbol=symbol, rows=tuple(rows))
