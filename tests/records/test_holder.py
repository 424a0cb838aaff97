"""Who holds a file: another process is named, we ourselves and nobody are not."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from records.holder import holder_of
from records.ledger import Ledger, LedgerHeld

HOLDS = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_ledger_held_by_another_process_is_refused_with_its_id(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path, create=True).close()
    with subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LedgerHeld) as refused:
            Ledger.open(path)
        assert refused.value.pid == other.pid and f"process {other.pid}" in str(refused.value)
        other.stdin.close()
    Ledger.open(path).close()


def test_what_we_hold_ourselves_is_held_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger.open(path, create=True).close()
    ours = sqlite3.connect(path, isolation_level=None)
    ours.execute("BEGIN IMMEDIATE")
    assert holder_of((path, tmp_path / "missing")) is None
    with pytest.raises(LedgerHeld, match="not known"):
        Ledger.open(path)
    ours.close()
