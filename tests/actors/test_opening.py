"""What a fresh account asks of the venue, and what it opens with."""

from decimal import Decimal

import pytest

from actors.envelopes import Fetched, FetchedBook, FetchedInstruments, FetchedTiers, FetchFailed, FetchInstruments, FetchTiers, TierRow
from actors.opening import BrokerSettings, Opening
from actors.process import Unstartable
from tests.trading.account_stories import BTC, INSTRUMENT
from trading.account import Account
from trading.latency import FEWEST_SAMPLES, UNMEASURED, Constant, Fitted, LatencyModel, LogNormal
from trading.margin import MarginSettings, Tier
from trading.messages import SessionOpened

MEASURED = LogNormal(Decimal(12), Decimal("0.3"), Decimal(90))
LISTED = Fetched(request_id="instruments", answer=FetchedInstruments(instruments=(INSTRUMENT,)))


def opening(entry: LatencyModel) -> Opening:
    account = {"position_max": {BTC: Decimal(1)}, "entry_latency": entry, "response_latency": Constant(ms=Decimal(5))}
    return Opening(BrokerSettings(symbols=(BTC,), fingerprint="f", account=account))


def probe(name: str, leg: LogNormal | None) -> Fetched:
    return Fetched(request_id=name, answer=FetchedBook(symbol=BTC, bids=(), asks=()), leg_latency=leg)


def probes_of(asked: Opening) -> list[str]:
    return [question.request_id for question in asked.questions()][1:]


def test_the_venue_is_asked_often_enough_to_be_timed_whatever_the_latency_is() -> None:
    assert len(probes_of(opening(Fitted()))) == len(probes_of(opening(Constant(ms=Decimal(50))))) == FEWEST_SAMPLES


def test_with_a_stated_latency_the_rules_are_enough_to_open() -> None:
    settings = opening(Constant(ms=Decimal(50))).hear(LISTED)
    assert settings is not None and settings.entry_latency == Constant(ms=Decimal(50)) and settings.instruments == (INSTRUMENT,)


@pytest.mark.parametrize(("last", "expected"), [(MEASURED, MEASURED), (None, UNMEASURED)])
def test_a_fitted_latency_waits_for_the_answers_and_is_what_they_took(last: LogNormal | None, expected: LogNormal) -> None:
    asked = opening(Fitted())
    *first, final = probes_of(asked)
    assert [asked.hear(each) for each in (LISTED, *(probe(name, None) for name in first))] == (len(first) + 1) * [None]
    settings = asked.hear(probe(final, last))
    assert settings is not None and (settings.entry_latency, settings.response_latency) == (expected, Constant(ms=Decimal(5)))


def test_a_probe_that_failed_is_an_answer_too() -> None:
    asked = opening(Fitted())
    names = probes_of(asked)
    asked.hear(LISTED)
    answers = [asked.hear(Fetched(request_id=name, answer=FetchFailed(reason="deadline"))) for name in names]
    assert answers[:-1] == (len(names) - 1) * [None] and answers[-1] is not None


@pytest.mark.parametrize("answer", [FetchFailed(reason="deadline"), FetchedInstruments(instruments=())])
def test_a_venue_that_does_not_trade_the_symbol_ends_the_start(answer: FetchFailed | FetchedInstruments) -> None:
    with pytest.raises(Unstartable, match=BTC):
        opening(Fitted()).hear(Fetched(request_id="instruments", answer=answer))


# ---------------------------------------------------------------------------------------------------- margin tiers

ROWS = (TierRow(Decimal(0), Decimal("50000.0"), 125, Decimal("0.0040")), TierRow(Decimal(50_000), Decimal(200_000), 100, Decimal("0.005")))
TIERS = (Tier(Decimal(0), Decimal(50_000), 125, Decimal("0.004")), Tier(Decimal(50_000), Decimal(200_000), 100, Decimal("0.005")))
CONFIGURED = MarginSettings(15, (Tier(Decimal(0), Decimal(9_000), 50, Decimal("0.01")),))
ACCOUNT = {"position_max": {BTC: Decimal(1)}, "entry_latency": Constant(ms=Decimal(50)), "margin": {BTC: CONFIGURED}}
MARGINED = BrokerSettings(symbols=(BTC,), fingerprint="f", account=ACCOUNT)


