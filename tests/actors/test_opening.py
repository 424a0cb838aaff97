"""What a fresh account asks of the venue, and what it opens with."""

from decimal import Decimal

import msgspec
import pytest

from actors.envelopes import (
    Fetch, Fetched, FetchedBook, FetchedInstruments, FetchedTiers, FetchFailed, FetchInstruments, FetchTiers, LegGiven, LegWanted, TierRow,
)
from actors.opening import MEASURED_WITHIN_NS, TIERS_WITHIN_NS, BrokerSettings, Opening
from actors.process import Unstartable
from tests.trading.account_stories import BTC, INSTRUMENT
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.latency import FEWEST_SAMPLES, UNMEASURED, Constant, Fitted, KnownLatency, LatencyModel, LogNormal
from trading.margin import MarginSettings, Tier
from trading.messages import SessionOpened

REST = LogNormal(Decimal(12), Decimal("0.3"), Decimal(90))
WS = LogNormal(Decimal(4), Decimal("0.1"), Decimal(11))
STATED = Constant(ms=Decimal(5))
LISTED = Fetched(request_id="instruments", answer=FetchedInstruments(instruments=(INSTRUMENT,)))


def opening(entry: LatencyModel, response: LatencyModel = STATED) -> Opening:
    account = {"position_max": {BTC: Decimal(1)}, "entry_latency": entry, "response_latency": response}
    return Opening(BrokerSettings(symbols=(BTC,), fingerprint="f", account=account))


def probe(name: str, leg: LogNormal | None) -> Fetched:
    return Fetched(request_id=name, answer=FetchedBook(symbol=BTC, bids=(), asks=()), leg_latency=leg)


def asked_of(asked: Opening) -> list[str]:
    """The names of what the venue is asked."""
    return [question.request_id for question in asked.questions() if isinstance(question, Fetch)]


def wants_leg(asked: Opening) -> bool:
    return LegWanted() in asked.questions()


def probed(asked: Opening, leg: LogNormal | None) -> AccountSettings | None:
    """Everything that REST is asked is answered; ``leg`` is what that took, known with the last answer."""
    asked.hear(LISTED)
    *first, last = asked_of(asked)
    for name in first:
        assert asked.hear(probe(name, None)) is None
    return asked.hear(probe(last, leg))


def legs(settings: AccountSettings | None) -> tuple[LatencyModel, LatencyModel]:
    assert settings is not None, "it should be open"
    return settings.entry_latency, settings.response_latency


def test_the_venue_is_asked_often_enough_to_be_timed_whatever_the_latency_is() -> None:
    assert len(asked_of(opening(Fitted()))) == len(asked_of(opening(STATED))) == 1 + FEWEST_SAMPLES


def test_with_a_stated_latency_the_rules_are_enough_to_open() -> None:
    asked = opening(Constant(ms=Decimal(50)))
    assert not wants_leg(asked)
    settings = asked.hear(LISTED)
    assert settings is not None and settings.entry_latency == Constant(ms=Decimal(50)) and settings.instruments == (INSTRUMENT,)


@pytest.mark.parametrize(("rest", "ws", "entry", "response"), [
    (REST, WS, REST, WS),
    (REST, None, REST, REST),
    (None, WS, WS, WS),
    (None, None, UNMEASURED, UNMEASURED),
])
def test_each_fitted_leg_is_its_own_transports_and_one_stands_in_for_the_other(
    rest: LogNormal | None, ws: LogNormal | None, entry: KnownLatency, response: KnownLatency,
) -> None:
    by_rest_first, by_ws_first = opening(Fitted(), Fitted()), opening(Fitted(), Fitted())
    assert probed(by_rest_first, rest) is None, "the feed has not answered"
    assert legs(by_rest_first.hear(LegGiven(leg_latency=ws, final=ws is None))) == (entry, response)
    assert by_ws_first.hear(LegGiven(leg_latency=ws, final=ws is None)) is None
    assert legs(probed(by_ws_first, rest)) == (entry, response)


@pytest.mark.parametrize(("entry", "response", "expected"), [
    (Fitted(), STATED, (REST, STATED)), (STATED, Fitted(), (STATED, WS)),
])
def test_a_stated_leg_stays_as_it_is_beside_a_fitted_one(
    entry: LatencyModel, response: LatencyModel, expected: tuple[LatencyModel, LatencyModel],
) -> None:
    asked = opening(entry, response)
    asked.hear(LegGiven(leg_latency=WS))
    assert legs(probed(asked, REST)) == expected


def test_the_feed_is_asked_until_it_knows_or_never_will() -> None:
    for last in (LegGiven(leg_latency=WS), LegGiven(final=True)):
        asked = opening(Fitted())
        assert wants_leg(asked)
        asked.hear(LegGiven())
        assert wants_leg(asked)
        asked.hear(last)
        assert not wants_leg(asked)


