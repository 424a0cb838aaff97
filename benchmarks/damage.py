"""What becomes of a damaged ledger: cut at every byte of its end, bits flipped anywhere, parts of it lost, another's file in its place.

Each damage is asked twice: would a broker start on it, would ``verify`` believe it. ``refused`` is an exit code 65, ``whole`` means that
every row is still there and the same, ``failed`` that the machine is blamed (exit code 74); ``SILENT`` is the failure: other content
taken for the truth.

    python -m benchmarks.damage [--flips 400] [--cut 4096] [--seed 1]
"""

import argparse
import random
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple

from records.canonical import canonical
from records.ledger import Ledger, LedgerDamaged, LedgerFailure, LedgerReader
from records.ledger_witness import witness_path
from trading.account import Account
from trading.account_settings import AccountSettings
from trading.latency import Constant
from trading.messages import AccountFact, BookChanged, CancelAll, SubmitOrder
from trading.quantities import Instrument
from trading.words import OrderType, Side

__all__ = ["Damage", "Specimen", "cuts", "flips", "losses", "outcome_for_broker", "outcome_for_verify", "specimens", "tally"]

BTC = "BTCUSDT"
SECOND = 1_000_000_000
Opened = Callable[[Path], list[AccountFact]]


class Specimen(NamedTuple):
    """A ledger and everything beside it, and what it says."""

    name: str
    directory: Path
    facts: bytes

    def files(self) -> list[Path]:
        return sorted(self.directory.iterdir())


class Damage(NamedTuple):
    """``do`` damages a copy; it is given the copy's ledger."""

    name: str
    do: Callable[[Path], object]


def a_session(orders: int = 40) -> list[AccountFact]:
    """Orders that fill at once, on a market that moves, and a mark of the equity every second."""
    instrument = Instrument(BTC, Decimal("0.1"), Decimal("0.0001"), Decimal("0.0001"), Decimal(500), Decimal(200))
    account = Account(AccountSettings(instruments=(instrument,), position_max={BTC: Decimal(10)}, entry_latency=Constant(ms=Decimal(0))), "f" * 16)
    facts = list(account.open(0))
    for number in range(1, orders + 1):
        bid = Decimal(60_000 + number % 7)
        book = BookChanged(
            sequence=number, at_ns=number * SECOND, seen_ns=0, symbol=BTC, bids=((bid, Decimal(1)),), asks=((bid + 1, Decimal(1)),),
        )
        facts += account.on(book, book.at_ns)
        order = SubmitOrder(
            client_order_id=f"damage-{number:06d}", strategy_id="damage", symbol=BTC, side=Side.BUY if number % 3 else Side.SELL,
            type=OrderType.MARKET, quantity=Decimal("0.01"), decided_at_ns=book.at_ns, market_sequence=number,
        )
        facts += account.on(order, book.at_ns)
    return facts + list(account.on(CancelAll(reason="stop"), 0)) + list(account.close(0, "stop"))


