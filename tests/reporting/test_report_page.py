"""report.html: the figures of the session with every digit, pictures that can be read, and nothing foreign that could act."""

import re
from base64 import b64encode
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.ledger import LedgerReader
from records.workspace import RunPaths
from reporting.artefacts import RunFacts, write_artefacts, write_page
from reporting.curves import Curve, Point, Sample
from reporting.markup import CELL_BYTES, shown
from reporting.report_page import report_page
from reporting.summary_file import Ending, read_summary, summary_content
from tests.trading.account_stories import BTC, MS, START, Story
from trading.messages import AccountFact, DenyOrder, EquityMarked, OrderFilled, OrderRejected
from trading.summary import fold
from trading.words import Side

RUN = RunFacts(
    run_id="run-1", venue="sim", symbols=(BTC,), strategy="quoter", seed=7, fingerprint="f" * 16,
    started_at="2026-01-02T03:04:05.000000Z", planned_duration_s=600.0,
)
ENDING = Ending(
    reason="duration", exit_code=0, ended_at="2026-01-02T03:14:05.000000Z", duration_s=599.5, restarts={"feed": 2, "broker": 0},
    recoveries_ms={"feed": [131.5, 240.5]}, rss_tree_peak_bytes=250_000_000,
    metrics={
        "reconnect_attempt_count": 3.0, "rate_limiter_wait_seconds": 0.125, "order_ack_ms_p95": 10.99, "market_age_ms_max": 5.687,
        "bars_closed": 81.0,
    },
)
HOSTILE = "</title></style></script><script>alert(1)</script><img src=x onerror=alert(2)> \" ' & \x1b[31m \u202e \x00 \ufffe"
LIMIT_BYTES = 500_000

VOID = {"meta", "link", "img", "br", "hr", "input"}
TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "span", "b", "code", "div", "section", "figure",
    "figcaption", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "a", "svg", "path", "polygon",
    "polyline", "rect", "text",
}
ATTRIBUTES = {
    "lang", "charset", "content", "name", "http-equiv", "class", "href", "viewbox", "role", "aria-label", "d", "points", "x", "y", "dy",
    "width", "height", "transform",
}