def test_a_feed_that_died_and_knows_nothing_yet_takes_nothing_back() -> None:
    asked = opening(Fitted(), Fitted())
    asked.hear(LegGiven(leg_latency=WS))
    asked.hear(LegGiven())
    assert legs(probed(asked, REST)) == (REST, WS)


@pytest.mark.parametrize(("rest_answers", "ws", "expected"), [
    (FEWEST_SAMPLES, None, (REST, REST)), (1, WS, (WS, WS)), (1, None, (UNMEASURED, UNMEASURED)),
])
def test_when_the_time_is_up_it_goes_on_with_what_there_is(
    rest_answers: int, ws: LogNormal | None, expected: tuple[LatencyModel, LatencyModel],
) -> None:
    asked = opening(Fitted(), Fitted())
    asked.hear(LISTED)
    for number, name in enumerate(asked_of(asked)[:rest_answers], 1):
        assert asked.hear(probe(name, REST if number == FEWEST_SAMPLES else None)) is None
    assert asked.hear(LegGiven(leg_latency=ws)) is None
    assert asked.waited(MEASURED_WITHIN_NS - 1) is None
    assert legs(asked.waited(MEASURED_WITHIN_NS)) == expected


def test_without_the_rules_of_the_symbols_it_does_not_open_even_then() -> None:
    asked = opening(Fitted(), Fitted())
    assert asked.waited(10 * MEASURED_WITHIN_NS) is None
    assert wants_leg(asked), "there is time for it"
    assert asked.hear(LegGiven(leg_latency=WS)) is None
    assert legs(asked.hear(LISTED)) == (WS, WS)


def test_what_is_answered_is_not_asked_again() -> None:
    asked = opening(Fitted())
    everything = asked_of(asked)
    asked.hear(LISTED)
    asked.hear(probe(everything[1], None))
    assert asked_of(asked) == everything[2:]


def test_a_probe_that_failed_is_an_answer_too() -> None:
    asked = opening(Fitted())
    asked.hear(LegGiven(leg_latency=WS))
    asked.hear(LISTED)
    answers = [asked.hear(Fetched(request_id=name, answer=FetchFailed(reason="deadline"))) for name in asked_of(asked)]
    assert answers[:-1] == (len(answers) - 1) * [None] and legs(answers[-1]) == (WS, STATED)


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
    assert asked.questions()[:2] == (
        Fetch(request_id="instruments", request=FetchInstruments(symbols=(BTC,)), deadline_ms=8_000),
        Fetch(request_id=f"tiers:{BTC}", request=FetchTiers(symbol=BTC), deadline_ms=8_000),
    )
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


def test_tiers_that_are_not_answered_are_asked_again_and_in_the_end_done_without() -> None:
    asked = Opening(MARGINED)
    assert asked.hear(LISTED) is None and asked_of(asked)[0] == f"tiers:{BTC}"
    assert asked.waited(TIERS_WITHIN_NS - 1) is None
    settings = asked.waited(TIERS_WITHIN_NS)
    assert settings is not None and settings.margin == {BTC: CONFIGURED} and asked.without_tiers == {BTC: "no answer"}


def test_tiers_that_come_late_are_taken_while_the_rules_are_still_waited_for() -> None:
    asked = Opening(MARGINED)
    assert asked.waited(TIERS_WITHIN_NS) is None, "without the rules nothing can be traded"
    assert asked_of(asked)[:2] == ["instruments", f"tiers:{BTC}"]
    asked.hear(tiers(*ROWS))
    settings = asked.hear(LISTED)
    assert settings is not None and settings.margin[BTC].tiers_from == "venue" and asked.without_tiers == {}


@pytest.mark.parametrize(("entry", "missing", "waited_ns"), [
    (STATED, "instruments", None), (STATED, f"tiers:{BTC}", TIERS_WITHIN_NS), (STATED, "latency:1", 0), (STATED, "leg", 0),
    (Fitted(), "instruments", None), (Fitted(), f"tiers:{BTC}", TIERS_WITHIN_NS), (Fitted(), "latency:1", MEASURED_WITHIN_NS),
    (Fitted(), "leg", MEASURED_WITHIN_NS),
])
def test_each_question_is_waited_for_as_long_as_it_is_worth(entry: LatencyModel, missing: str, waited_ns: int | None) -> None:
    """Everything else is answered; None: there is no opening without it."""
    asked = Opening(msgspec.structs.replace(MARGINED, account=ACCOUNT | {"entry_latency": entry}))
    answers: dict[str, Fetched | LegGiven] = {"instruments": LISTED, f"tiers:{BTC}": tiers(*ROWS), "leg": LegGiven(leg_latency=WS)}
    for name in [*asked_of(asked), "leg"]:
        if name != missing:
            asked.hear(answers.get(name, probe(name, REST)))
    opened = [limit_ns for limit_ns in (0, MEASURED_WITHIN_NS, TIERS_WITHIN_NS, 1 << 62) if asked.waited(limit_ns) is not None]
    assert opened[:1] == ([] if waited_ns is None else [waited_ns])


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
