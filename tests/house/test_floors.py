"""Who may know whom, what is pure, and what is declared: held by the linters that read setup.cfg."""

import ast
import subprocess
import sys

import pytest

from tests.house.sources import ROOMS, ROOT, Source, benchmark_sources, product_sources, setup_cfg, setup_list, test_sources

LINT = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(config_filename='setup.cfg', no_cache=True))"
DEADLINE_S = 500
MEASURING_EXTRAS = ("realism", "nautilus")
"""What is measured against; imported by name at the place of use, since it need not be there."""

DISTRIBUTION_OF = {"yaml": "pyyaml", "zmq": "pyzmq", "websocket": "websocket-client", "pyrate_limiter": "pyrate-limiter"}


def checked(*command: str) -> str:
    """What a checker says when it finds something; empty when it is content."""
    ended = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def imported(source: Source) -> set[str]:
    """First names of all modules that a file imports, wherever in it."""
    names = [alias.name for node in ast.walk(source.tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(source.tree) if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names}


def imported_by_name(source: Source) -> set[str]:
    """First names of the modules that a file gives to ``import_module``."""
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    named = (call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "import_module")
    return {name.value.partition(".")[0] for name in named if isinstance(name, ast.Constant) and isinstance(name.value, str)}


@pytest.mark.timeout(DEADLINE_S)
def test_nobody_imports_upward_and_every_library_has_its_door() -> None:
    assert checked("-c", LINT) == ""


@pytest.mark.timeout(DEADLINE_S)
def test_everything_is_strictly_typed_tests_included() -> None:
    assert checked("-m", "mypy", "--strict") == ""


def test_nobody_imports_the_front_door() -> None:
    assert [source.name for source in product_sources() if "run_agent" in imported(source)] == []


def test_every_room_is_shipped_and_watched_and_nothing_else_is() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    shipped = {line.removesuffix(".*") for line in setup_list("options.packages.find", "include")}
    assert packages == set(ROOMS) == shipped
    inner = {str(path.parent.relative_to(ROOT)) for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    assert {name for name in inner if not (ROOT / name / "__init__.py").exists()} == set()


def test_the_typed_rooms_are_all_rooms() -> None:
    named = {name.strip() for name in setup_cfg()["mypy"]["files"].split(",")}
    assert named == {*ROOMS, "run_agent.py", "tests", "benchmarks"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    used = set().union(*(imported(source) for source in product_sources())) - set(sys.stdlib_module_names) - {*ROOMS, ""}
    declared = {line.partition(">")[0].partition("~")[0] for line in setup_list("options", "install_requires")}
    assert {DISTRIBUTION_OF.get(name, name) for name in used} == declared


def test_tests_use_nothing_that_is_not_declared() -> None:
    used = set().union(*(imported(source) for source in test_sources())) - set(sys.stdlib_module_names)
    known = {*ROOMS, "", "tests", "benchmarks", "run_agent", "pytest", "hypothesis"}
    declared = {line.partition(">")[0].partition("~")[0] for line in setup_list("options", "install_requires")}
    assert {DISTRIBUTION_OF.get(name, name) for name in used - known} - declared == set()


def test_what_is_measured_against_is_an_extra_and_nothing_else_is() -> None:
    extras = {line.partition(">")[0] for extra in MEASURING_EXTRAS for line in setup_list("options.extras_require", extra)}
    assert set().union(*(imported_by_name(source) for source in benchmark_sources())) == extras
    used = set().union(*(imported(source) for source in benchmark_sources())) - set(sys.stdlib_module_names)
    declared = {line.partition(">")[0].partition("~")[0] for line in setup_list("options", "install_requires")}
    assert {DISTRIBUTION_OF.get(name, name) for name in used - {*ROOMS, "", "benchmarks"}} - declared == set()
