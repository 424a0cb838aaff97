"""A run's ledger as text: canonical JSON lines, and CSV tables. Must not know where the text goes, nor what a fact means.

The tables are the ledger's own views: numbers exactly as recorded, times in nanoseconds of event time, yes and no as 1 and 0.
"""

import csv
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import TextIO

from records.atomic import write_atomically
from records.canonical import canonical, simple
from records.ledger import LedgerReader
from records.workspace import RunPaths
from trading.messages import AccountFact

__all__ = ["LEDGER", "TABLES", "export", "write_ledger", "write_table", "write_tables"]

LEDGER = "ledger"
TABLES = ("fills", "orders", "equity", "funding", "unobserved")


def export(ledger: Path, what: str, out: TextIO) -> None:
    """Print ``what`` (``ledger`` or one of ``TABLES``) of a stored ledger.

    Raises LedgerFailure when it cannot be read, and LedgerDamaged: a table then prints nothing, the events stop before the damage.
    """
    reader = LedgerReader(ledger)
    try:
        if what == LEDGER:
            write_ledger(reader.facts(), out)
            return
        for _ in reader.facts():
            pass  # a view does not check rows; reading them all does
        write_table(reader, what, out)
    finally:
        reader.close()


def write_ledger(facts: Iterable[tuple[int, AccountFact]], out: TextIO) -> None:
    """One canonical JSON object a line: the fact's own fields, its ``kind`` and its ``seq``."""
    for seq, fact in facts:
        body = simple(fact)
        assert isinstance(body, dict)
        out.write(canonical({**body, "seq": seq}).decode() + "\n")


def write_table(reader: LedgerReader, name: str, out: TextIO) -> None:
    """One of ``TABLES`` as CSV (RFC 4180 but for the line ends, which are single line feeds), header first."""
    columns, rows = reader.view(name)
    table = csv.writer(out, lineterminator="\n")
    table.writerow(columns)
    table.writerows(rows)


def write_tables(reader: LedgerReader, paths: RunPaths) -> None:
    """orders.csv, fills.csv, equity.csv and unobserved.csv of the run. Raises OSError and what the reader raises."""
    tables = {"orders": paths.orders_csv, "fills": paths.fills_csv, "equity": paths.equity_csv, "unobserved": paths.unobserved_csv}
    for name, path in tables.items():
        text = StringIO()
        write_table(reader, name, text)
        write_atomically(path, text.getvalue().encode())
