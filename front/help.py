"""What ``--help`` prints, made of the same tables that the command line is parsed with. Must not know what a verb does."""

from front.arguments import FLAGS, VERBS
from supervisors.exit_codes import ExitCode

__all__ = ["help_text"]

PURPOSE = "Autonomous paper trading on perpetual futures. It cannot place a real order."

EXAMPLES = """\
Examples:
  python run_agent.py --duration 600     ten minutes on the built-in venue
  python run_agent.py status             in a second terminal: what it is doing
  python run_agent.py kill               cancel everything, flatten, exit 99"""


def help_text(verb: str = "") -> str:
    """About everything, or about one verb."""
    return _about_verb(verb) if verb else _about_all()


def _about_all() -> str:
    verbs = [(" ".join([verb.name, *verb.words]), verb.about) for verb in VERBS.values()]
    codes = [(str(code.value), code.sentence) for code in ExitCode]
    parts = (
        PURPOSE, EXAMPLES,
        "Flags of run:\n" + _flags(VERBS["run"].flags),
        "Verbs (each takes --workspace DIR before or after it, and --help):\n" + _columns(verbs, 12),
        "Exit codes:\n" + _columns(codes, 4),
        "Docs: README.md, docs/OPERATING.md",
    )
    return "\n\n".join(parts)


def _about_verb(name: str) -> str:
    verb = VERBS[name]
    usage = " ".join(["python run_agent.py", name, *verb.words, "[flags]"])
    return f"{usage}\n\n{verb.about}\n\nFlags:\n{_flags(verb.flags)}"


def _flags(names: tuple[str, ...]) -> str:
    return _columns([(f"{name} {FLAGS[name].value}".strip(), FLAGS[name].about) for name in names], 19)


def _columns(rows: list[tuple[str, str]], width: int) -> str:
    return "\n".join(f"  {left:<{width}} {right}" for left, right in rows)
