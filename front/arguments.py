"""The command line: which verbs and flags there are, and argv into ``Arguments`` or a ``Refusal``. Must not know what a verb does.

argparse only separates flags from words; every value is read by front/values.py, so that each mistake has its own sentence.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from front import values
from front.refusal import Refusal
from supervisors.exit_codes import ExitCode

__all__ = ["FLAGS", "VERBS", "Arguments", "Flag", "Help", "Verb", "parse"]


class Arguments(NamedTuple):
    """What was asked for. Flags that a verb does not take keep their defaults."""

    verb: str = "run"
    workspace: Path = Path(".")
    duration_s: float = 600.0
    symbol: str = "BTCUSDT"
    venue: str = "sim"
    speed: float | str = 1.0
    mode: str = "paper"
    seed: int | None = None
    config: Path | None = None
    strategy: str | None = None
    run_id: str | None = None
    connect_timeout_s: float = 30.0
    ui: str = "auto"
    resume: bool = False
    json: bool = False
    file: Path = Path()
    run: str = "latest"
    order_id: str = ""
    table: str = ""

    @property
    def tape(self) -> Path | None:
        """The recording that is the venue, if one is."""
        return Path(self.venue.removeprefix(values.TAPE)).absolute() if self.venue.startswith(values.TAPE) else None

    @property
    def pace(self) -> float | None:
        """Seconds of a tape per second of ours; None is as fast as it is listened to."""
        return None if isinstance(self.speed, str) else self.speed


class Help(NamedTuple):
    """Somebody asked for help, about one verb or (empty) about all."""

    verb: str


class Flag(NamedTuple):
    """``value`` is empty for a switch; ``field`` is the field of ``Arguments`` that it sets."""

    name: str
    value: str
    field: str
    read: Callable[[str], Any]
    about: str


class Verb(NamedTuple):
    """``words`` are what follows the verb, in capitals; one in brackets may be left away."""

    name: str
    flags: tuple[str, ...]
    about: str
    words: tuple[str, ...] = ()


def _switch(value: Any) -> Callable[[str], Any]:
    return lambda _: value


FLAGS = {flag.name: flag for flag in (
    Flag("--duration", "S", "duration_s", values.duration_s, "how long to trade: 600, 90s, 10m, 1h (default 600; a tape: its length)"),
    Flag("--symbol", "NAME", "symbol", values.symbol, "the perpetual contract to trade (default BTCUSDT)"),
    Flag("--venue", "NAME", "venue", values.venue, "sim: local, no network (default); bitunix: public feed; tape:FILE: a recording"),
    Flag("--speed", "X", "speed", values.speed, "of a tape: so many times as fast as recorded, or max (default 1)"),
    Flag("--seed", "N", "seed", values.seed, "makes everything random a function of N (default: drawn)"),
    Flag("--strategy", "NAME", "strategy", values.strategy, "a file of config/strategies/ (default: session.yaml's)"),
    Flag("--config", "DIR", "config", values.path, "use this directory instead of config/"),
    Flag("--workspace", "DIR", "workspace", values.path, "where runs, state and logs are kept (default: here)"),
    Flag("--run-id", "ID", "run_id", values.run_id, "name the run; it must not exist yet"),
    Flag("--connect-timeout", "S", "connect_timeout_s", values.seconds, "give up without market data by then (default 30)"),
    Flag("--ui", "KIND", "ui", partial(values.choice, "--ui", ("auto", "plain", "json", "none")),
         "auto, plain, json (JSON lines) or none"),
    Flag("--resume", "", "resume", _switch(True), "go on with the paper account that the last run left"),
    Flag("--mode", "MODE", "mode", values.mode, "paper; there is no other"),
    Flag("--json", "", "json", _switch(True), "print one JSON object"),
    Flag("--ledger", "", "table", _switch("ledger"), "every event in order, canonical JSON lines"),
    Flag("--fills", "", "table", _switch("fills"), "the fills as CSV"),
    Flag("--orders", "", "table", _switch("orders"), "the orders as CSV"),
    Flag("--equity", "", "table", _switch("equity"), "the equity curve as CSV"),
    Flag("--unobserved", "", "table", _switch("unobserved"), "when nobody saw the market, as CSV"),
)}

RUN_FLAGS = ("--duration", "--symbol", "--venue", "--speed", "--seed", "--strategy", "--config", "--workspace", "--run-id",
             "--connect-timeout", "--ui", "--resume", "--mode")
TABLE_FLAGS = ("--ledger", "--fills", "--orders", "--equity", "--unobserved")

VERBS = {verb.name: verb for verb in (
    Verb("run", RUN_FLAGS, "trade for a while (what happens without a verb)"),
    Verb("status", ("--json", "--workspace"), "what the running session is doing"),
    Verb("stop", ("--workspace",), "end it in order: cancel, settle, report; exit code 0"),
    Verb("kill", ("--workspace",), "emergency: cancel all, flatten, exit code 99, latch"),
    Verb("reset-kill", ("--workspace",), "remove the latch that a kill leaves"),
    Verb("pnl", ("--workspace",), "exact profit and loss of a file of fills", ("FILE",)),
    Verb("verify", ("--json", "--workspace"), "prove a finished run from its files; exit code 0 or 65", ("RUN",)),
    Verb("explain", ("--workspace",), "tell in ten lines what became of an order and why", ("ORDER_ID", "[RUN]")),
    Verb("interval", ("--json", "--workspace"), "what a run's orders come to on other terms, and whether to believe its sign", ("RUN",)),
    Verb("export", (*TABLE_FLAGS, "--workspace"), "print a run's ledger or one of its tables", ("RUN",)),
)}


def parse(argv: Sequence[str]) -> Arguments | Help | Refusal:
    """What the command line asks for. Never exits, never prints."""
    try:
        given, unknown = _parser().parse_known_intermixed_args(list(argv))
    except _Misuse as misuse:
        return misuse.refusal
    if unknown:
        return _unknown("flag", unknown[0].partition("=")[0], tuple(FLAGS))
    name, *words = given.words or ["run"]
    if name not in VERBS:
        return _unknown("verb", name, tuple(VERBS))
    return Help(name if given.words else "") if given.help else _arguments(VERBS[name], words, given.flags)


def _arguments(verb: Verb, words: list[str], flags: list[tuple[str, str]]) -> Arguments | Refusal:
    needed = [word for word in verb.words if not word.startswith("[")]
    if not len(needed) <= len(words) <= len(verb.words):
        return _wrong_words(verb, words)
    fields: dict[str, Any] = {"verb": verb.name}
    for name, text in flags:
        if name not in verb.flags:
            return _misplaced(verb, name)
        value = FLAGS[name].read(text)
        if isinstance(value, Refusal):
            return value
        if FLAGS[name].field == "table" and fields.get("table", value) != value:
            return Refusal(ExitCode.USAGE, f"export prints one table, not {fields['table']} and {value}", fix="ask twice")
        fields[FLAGS[name].field] = value
    if verb.name == "export" and "table" not in fields:
        return Refusal(ExitCode.USAGE, "export needs to know what to print", fix=f"add one of {', '.join(TABLE_FLAGS)}")
    if fields.get("venue", "").startswith(values.TAPE):
        fields.setdefault("duration_s", float(values.LONGEST_SESSION_S))  # the tape's end comes first
    elif "speed" in fields:
        return Refusal(ExitCode.USAGE, "--speed is for tapes only", why="a living market goes at its own speed",
                       fix="add  --venue tape:FILE  or leave --speed away")
    given = zip(verb.words, words, strict=False)
    fields.update({word.strip("[]").lower(): Path(text) if word == "FILE" else text for word, text in given})
    return Arguments(**fields)


class _Misuse(Exception):
    """argparse's own objection, on its way to ``parse``."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.what)
        self.refusal = refusal


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        name = message.removeprefix("argument ").partition(":")[0]
        flag = FLAGS.get(name)
        if flag is None:
            raise _Misuse(Refusal(ExitCode.USAGE, message, fix="see  run_agent.py --help"))
        takes = f"takes a value: {name} {flag.value}" if flag.value else "takes no value"
        raise _Misuse(Refusal(ExitCode.USAGE, f"{name} {takes}", why=flag.about, fix="see  run_agent.py --help"))


