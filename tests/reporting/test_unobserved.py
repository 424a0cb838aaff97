"""A session in which the market was out of sight: every reader is told, with the times, the numbers and the orders that were open."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from records.ledger import Ledger
from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts
from reporting.chronicle import OUTAGE_ROWS, Chronicle
from reporting.closing_text import summary_lines
from reporting.export import export
from reporting.report_page import report_page
from tests.reporting.test_report_page import Page, page_of, pictures, summary_of
from tests.trading.account_stories import BTC, SECOND, START, Story, settings
from trading.messages import AccountFact, CancelAll, PassOver


def a_blind_session(lost: int = 1) -> list[AccountFact]:
    """Three seconds of silence with an order open, ``lost`` times; then a gap of two numbers, which lasts to the end."""
    story = Story(settings(equity_interval_ms=500))
    story.book(at_ms=0)
    story.buy("0.1", "29000", client_order_id="rests")
    for number in range(lost):
        story.book(at_ms=10_000 * number + 1_000)
        story.stale(reason="no_valid_message", at_ms=10_000 * number + 1_000)
        story.book(at_ms=10_000 * number + 4_000)
    story.tell(PassOver(first=story.account.market_sequence + 1, last=story.account.market_sequence + 2))
    story.facts += story.account.on(CancelAll(reason="stop"), story.now_ns + SECOND)
    story.facts += story.account.close(story.now_ns + SECOND, "stop")
    return story.facts


def bands(page: str) -> list[ElementTree.Element]:
    return [element for picture in pictures(page) for element in picture.iter() if element.get("class") == "unseen"]


def test_the_page_has_a_band_in_each_picture_and_a_row_for_each_outage() -> None:
    page = page_of(a_blind_session())
    assert Page(page).faults == []
    text = Page(page).text
    assert "2 times, 4 s of event time in all" in text
    assert "no_valid_message - rests" in text
    assert "1970-01-01 00:16:41.000 1970-01-01 00:16:44.000" in text and "not seen again BTCUSDT gap 5 to 6 rests" in text
    assert "red bands: nobody saw the market" in text
    drawn = bands(page)
    assert len(drawn) == 2 * 3, "two in each of equity, price and position"
    assert all(float(band.get("width", "0")) >= 1 for band in drawn)
    assert (drawn[0].findtext("title") or "").startswith("1970-01-01 00:16:41.000 to 1970-01-01 00:16:44.000: BTCUSDT was not seen")


def test_a_session_that_saw_everything_says_so(played: Story) -> None:
    page = page_of(played.facts)
    assert bands(page) == [] and "the market was seen from the first window" in Page(page).text


def test_many_outages_are_counted_and_the_first_ones_shown() -> None:
    facts = a_blind_session(OUTAGE_ROWS + 5)
    chronicle = Chronicle.of(facts)
    assert (len(chronicle.outages), chronicle.outage_count) == (OUTAGE_ROWS, OUTAGE_ROWS + 6)
    assert "6 more are in unobserved.csv" in Page(report_page(summary_of(facts), facts)).text


def test_the_last_words_name_it() -> None:
    lines = summary_lines(summary_of(a_blind_session()), Path("/w/summary.json"))
    assert any("the market was not seen 2 times, 4.00 s in all, with 1 orders open" in line for line in lines)


def test_what_only_the_session_knew_is_not_made_up_for_one_that_was_killed_whole() -> None:
    text = Page(page_of(a_blind_session(), ended_by="killed_whole", exit_code=None)).text
    assert "not known: nobody was left to say it" in text and "nothing had to recover" not in text


@pytest.fixture
def blind(tmp_path: Path) -> RunPaths:
    paths = RunPaths(tmp_path / "blind")
    paths.directory.mkdir()
    ledger = Ledger.open(paths.ledger, create=True)
    ledger.append(a_blind_session())
    ledger.close()
    return paths


def test_the_table_has_one_row_for_each_loss(blind: RunPaths) -> None:
    out = StringIO()
    export(blind.ledger, "unobserved", out)
    first, second = csv.DictReader(StringIO(out.getvalue()))
    assert (first["symbol"], first["reason"], first["from_ns"], first["to_ns"]) == (
        BTC, "no_valid_message", str(START + SECOND), str(START + 4 * SECOND))
    assert (second["reason"], second["to_ns"], second["first_missing"], second["last_missing"]) == ("gap", "", "5", "6")
    assert json.loads(second["open_orders"]) == ["rests"]


def test_summary_and_tables_say_it_too(blind: RunPaths) -> None:
    facts = RunFacts(run_id="r", venue="sim", symbols=(BTC,), strategy="s", seed=1, fingerprint="f", started_at="", planned_duration_s=1.0)
    write_artefacts(blind, facts, {"duration_s": 1.0}, "stop")
    summary: dict[str, Any] = json.loads(blind.summary.read_bytes())
    assert (summary["unobserved_count"], summary["unobserved_s"], summary["unobserved_orders"]) == (2, 4, ["rests"])
    assert (summary["ended_by"], summary["canceled_later"]) == ("session", [])
    assert blind.unobserved_csv.read_text().count("\n") == 3
