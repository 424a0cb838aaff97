"""Order by order: what hftbacktest did and what our account did, and why they differ where they do. Must not know how either works.

Classes of difference, first match:

- ``beyond the window``: the rest is priced behind the visible levels by ours, not at all by hftbacktest. The visible part is equal.
- ``deeper than 100 ticks``: there hftbacktest's market order ends, ours at the venue's price protection.
- ``rounding``: hftbacktest rounds what is left behind the queue to the nearest lot, ours down.
- ``trade through``: hftbacktest fills the whole order, ours no more than what was traded.
- ``crossing window``: a window shows the other side at the order's price; hftbacktest fills the whole order, ours what is shown.
- ``queue below zero``: hftbacktest's estimate of what is in front passed zero (reference_queue.py); ours ends there.
- ``their error``: hftbacktest ended with an error; it meets an order again that a trade filled to the very last lot.
- ``unknown queue``: the order joined at a price that the window did not show.
- ``unexplained``: none of these.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

import msgspec

from benchmarks.realism.conversion import Beyond
from benchmarks.realism.outcome import Outcome
from benchmarks.realism.paper_account import account_settings, outcomes
from benchmarks.realism.random_orders import Ask, Kind, makers, takers
from benchmarks.realism.recorded_market import RecordedMarket
from benchmarks.realism.reference_engine import QUEUE_MODELS, ReferenceEngine, is_installed, rows_of
from benchmarks.realism.reference_queue import POWER, falls_below_zero
from benchmarks.realism.table import Part
from trading.book import within
from trading.messages import BookChanged, MarketFact, TradesPrinted
from trading.words import Side

__all__ = ["Difference", "agreement", "class_of"]

MAKERS = "makers "
AGREED = "equal"
BEYOND, BELOW_ZERO, UNKNOWN, UNEXPLAINED = "beyond the window", "queue below zero", "unknown queue", "unexplained"
TICKS_OF_A_MARKET_ORDER = 100
COLUMNS = ("orders", "asked", "equal", "equal as far as visible", "same quantity", "same instant", "filled ours", "filled theirs", "unexplained")


class Difference(msgspec.Struct, frozen=True):
    ask: Ask
    theirs: Outcome
    ours: Outcome
    cause: str

    def __str__(self) -> str:
        ask = self.ask
        wanted = f"{ask.kind.value} {ask.side.value} {ask.quantity} @ {ask.price or 'any'} at {ask.at_ns}"
        return f"{wanted}: theirs {_told(self.theirs)}, ours {_told(self.ours)}: {self.cause}"


def agreement(market: RecordedMarket, count: int, seed: int, latency_ns: int) -> Part:
    """Part (a). Every difference is a note; where hftbacktest is not installed there are no rows, and a note says so."""
    title = f"(a) the same {count} orders at hftbacktest and at our account, constant latency {latency_ns // 10**6} ms"
    if not is_installed():
        return Part(title, COLUMNS, (), ("not measured: hftbacktest is not installed (pip install 'paper-agent[realism]')",))
    rows: list[tuple[str | int, ...]] = []
    notes = ["equal: filled or not, how much, and instant and price of the last execution; of a taker also what it took of its deepest level"]
    listed: dict[str, list[str]] = {}
    for name, asks, theirs, ours in _runs(market, count, seed, latency_ns):
        model = name.removeprefix(MAKERS)
        pairs = [(ask, theirs[ask.number], ours[ask.number]) for ask in asks]
        causes_found = [(pair, class_of(market, *pair, model, latency_ns)) for pair in pairs]
        differences = [Difference(*pair, cause) for pair, cause in causes_found if cause != AGREED]
        rows.append(_row(name, asks, theirs, ours, differences))
        causes = Counter(difference.cause for difference in differences)
        notes += [f"{name}: {number} {cause}" for cause, number in causes.most_common()]
        for difference in differences:
            listed.setdefault(str(difference), []).append(name)
    notes += [f"{difference} ({', '.join(names)})" for difference, names in listed.items()]
    return Part(title, COLUMNS, tuple(rows), tuple(notes))


def class_of(market: RecordedMarket, ask: Ask, theirs: Outcome, ours: Outcome, model: str = "", latency_ns: int = 0) -> str:
    """``equal``, or the class of the difference; ``model`` is the maker model of both."""
    if _compared(ask, ours) == _compared(ask, theirs):
        return BEYOND if ours.beyond else AGREED
    if ask.kind is not Kind.MAKER:
        return "deeper than 100 ticks" if _is_deep(market, ask, ours) else UNEXPLAINED
    if abs(ours.filled - theirs.filled) == market.instrument.step:
        return "rounding"
    if theirs.broken:
        return "their error"
    if 0 < theirs.last_at_ns <= (ours.last_at_ns or theirs.last_at_ns):
        same_instant = (fact for fact in market.between(theirs.last_at_ns, theirs.last_at_ns) if fact.at_ns == theirs.last_at_ns)
        found = next(filter(None, (_cause(fact, ask, theirs) for fact in same_instant)), None)
        if found is not None:
            return found
    if falls_below_zero(market, ask, model, ask.at_ns + latency_ns, max(theirs.last_at_ns, ours.last_at_ns)):
        return BELOW_ZERO
    return UNKNOWN if ours.unknown_queue else UNEXPLAINED


def _runs(
    market: RecordedMarket, count: int, seed: int, latency_ns: int,
) -> Iterator[tuple[str, list[Ask], dict[int, Outcome], dict[int, Outcome]]]:
    taking = takers(market, count, seed, latency_ns)
    engine = ReferenceEngine(market, rows_of(market, Beyond.FORGET), latency_ns)
    theirs, other_books = engine.outcomes(taking, market.book_at)
    engine.close()
    if other_books:
        raise RuntimeError(f"{other_books} of {len(taking)} books differ from the window they were made of")
    yield "takers", taking, theirs, outcomes(market, taking, account_settings(market, latency_ns), latency_ns)
    making, rows = makers(market, count, seed, latency_ns), rows_of(market, Beyond.KEEP)
    for model in QUEUE_MODELS:
        theirs = {}
        for ask in making:
            engine = ReferenceEngine(market, rows, latency_ns, model, POWER)
            theirs |= engine.outcomes([ask])[0]
            engine.close()
        yield f"{MAKERS}{model}", making, theirs, outcomes(market, making, account_settings(market, latency_ns, model), latency_ns)


def _row(
    name: str, asks: Iterable[Ask], theirs: dict[int, Outcome], ours: dict[int, Outcome], differences: list[Difference],
) -> tuple[str | int, ...]:
    pairs = [(theirs[ask.number], ours[ask.number]) for ask in asks]
    return (
        name, len(pairs), len(pairs) - len(differences), len(pairs) - sum(each.cause != BEYOND for each in differences),
        sum(one.filled == other.filled for one, other in pairs), sum(one.last_at_ns == other.last_at_ns for one, other in pairs),
        sum(bool(other.filled) for _, other in pairs), sum(bool(one.filled) for one, _ in pairs),
        sum(each.cause == UNEXPLAINED for each in differences),
    )


def _cause(fact: MarketFact, ask: Ask, theirs: Outcome) -> str | None:
    """Why hftbacktest filled more at a market fact than ours, as far as the fact alone says."""
    assert ask.price is not None, "only limits rest"
    if isinstance(fact, BookChanged):
        levels = fact.asks if ask.side is Side.BUY else fact.bids
        return "crossing window" if within(ask.side, ask.price, levels[0][0]) else None
    if not isinstance(fact, TradesPrinted):
        return None
    reached = [each for each in fact.prints if each.aggressor is not ask.side and within(ask.side, ask.price, each.price)]
    if any(each.price != ask.price for each in reached):
        return "trade through"
    traded = sum((each.quantity for each in reached), Decimal(0))
    return BELOW_ZERO if 0 < traded < theirs.last_quantity else None


def _is_deep(market: RecordedMarket, ask: Ask, ours: Outcome) -> bool:
    book = market.book_at(ours.last_at_ns)
    if ask.kind is not Kind.MARKET or book is None or ours.last_price is None:
        return False
    return abs(ours.last_price - book.opposite(ask.side)[0][0]) >= TICKS_OF_A_MARKET_ORDER * market.instrument.tick


def _compared(ask: Ask, outcome: Outcome) -> Outcome:
    """What both tell. Of a maker order hftbacktest tells the last execution only, and fills whole what ours fills trade by trade."""
    last_quantity = Decimal(0) if ask.kind is Kind.MAKER else outcome.last_quantity
    return msgspec.structs.replace(outcome, beyond=Decimal(0), unknown_queue=False, broken=False, last_quantity=last_quantity)


def _told(outcome: Outcome) -> str:
    if outcome.refused:
        return "refused"
    if not outcome.filled:
        return "nothing"
    return f"{outcome.filled} (last {outcome.last_quantity} @ {outcome.last_price} at {outcome.last_at_ns})"
