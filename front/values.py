"""The values of the command line's flags: text in, value or ``Refusal`` out. Must not know which verb takes which flag."""

import re
from pathlib import Path

from front.refusal import Refusal
from supervisors.exit_codes import ExitCode

__all__ = [
    "LONGEST_SESSION_S", "choice", "duration_s", "mode", "path", "run_id", "seconds", "seed", "speed", "strategy", "symbol", "venue",
]

LONGEST_SESSION_S = 30 * 24 * 3600
SEED_LIMIT = 2**63
VENUES = ("sim", "bitunix", "tape:FILE")
TAPE = "tape:"
FASTEST = 1000
SECONDS_OF = {"": 1, "s": 1, "m": 60, "h": 3600}
DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smh]?)")


def duration_s(text: str) -> float | Refusal:
    """``600``, ``90s``, ``10m`` or ``1.5h`` as seconds."""
    match = DURATION.fullmatch(text)
    value = float(match[1]) * SECONDS_OF[match[2]] if match else 0.0
    if 0 < value <= LONGEST_SESSION_S:
        return value
    return _refused(
        f"--duration {text!r} is not a length of time",
        why=f"a session lasts more than 0 and at most {LONGEST_SESSION_S} seconds (30 days)",
        fix="give seconds, or a number with s, m or h:  --duration 600  or  --duration 10m",
    )


def seconds(text: str) -> float | Refusal:
    """A time to wait, with the same spelling as a duration."""
    value = duration_s(text)
    if not isinstance(value, Refusal):
        return value
    return _refused(f"{text!r} is not a time to wait", why="it must be more than 0 seconds", fix="give seconds:  --connect-timeout 30")


def symbol(text: str) -> str | Refusal:
    """A contract's name in capitals; whether the venue lists it is the venue's answer."""
    if re.fullmatch(r"[A-Za-z0-9]{3,20}", text):
        return text.upper()
    return _refused(f"--symbol {text!r} is not a contract's name", why="names have 3 to 20 letters and digits",
                    fix="one symbol, without separators:  --symbol BTCUSDT")


def venue(text: str) -> str | Refusal:
    """``sim``, ``bitunix`` or ``tape:FILE``; whether there is such a file is seen when it is read."""
    if text in VENUES[:2] or (text.startswith(TAPE) and text != TAPE and "\0" not in text):
        return text
    if text.startswith(TAPE):
        return _refused("--venue tape: names no file", fix="name a recording:  --venue tape:FILE")
    return choice("--venue", VENUES, text)


def speed(text: str) -> float | str | Refusal:
    """How many seconds of a tape pass in one of ours; or ``max``."""
    if text == "max":
        return text
    value = float(text) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", text) else 0.0
    if 0 < value <= FASTEST:
        return value
    return _refused(f"--speed {text!r} is not a speed", why=f"it is a number above 0 and up to {FASTEST}, or max",
                    fix="for example  --speed 10  or  --speed max")


def mode(text: str) -> str | Refusal:
    """``paper`` and nothing else: there is no other code to switch to."""
    if text == "paper":
        return text
    return _refused(f"there is no mode {text!r}: this program trades on paper only and cannot place a real order",
                    fix="leave --mode away, or say  --mode paper")


def seed(text: str) -> int | Refusal:
    if re.fullmatch(r"[0-9]{1,19}", text) and int(text) < SEED_LIMIT:
        return int(text)
    return _refused(f"--seed {text!r} is not a seed", why="it is a whole number from 0 to 2^63 - 1", fix="for example  --seed 7")


def run_id(text: str) -> str | Refusal:
    """A name that is safe as a directory's."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) and text != "latest":
        return text
    return _refused(
        f"--run-id {text!r} cannot name a run",
        why="it becomes a directory: a letter or digit, then up to 63 letters, digits, dots, dashes; 'latest' is taken",
        fix="for example  --run-id monday-1",
    )


def strategy(text: str) -> str | Refusal:
    """A file's name in config/strategies/, without ``.yaml``."""
    if re.fullmatch(r"[a-z][a-z0-9_]{0,63}", text):
        return text
    return _refused(f"--strategy {text!r} is not a strategy's name", why="names are lower case, as the files in config/strategies/",
                    fix="for example  --strategy sma_cross")


def path(text: str) -> Path | Refusal:
    if text and "\0" not in text:
        return Path(text)
    return _refused("a path is empty", fix="give a directory, for example  --workspace .")


def choice(flag: str, choices: tuple[str, ...], text: str) -> str | Refusal:
    """One of ``choices``, as written."""
    if text in choices:
        return text
    return _refused(f"{flag} {text!r} is not known", why=f"{flag} is one of {', '.join(choices)}",
                    fix=f"for example  {flag} {_nearest(text, choices)}")


def _nearest(text: str, choices: tuple[str, ...]) -> str:
    from difflib import get_close_matches  # only a mistake needs it

    return get_close_matches(text, choices, 1, 0.0)[0]


def _refused(what: str, why: str = "", fix: str = "") -> Refusal:
    return Refusal(ExitCode.USAGE, what, why=why, fix=fix)
