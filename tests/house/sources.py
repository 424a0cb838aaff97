"""The project's own Python files, parsed once, for the rules of the house."""

import ast
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from typing import NamedTuple

import run_agent

__all__ = ["ROOT", "ROOMS", "Source", "benchmark_sources", "product_sources", "setup_cfg", "setup_list", "test_sources"]

ROOT = Path(run_agent.__file__).parent


class Source(NamedTuple):
    """``name`` is the path from the root, ``room`` its first folder ("" for run_agent.py)."""

    name: str
    room: str
    lines: tuple[str, ...]
    tree: ast.Module


@cache
def setup_cfg() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def setup_list(section: str, key: str) -> list[str]:
    """A value of setup.cfg with one item a line."""
    return [line.strip() for line in setup_cfg()[section][key].splitlines() if line.strip()]


ROOMS = setup_list("importlinter", "root_packages")


@cache
def product_sources() -> tuple[Source, ...]:
    """Everything that is shipped."""
    paths = [ROOT / "run_agent.py", *(path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))]
    return tuple(_source(path) for path in paths)


@cache
def test_sources() -> tuple[Source, ...]:
    return tuple(_source(path) for path in sorted((ROOT / "tests").rglob("*.py")))


@cache
def benchmark_sources() -> tuple[Source, ...]:
    return tuple(_source(path) for path in sorted((ROOT / "benchmarks").rglob("*.py")))


test_sources.__test__ = False  # type: ignore[attr-defined]  # pytest asks functions for it


def _source(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    return Source(str(name), name.parts[0] if len(name.parts) > 1 else "", tuple(text.splitlines()), ast.parse(text, str(path)))