class _Gather(argparse.Action):
    """Keeps the flags as they came, in order."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        namespace.flags.append((option, values if isinstance(values, str) else ""))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="run_agent.py", add_help=False, allow_abbrev=False)
    parser.set_defaults(flags=[])
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("words", nargs="*")
    for flag in FLAGS.values():
        parser.add_argument(flag.name, action=_Gather, nargs=None if flag.value else 0, dest="flags")
    return parser


def _unknown(kind: str, name: str, known: tuple[str, ...]) -> Refusal:
    from difflib import get_close_matches  # only a mistake needs it

    near = [other for other in known if other.startswith(name)] or get_close_matches(name, known, 1)
    fix = f"did you mean  {near[0]} ?" if near else "see  run_agent.py --help"
    return Refusal(ExitCode.USAGE, f"unknown {kind} {name!r}", why=f"known: {', '.join(known)}" if kind == "verb" else "", fix=fix)


def _wrong_words(verb: Verb, words: list[str]) -> Refusal:
    usage = " ".join(["run_agent.py", verb.name, *verb.words])
    if len(words) > len(verb.words):
        return Refusal(ExitCode.USAGE, f"{verb.name} does not take {words[len(verb.words)]!r}", fix=f"it is  {usage}")
    return Refusal(ExitCode.USAGE, f"{verb.name} needs {verb.words[len(words)]}", fix=f"it is  {usage}")


def _misplaced(verb: Verb, name: str) -> Refusal:
    owners = ", ".join(other.name for other in VERBS.values() if name in other.flags)
    return Refusal(ExitCode.USAGE, f"{verb.name} does not take {name}", why=f"{name} belongs to {owners}",
                   fix=f"see  run_agent.py {verb.name} --help")