class Page(HTMLParser):
    """Reads a page strictly: every tag and attribute is one that we know, and whatever is opened is closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} stays open" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.faults += [f"<{tag}>"] if tag not in TAGS else []
        self.faults += [f"{name}= in {tag}" for name, _ in attrs if name not in ATTRIBUTES]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


def summary_of(facts: list[AccountFact], **changes: Any) -> dict[str, Any]:
    return {**summary_content(RUN, ENDING, fold(facts), len(facts), "ab" * 32), **changes}


def page_of(facts: list[AccountFact], **changes: Any) -> str:
    return report_page(summary_of(facts, **changes), iter(facts))


def pictures(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def tooltips(page: str, *, class_part: str) -> list[str]:
    return [
        element.findtext("title") or "" for picture in pictures(page) for element in picture.iter()
        if class_part in (element.get("class") or "") and element.find("title") is not None
    ]


def marks(count: int, price: Decimal = Decimal(30_000)) -> Iterator[EquityMarked]:
    """A curve that saws, with one deep fall and one high peak of a single point each."""
    for number in range(count):
        equity = Decimal(10_000) + Decimal(number * 7 % 101) / 8
        equity += {count // 3: Decimal(-4321), count // 2: Decimal(9876)}.get(number, Decimal(0))
        yield EquityMarked(
            at_ns=START + number * 1000 * MS, balance=equity, unrealized_pnl=Decimal(0), equity=equity, marks={BTC: price + number % 17},
        )


@pytest.fixture
def page(played: Story) -> str:
    return page_of(played.facts)


# ---------------------------------------------------------------------------------------------------- what it says


def test_it_opens_with_how_the_session_ended(page: str) -> None:
    text = Page(page).text
    assert text.index("Run run-1") < text.index("the planned duration was reached; every order is settled") < text.index("exit code 0")
    assert "Paper trading" in text


def test_an_exit_code_that_is_not_zero_is_not_shown_as_good(played: Story) -> None:
    killed = page_of(played.facts, exit_code=99, outcome="killed by SIGUSR1: orders canceled, positions flattened")
    assert 'class="code bad">exit code 99<' in killed and 'class="code good">exit code 0<' in page_of(played.facts)


def test_profit_is_split_with_every_digit(page: str) -> None:
    text = Page(page).text
    assert "realized +257.67 unrealized -4.7975 fees -6.8991455 funding -0.15 net +245.8233545" in text
    assert "10000 at the start, 10250.6208545 at the end" in text and "10245.8233545" in text


def test_a_net_rebate_is_money_that_came_in(played: Story) -> None:
    assert "fees +1.25 (a net rebate)" in Page(page_of(played.facts, fees_paid_usd=Decimal("-1.25"))).text


def test_every_fill_is_a_row_and_a_marker_with_its_particulars() -> None:
    story = Story()
    story.book(at_ms=0)
    story.mark("30000")
    story.buy("0.1", reason="breakout")
    story.sell("0.1", "30100", reason="take profit")
    story.book("30050", "30051", at_ms=1_000)
    story.trade("30101", "1", Side.BUY, at_ms=1_500)
    taken, made = story.fills
    page = page_of(story.facts)
    markers = [tip for kind in ("BUY TAKER", "SELL MAKER") for tip in tooltips(page, class_part=kind)]
    assert len(markers) == 2
    for fill, tip, reason in ((taken, markers[0], "breakout"), (made, markers[1], "take profit")):
        words = (fill.side, str(fill.quantity), f"{fill.price.normalize():f}", fill.liquidity, f"{fill.fee.normalize():f}", reason)
        assert all(word in tip for word in words) and "slippage_bps" in tip and tip.startswith("1970-01-01 00:16:4")
        row = next(row for row in re.findall(r"<tr>.*?</tr>", page) if reason in row)
        assert all(f">{word}<" in row for word in words)


def test_makers_and_takers_buys_and_sells_differ_by_shape(page: str) -> None:
    paths = [element for picture in pictures(page) for element in picture.iter("path")]
    shapes = {path.get("class"): path.get("d") for path in paths if "AKER" in (path.get("class") or "")}
    assert len(shapes) == 4 == len(set(shapes.values()))


def test_more_fills_than_fit_are_counted_not_shown() -> None:
    story = Story()
    story.book(at_ms=0)
    story.mark("30000")
    for number in range(520):
        (story.buy if number % 2 else story.sell)("0.001")
    page = page_of(story.facts)
    assert "20 more are in fills.csv" in page and "one fill in 4 is drawn" in page
    assert len(re.findall(r"<td>TAKER</td>", page)) == 500
    assert len(tooltips(page, class_part="TAKER")) == 130


def test_denials_and_rejections_are_told_in_their_own_words() -> None:
    story = Story()
    story.book(at_ms=0)
    story.buy("0.00001")
    said = "POSITION_LIMIT_EXCEEDED: symbol=BTCUSDT, requested=5, limit=0.1"
    story.tell(DenyOrder(order=story.order(Side.BUY, "5", "30000"), reason="position_limit", text=said))
    text = Page(page_of(story.facts)).text
    assert f"DENIED o-2 BUY 5 30000 position_limit {said}" in text and "DENIED 1 1 position_limit" in text
    (rejected,) = story.of(OrderRejected)
    assert f"REJECTED o-1 BUY 0.00001 - {rejected.reason} {rejected.text}" in text


def test_orders_are_counted_by_their_end_with_the_reasons(page: str) -> None:
    assert re.search(r"CANCELED 1 1 stop FILLED 5 REJECTED 1 1 \w+", Page(page).text)


def test_restarts_recoveries_and_metrics_that_people_look_for_are_there(page: str) -> None:
    text = Page(page).text
    assert "feed 2 131.5 ms, 240.5 ms" in text
    assert re.search(r"recovery_ms: .*p50 240\.5 ms, p95 240\.5 ms, max 240\.5 ms, over 2 recoveries", text)
    assert "reconnect_attempt_count 3" in text and "rate_limiter_wait_seconds 0.125" in text
    assert "order_ack_ms - 10.99 -" in text and "market_age_ms - - 5.687" in text and "bars_closed 81" in text


def test_it_says_how_to_repeat_the_run_and_how_to_check_the_ledger(page: str) -> None:
    text = Page(page).text
    assert "python run_agent.py --venue sim --symbol BTCUSDT --strategy quoter --seed 7 --duration 600" in text
    assert "ab" * 32 in text and "python run_agent.py verify run-1" in text


def test_models_and_fees_are_named_as_the_ledger_has_them(played: Story) -> None:
    opened = played.settings
    text = Page(page_of(played.facts)).text
    assert f"the model {opened.slippage_model}" in text and f"the schedule {opened.fee_schedule}" in text


# ---------------------------------------------------------------------------------------------------- what it is


def test_it_is_one_well_formed_file_that_asks_for_nothing_and_runs_nothing(page: str) -> None:
    read = Page(page)
    assert read.faults == []
    assert all(re.fullmatch(r"[a-z.]+", link) for link in read.links) and "://" not in page and "url(" not in page and "@import" not in page
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    allowed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{allowed}'" in page and "unsafe" not in page


def test_pictures_are_xml_and_nothing_is_drawn_outside(page: str) -> None:
    charts = [picture for picture in pictures(page) if picture.get("role") == "img"]
    assert len(charts) == 3
    for chart in charts:
        _, _, width, height = map(float, (chart.get("viewBox") or "").split())
        pairs = [pair for line in chart.iter() for pair in (line.get("points") or "").split()]
        pairs += [",".join(found) for each in chart.iter() for found in re.findall(r"translate\((\S+) (\S+)\)", each.get("transform") or "")]
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in (pair.split(",") for pair in pairs))


def test_foreign_text_does_nothing_wherever_it_stands() -> None:
    story = Story()
    story.book(at_ms=0)
    story.mark("30000")
    story.buy("0.1", reason=HOSTILE)
    story.tell(DenyOrder(order=story.order(Side.BUY, "5", "30000", client_order_id=HOSTILE), reason=HOSTILE, text=HOSTILE))
    story.facts += story.account.close(story.now_ns, "stop")
    keys = ("run_id", "venue", "strategy", "fingerprint", "started_at", "ended_at", "outcome", "ledger_head")
    page = page_of(
        story.facts, **{key: HOSTILE for key in keys}, symbols=[HOSTILE], metrics={HOSTILE: 1.0}, restarts={HOSTILE: HOSTILE},
        recoveries_ms={HOSTILE: [HOSTILE]}, orders={HOSTILE: 1}, positions={HOSTILE: Decimal(1)},
    )
    assert Page(page).faults == [] and "<script" not in page and "<img" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufffe\uffff]", page)
    assert len(pictures(page)) == 7


@given(st.text(max_size=3 * CELL_BYTES), st.integers(10, CELL_BYTES))
def test_shown_text_is_bounded_and_means_only_itself(text: str, limit_bytes: int) -> None:
    escaped = shown(text, limit_bytes)
    assert len(escaped.encode()) <= limit_bytes
    assert ElementTree.fromstring(f'<a b="{escaped}">{escaped}</a>').text in (None, ElementTree.fromstring(f'<a b="{escaped}"/>').get("b"))


@pytest.mark.parametrize("facts", [[], Story().facts], ids=["no facts", "opened only"])
def test_a_session_in_which_nothing_happened_has_a_page_too(facts: list[AccountFact]) -> None:
    page = page_of(facts)
    text = Page(page).text
    assert Page(page).faults == [] and "no equity was marked" in text and "net 0" in text and "flat" in text


def test_a_summary_that_says_nothing_has_a_page_too(played: Story) -> None:
    assert Page(report_page({}, played.facts)).faults == []


@pytest.mark.parametrize("count", [1, 2, 600, 100_000])
def test_curves_of_any_length_stay_small_and_keep_their_extremes(count: int) -> None:
    page = report_page(summary_of([]), [*Story().facts, *marks(count)])
    assert len(page.encode()) < LIMIT_BYTES and Page(page).faults == []
    line = next(element for element in pictures(page)[0].iter("polyline"))
    heights = [float(pair.split(",")[1]) for pair in (line.get("points") or "").split()]
    assert len(heights) <= 2002 and (count > 2000 or len(heights) == count)
    if count > 2:
        assert max(heights) - min(heights) > 0.85 * 200  # a single deep point and a single high one span the picture


def test_the_worst_session_stays_below_the_limit() -> None:
    story = Story()
    story.book(at_ms=0)
    story.mark("30000")
    reason = "<\"'&>" * 100
    for number in range(600):
        (story.buy if number % 2 else story.sell)("0.001", reason=reason, client_order_id=f"{number}{reason}")
        story.tell(DenyOrder(order=story.order(Side.BUY, "5", "30000", client_order_id=f"d{number}{reason}"), reason=reason, text=reason))
    two = [msgspec.structs.replace(each, marks={**each.marks, "ETHUSDT": each.equity}) for each in marks(20_000)]
    page = page_of([*story.facts, *two], metrics={f"{reason}{number}": 1.0 for number in range(1000)})
    assert len(page.encode()) < LIMIT_BYTES and Page(page).faults == []


def test_the_drawdown_at_a_point_is_told_where_one_points() -> None:
    equities = (10_000, 10_100, 9_898, 10_200)
    facts = [
        EquityMarked(at_ns=START + number * 10**9, balance=Decimal(each), unrealized_pnl=Decimal(0), equity=Decimal(each), marks={})
        for number, each in enumerate(equities)
    ]
    told = tooltips(report_page({}, facts), class_part="reading")
    assert "1970-01-01 00:16:42.000: 9898, 202 (2.0000 %) below the highest so far" in told
    assert "1970-01-01 00:16:41.000: 10100, the highest so far" in told


# ---------------------------------------------------------------------------------------------------- series


def replayed(values: list[int]) -> Curve:
    curve = Curve()
    for number, value in enumerate(values):
        curve.add(number, Decimal(value))
    return curve


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=300), st.integers(1, 40))
def test_a_curve_keeps_ends_and_extremes_in_order(values: list[int], times: int) -> None:
    values = (values * times)[:9000]
    points = replayed(values).points()
    kept = [point.value for point in points]
    assert [kept[0], kept[-1], min(kept), max(kept)] == [Decimal(each) for each in (values[0], values[-1], min(values), max(values))]
    assert [point.number for point in points] == sorted({point.number for point in points}) and len(points) <= 2002
    assert all(values[point.number] == point.value for point in points)
    assert len(values) > 2000 or len(points) == len(values)


def test_every_point_knows_the_highest_before_it_even_when_that_is_not_kept() -> None:
    values = [(number * 7919) % 1000 for number in range(5000)]
    assert all(point.highest == max(values[: point.number + 1]) for point in replayed(values).points())


def test_the_value_at_the_start_counts_as_the_highest() -> None:
    curve = Curve()
    curve.start_from(Decimal(10))
    curve.add(1, Decimal(9))
    assert curve.points() == [Point(0, 1, Decimal(9), Decimal(10))]


@given(st.integers(0, 5000))
def test_a_sample_is_even_and_bounded(count: int) -> None:
    sample: Sample[int] = Sample(300)
    for number in range(count):
        sample.add(number)
    assert len(sample.kept) <= 300 and sample.count == count
    assert sample.kept == list(range(0, count, sample.every))


# ---------------------------------------------------------------------------------------------------- the file


def test_the_page_is_written_with_the_other_artefacts_for_its_owner_only(run: RunPaths) -> None:
    write_artefacts(run, RUN, msgspec.structs.asdict(ENDING), "duration")
    assert run.report.stat().st_mode & 0o777 == 0o600
    page = run.report.read_text(encoding="utf-8")
    assert "+245.8233545" in page and LedgerReader(run.ledger).head[1] in page


def test_the_page_is_a_function_of_summary_and_ledger(run: RunPaths) -> None:
    write_artefacts(run, RUN, msgspec.structs.asdict(ENDING), "duration")
    first, summary = run.report.read_bytes(), read_summary(run.summary)
    assert summary is not None
    write_page(LedgerReader(run.ledger), run, summary)
    assert run.report.read_bytes() == first


def test_facts_behind_the_summary_are_not_on_the_page(run: RunPaths, played: Story) -> None:
    first_fill = next(seq for seq, fact in LedgerReader(run.ledger).facts() if isinstance(fact, OrderFilled))
    write_page(LedgerReader(run.ledger), run, summary_of(played.facts, ledger_seq=first_fill))
    assert len(re.findall(r"<td>TAKER</td>", run.report.read_text(encoding="utf-8"))) == 1
