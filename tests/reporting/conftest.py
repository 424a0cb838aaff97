"""Sessions to report on: played by the real account, kept in a real ledger."""

from collections.abc import Callable
from pathlib import Path

import pytest

from records.ledger import Ledger
from records.workspace import RunPaths
from tests.trading.account_stories import Story, settings
from trading.messages import CancelAll
from trading.words import Side

Play = Callable[[], Story]


@pytest.fixture
def played() -> Story:
    """Both liquidities, a flip through zero, a rejection, a funding payment, orders canceled at the end; long 0.05 at the end."""
    story = Story(settings())
    story.book("29999.9", "30000.1", at_ms=0)
    story.mark("30000", "0.0001", 5_000)
    story.buy("0.1")
    story.book("30999.9", "31000.1", at_ms=1_000)
    story.mark("31000", "0.0001", 5_000)
    story.buy("0.1")
    story.sell("0.15", "31999.9")
    story.book("31999.8", "32000.1", at_ms=2_000)
    story.trade("32000", "0.2", Side.BUY, at_ms=2_500)
    story.mark("30000", "0.0001", 5_000, at_ms=4_000)
    story.mark("32000.05", "0.0001", 5_000, at_ms=5_000)
    story.sell("0.15")
    story.buy("0.15")
    story.buy("0.01", "1")
    story.buy("0.00001")
    story.facts += story.account.on(CancelAll(reason="stop"), story.now_ns)
    story.facts += story.account.close(story.now_ns, "stop")
    return story


@pytest.fixture
def run(tmp_path: Path, played: Story) -> RunPaths:
    """A finished run's directory with the played session's ledger in it."""
    paths = RunPaths(tmp_path / "run-1")
    paths.directory.mkdir()
    ledger = Ledger.open(paths.ledger, create=True)
    ledger.append(played.facts)
    ledger.close()
    return paths
