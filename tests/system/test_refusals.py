"""Sessions that do not start, or have no market: a sentence, an exit code, and nothing left."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.system.conftest import MakePlace
from tests.system.driver import Place, at_s, until
from tests.system.settings import EXCHANGE, QUOTER, RESTING, SESSION

USAGE, UNAVAILABLE, CANNOT_CREATE, BUSY, CONFIG = 64, 69, 73, 75, 78


@pytest.fixture
def closed_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_a_second_session_in_the_same_workspace_names_the_first(place: Place) -> None:
    first = place.start()
    first.wait_for("SESSION_STARTING")
    second = place.start()
    assert second.ended() == BUSY
    assert str(first.process.pid) in second.complaints.read_text()
    first.wait_for("SESSION_RUNNING")
    first.send(signal.SIGTERM)
    assert first.ended() == 0, first.story()
    assert place.run.run_id == first.events[0]["run_id"]


def test_a_workspace_that_cannot_be_made_is_refused_before_anything_starts(place: Place) -> None:
    (place.root / ".workspace").write_text("not a directory")
    session = place.start()
    assert session.ended() == CANNOT_CREATE
    said = session.complaints.read_text()
    assert str(place.workspace.home) in said and "cannot write there" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_without_permission_to_write_is_refused(place: Place) -> None:
    place.root.chmod(0o500)
    try:
        assert place.start().ended() == CANNOT_CREATE
    finally:
        place.root.chmod(0o700)


def test_every_fault_of_the_configuration_is_named_with_file_and_line(place: Place) -> None:
    place.configure({(SESSION, "hang_after_ms"): "fast", (EXCHANGE, "stale_after_s"): "-1", (QUOTER, "quantity"): "0"})
    risk = place.config / "risk.yaml"
    risk.write_text(risk.read_text().replace("BTCUSDT: 0.1", "ETHUSDT: 0.1") + "\nunheard_of: 1\n")
    session = place.start()
    assert session.ended() == CONFIG
    said = session.complaints.read_text()
    for name, key in ((SESSION, "hang_after_ms"), (EXCHANGE, "stale_after_s"), (QUOTER, "quantity"), ("risk.yaml", "unheard_of")):
        path = place.config / name
        number = next(number for number, line in enumerate(path.read_text().splitlines(), 1) if line.strip().startswith(f"{key}:"))
        assert f"{name}:{number}:" in said, said
    assert place.workspace.run_ids() == ()
    place.assert_nothing_left()


def test_a_symbol_without_limits_is_not_traded_and_the_line_to_add_is_shown(place: Place) -> None:
    session = place.start("--symbol", "ETHUSDT")
    assert session.ended() == CONFIG
    assert "no limit for ETHUSDT" in session.complaints.read_text() and "ETHUSDT: " in session.complaints.read_text()


@pytest.mark.parametrize(
    ("words", "meant"),
    [(("run", "--durration", "5"), "--duration"), (("kil",), "kill"), (("run", "--duration", "-5"), "--duration"),
     (("run", "--mode", "live"), "paper")],
)
def test_what_the_command_line_cannot_mean_is_answered_with_what_was_probably_meant(place: Place, words: tuple[str, ...], meant: str) -> None:
    told = place.say(*words)
    assert told.code == USAGE
    assert meant in told.err
    assert not place.workspace.home.exists()


@pytest.mark.parametrize("verb", ["status", "stop", "kill"])
def test_without_a_session_there_is_nobody_to_talk_to(place: Place, verb: str) -> None:
    told = place.say(verb)
    assert told.code == UNAVAILABLE and "no session is running" in told.err


def test_a_venue_that_cannot_be_reached_is_tried_again_until_the_timeout(make_place: MakePlace, closed_port: int) -> None:
    place = make_place({
        (EXCHANGE, "ws_url"): f'"ws://127.0.0.1:{closed_port}/public/"', (EXCHANGE, "rest_url"): f'"http://127.0.0.1:{closed_port}"',
    })
    session = place.start("--venue", "bitunix", "--connect-timeout", "3")
    assert session.ended() == UNAVAILABLE, session.story()
    assert len(session.all("RECONNECT_ATTEMPT")) >= 2
    assert "no market data" in session.all("SESSION_GIVEN_UP")[0]["fields"]["reason"]
    summary = place.summary()
    assert (summary["exit_code"], summary["total_trades"]) == (UNAVAILABLE, 0)
    assert summary["metrics"]["reconnect_attempt_count"] >= 2
    place.assert_nothing_left()


@pytest.mark.slow
def test_a_duration_too_short_for_the_warm_up_is_said_at_the_start(make_place: MakePlace) -> None:
    place = make_place({(QUOTER, "warmup_bars"): "50", (QUOTER, "bar_interval"): "500ms"})
    session = place.start(duration_s=1)
    assert session.ended() == 0, session.story()
    warned = session.all("DURATION_TOO_SHORT")[0]
    assert "25 s" in warned["fields"]["sentence"]
    assert at_s(warned) <= at_s(session.all("CHILD_STARTED")[0])
    assert place.summary()["total_trades"] == 0


@pytest.mark.slow
def test_a_session_that_was_long_enough_but_never_warm_is_a_failure(make_place: MakePlace) -> None:
    place = make_place({(QUOTER, "warmup_bars"): "20", (SESSION, "faults"): '"freeze@1.5+60"'})
    session = place.start(duration_s=18.5)
    assert session.ended(40) == UNAVAILABLE, session.story()
    assert "warm-up was never completed" in place.summary()["reason"]
    assert session.all("WARMUP_NEVER_COMPLETED")


@pytest.mark.slow
def test_the_run_directory_of_another_run_is_not_taken(place: Place) -> None:
    assert place.start("--run-id", "mine", duration_s=1).ended() == 0
    before = place.run.summary.read_bytes()
    again = place.start("--run-id", "mine", duration_s=1)
    assert again.ended() == CANNOT_CREATE
    assert place.run.summary.read_bytes() == before


def test_status_tells_programs_and_people_how_the_session_stands(make_place: MakePlace) -> None:
    place = make_place(RESTING)
    session = place.start()
    session.wait_for_resting(6)

    def shown() -> dict[str, Any] | None:
        told = place.say("status", "--json")
        found: dict[str, Any] = json.loads(told.out) if told.code == 0 else {}
        symbols = found.get("symbols") or {}
        return found if symbols and symbols["BTCUSDT"]["working_orders"] == 6 else None

    status = until(shown, "a status with six working orders")
    assert set(status) == {"run_id", "state", "elapsed_s", "duration_s", "venue", "symbols", "pnl", "actors", "metrics"}
    assert (status["run_id"], status["state"], status["venue"]) == (place.run.run_id, "ACTIVE", "sim")
    assert set(status["symbols"]["BTCUSDT"]) == {"bid", "ask", "age_s", "position", "working_orders"}
    assert set(status["pnl"]) == {"realized", "unrealized", "fees", "funding", "net"}
    actors = {each["name"]: each for each in status["actors"]}
    assert set(actors) == {"feed", "gateway", "strategy", "risk", "broker", "reporter", "venue"}
    assert all(set(each) == {"name", "pid", "state", "restarts", "beat_age_s", "rss_bytes"} for each in actors.values())
    assert {name: each["pid"] for name, each in actors.items()} == place.actors()
    assert "ACTIVE" in place.say("status").out
    session.send(signal.SIGTERM)
    assert session.ended() == 0


@pytest.mark.slow
def test_everything_that_is_kept_is_its_owners_alone(place: Place) -> None:
    assert place.start(duration_s=1).ended() == 0
    paths = [path for path in place.root.rglob("*") if not path.is_symlink()]
    assert [str(path) for path in paths if path.stat().st_mode & 0o077] == []
    assert Path(place.workspace.latest).is_symlink()
