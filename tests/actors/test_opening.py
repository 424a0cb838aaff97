"""What a fresh account asks of the venue, and what it opens with."""

from decimal import Decimal

import pytest

from actors.envelopes import Fetched, FetchedBook, FetchedInstruments, FetchFailed, LegGiven
from actors.opening import BrokerSettings, Opening
from actors.process import Unstartable
from tests.trading.account_stories import BTC, INSTRUMENT
from trading.account_settings import AccountSettings
from trading.latency import FEWEST_SAMPLES, UNMEASURED, Constant, Fitted, KnownLatency, LatencyModel, LogNormal

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
    return [question.request_id for question in asked.questions()]


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
    assert not asked.wants_leg
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
        assert asked.wants_leg
        asked.hear(LegGiven())
        assert asked.wants_leg
        asked.hear(last)
        assert not asked.wants_leg


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
    assert legs(asked.hurry()) == expected


def test_without_the_rules_of_the_symbols_it_does_not_open_even_then() -> None:
    asked = opening(Fitted(), Fitted())
    assert asked.hurry() is None and not asked.wants_leg
    assert legs(asked.hear(LISTED)) == (UNMEASURED, UNMEASURED)


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