def tiers(*rows: TierRow, symbol: str = BTC) -> Fetched:
    return Fetched(request_id=f"tiers:{BTC}", answer=FetchedTiers(symbol=symbol, rows=rows))


def failed(reason: str) -> Fetched:
    return Fetched(request_id=f"tiers:{BTC}", answer=FetchFailed(reason=reason))


@pytest.mark.parametrize("tiers_first", [True, False])
def test_the_venues_tiers_are_those_of_the_account_at_the_configured_leverage(tiers_first: bool) -> None:
    asked = Opening(MARGINED)
    assert [type(each.request) for each in asked.questions()][:2] == [FetchInstruments, FetchTiers]
    answers = [LISTED, tiers(*ROWS)]
    first, second = map(asked.hear, answers[::-1] if tiers_first else answers)
    assert first is None and second is not None
    assert second.margin == {BTC: MarginSettings(15, TIERS, "venue")} and asked.without_tiers == {}


@pytest.mark.parametrize(("story", "answer", "reason"), [
    ("refused, as by a tape that has none", failed("code 20015: this Futures is not allowed to trade."), "code 20015"),
    ("too late", failed("deadline"), "deadline"),
    ("none", tiers(), "tiers must not be empty"),
    ("overlapping", tiers(ROWS[0], TierRow(Decimal(49_999), Decimal(200_000), 100, Decimal("0.005"))), "must not overlap"),
    ("from more to less", tiers(TierRow(Decimal(5), Decimal(4), 1, Decimal("0.1"))), "end_value must be above start_value"),
    ("no leverage", tiers(TierRow(Decimal(0), Decimal(4), 0, Decimal("0.1"))), "leverage must be at least 1"),
    ("more margin to keep than to open with", tiers(TierRow(Decimal(0), Decimal(4), 20, Decimal("0.05"))), "below 1 / leverage"),
    ("a rate that is none", tiers(TierRow(Decimal(0), Decimal(4), 20, Decimal("NaN"))), "must be a fraction"),
    ("of another symbol", tiers(*ROWS, symbol="ETHUSDT"), "another answer"),
    ("another answer", Fetched(request_id=f"tiers:{BTC}", answer=LISTED.answer), "another answer"),
    ("without an end", tiers(*(TierRow(Decimal(n), Decimal(n + 1), 1, Decimal("0.1")) for n in range(101))), "101 tiers"),
])
def test_where_the_venue_gives_none_the_configured_tiers_stand_in_and_it_is_known_why(story: str, answer: Fetched, reason: str) -> None:
    asked = Opening(MARGINED)
    asked.hear(answer)
    settings = asked.hear(LISTED)
    assert settings is not None and settings.margin == {BTC: CONFIGURED}, story
    assert reason in asked.without_tiers[BTC]


def test_what_is_not_answered_is_asked_again_and_in_the_end_done_without() -> None:
    asked = Opening(MARGINED)
    assert [each.request_id for each in asked.unanswered] == ["instruments", f"tiers:{BTC}"]
    assert asked.overdue() is None, "without the rules nothing can be traded"
    assert asked.hear(LISTED) is not None, "from now on they are enough"
    asked = Opening(MARGINED)
    asked.hear(LISTED)
    assert [each.request_id for each in asked.unanswered] == [f"tiers:{BTC}"]
    settings = asked.overdue()
    assert settings is not None and settings.margin == {BTC: CONFIGURED} and asked.without_tiers == {BTC: "no answer"}


def test_an_account_of_a_ledger_trades_by_the_tiers_of_its_first_row_whatever_is_configured_now() -> None:
    asked = Opening(MARGINED)
    asked.hear(tiers(*ROWS))
    opened_with = asked.hear(LISTED)
    assert opened_with is not None
    facts = Account(opened_with, "f").open(0)
    (opened,) = facts
    assert isinstance(opened, SessionOpened) and str(opened.margin[BTC].tiers[0].maintenance_rate) == "0.004"
    changed = BrokerSettings(symbols=(BTC,), fingerprint="f", account=ACCOUNT | {"margin": {}})
    venues = {BTC: MarginSettings(15, TIERS, "venue")}
    assert changed.of_ledger(opened).margin == venues
    assert Account.folded(facts).desk.settings.margin == venues
    assert Account.recover(opened_with, "f", facts).desk.settings.margin == venues