def specimens(directory: Path, orders: int = 40) -> tuple[Specimen, ...]:
    """``closed``: one file, as a session leaves it. With its write-ahead log, as a killed broker leaves it: ``killed early`` (all is
    still there) and ``killed late`` (half of it went into the main file before)."""
    facts = a_session(orders)
    content = b"\n".join(map(canonical, facts))
    early = _written(directory / "killed early", facts, checkpoint_after=None)
    late = _written(directory / "killed late", facts, checkpoint_after=len(facts) // 2)
    closed = directory / "closed"
    shutil.copytree(late, closed)
    Ledger.open(closed / "ledger.db").close()
    return tuple(Specimen(each.name, each, content) for each in (closed, early, late))


def _written(directory: Path, facts: list[AccountFact], checkpoint_after: int | None) -> Path:
    """Copied while the writer has its files open: so does a SIGKILL leave them."""
    writing = directory.with_name(f"{directory.name}, writing")
    writing.mkdir(parents=True)
    ledger = Ledger.open(writing / "ledger.db", create=True)
    for number, fact in enumerate(facts, 1):
        ledger.append([fact])
        if number == checkpoint_after:
            _checkpoint(writing / "ledger.db")
    shutil.copytree(writing, directory)
    ledger.close()
    return directory


def cuts(name: str, size: int, last: int, step: int = 1) -> Iterator[Damage]:
    """The file ``name`` truncated at each of its last bytes."""
    for length in range(max(0, size - last), size, step):
        yield Damage(f"{name} cut", partial(_cut, name, length))


def flips(name: str, size: int, count: int, chance: random.Random) -> Iterator[Damage]:
    """One bit of the file ``name`` turned over, anywhere."""
    for _ in range(count):
        position, bit = chance.randrange(size), chance.randrange(8)
        yield Damage(f"{name} flipped", partial(_turned, name, position, bit))


def losses() -> tuple[Damage, ...]:
    """Of a killed broker's files."""
    return (
        Damage("ledger.db-wal missing", lambda ledger: ledger.with_name("ledger.db-wal").unlink()),
        Damage("ledger.db-wal emptied", lambda ledger: _truncate(ledger.with_name("ledger.db-wal"), 0)),
        Damage("ledger.db emptied", lambda ledger: _truncate(ledger, 0)),
        Damage("ledger.db and -wal emptied", _empty_all),
        Damage("a foreign database", _foreign),
        Damage("text in its place", lambda ledger: ledger.write_text("not a database\n" * 400)),
        Damage("ledger.db-shm missing", lambda ledger: ledger.with_name("ledger.db-shm").unlink()),
        Damage("its witness missing", lambda ledger: witness_path(ledger).unlink()),
    )


def outcome_for_broker(ledger: Path, expected: bytes) -> str:
    """As actors/broker.py starts: open for writing, fold all rows."""

    def opened(path: Path) -> list[AccountFact]:
        store = Ledger.open(path, create=True)
        try:
            return [fact for _, fact in store.facts()]
        finally:
            store.close()

    return _outcome(opened, ledger, expected)


def outcome_for_verify(ledger: Path, expected: bytes) -> str:
    def opened(path: Path) -> list[AccountFact]:
        store = LedgerReader(path)
        try:
            facts = [fact for _, fact in store.facts()]
            if flaws := store.flaws():
                raise LedgerDamaged(0, flaws[0])
            return facts
        finally:
            store.close()

    return _outcome(opened, ledger, expected)


def tally(specimen: Specimen, damages: Iterable[Damage], workplace: Path) -> dict[str, tuple[Counter[str], Counter[str]]]:
    """Outcomes for (broker, verify) by name of damage; each is done to a fresh copy."""
    found: dict[str, tuple[Counter[str], Counter[str]]] = {}
    for damage in damages:
        counts = found.setdefault(damage.name, (Counter(), Counter()))
        for count, outcome in zip(counts, (outcome_for_broker, outcome_for_verify), strict=True):
            shutil.rmtree(workplace, ignore_errors=True)
            shutil.copytree(specimen.directory, workplace)
            ledger = workplace / "ledger.db"
            damage.do(ledger)
            count[outcome(ledger, specimen.facts)] += 1
    return found


def _outcome(opened: Opened, ledger: Path, expected: bytes) -> str:
    try:
        facts = opened(ledger)
    except LedgerDamaged:
        return "refused"
    except LedgerFailure:
        return "failed"
    return "whole" if b"\n".join(map(canonical, facts)) == expected else "SILENT"


def _checkpoint(ledger: Path) -> None:
    connection = sqlite3.connect(ledger)
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
    connection.close()


def _cut(name: str, length: int, ledger: Path) -> None:
    _truncate(ledger.with_name(name), length)


def _turned(name: str, position: int, bit: int, ledger: Path) -> None:
    _flip(ledger.with_name(name), position, bit)


def _truncate(path: Path, length: int) -> None:
    with path.open("r+b") as file:
        file.truncate(length)


def _flip(path: Path, position: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))


def _empty_all(ledger: Path) -> None:
    for name in ("ledger.db", "ledger.db-wal"):
        _truncate(ledger.with_name(name), 0)


def _foreign(ledger: Path) -> None:
    for path in ledger.parent.iterdir():
        path.unlink()
    with sqlite3.connect(ledger) as connection:
        connection.execute("CREATE TABLE ev (seq INTEGER PRIMARY KEY, body TEXT)")
    connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="Damage a ledger in every way, and ask who notices.")
    parser.add_argument("--flips", type=int, default=400)
    parser.add_argument("--cut", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    chance = random.Random(asked.seed)
    print(f"{'specimen':<13}{'damage':<28}{'times':>6}  broker / verify")
    with tempfile.TemporaryDirectory() as directory:
        for specimen in specimens(Path(directory) / "specimens"):
            sizes = {path.name: path.stat().st_size for path in specimen.files() if path.name in ("ledger.db", "ledger.db-wal") and path.stat().st_size}
            damages = [each for name, size in sizes.items() for each in (*cuts(name, size, asked.cut), *flips(name, size, asked.flips, chance))]
            if specimen.name == "killed late":
                damages += losses()
            for name, counts in tally(specimen, damages, Path(directory) / "copy").items():
                told = " / ".join(", ".join(f"{count} {word}" for word, count in sorted(each.items())) for each in counts)
                print(f"{specimen.name:<13}{name:<28}{sum(counts[0].values()):>6}  {told}", flush=True)


if __name__ == "__main__":
    main()
