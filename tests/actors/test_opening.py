"""What a fresh account asks of the venue, and what it opens with."""

from decimal import Decimal

import pytest

from actors.envelopes import Fetched, FetchedBook, FetchedInstruments, FetchFailed
from actors.opening import BrokerSettings, Opening
from actors.process import Unstartable
from tests.trading.account_stories import BTC, INSTRUMENT
from trading.latency import FEWEST_SAMPLES, UNMEASURED, Constant, Fitted, LatencyModel, LogNormal

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
