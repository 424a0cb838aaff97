"""``pnl FILE``: the profit of a list of fills, first in first out, exact to the last unit. Must not know accounts or
orders.

Fills of one instrument, oldest first, as CSV with a header, or as one JSON object a line with the same keys:

    side,qty,price,fee,funding          {"side": "BUY", "qty": "0.1", "price": "30000", "fee": "1.5"}
    BUY,0.1,30000,1.5,0

``qty`` is positive, ``fee`` positive paid and negative a rebate, ``funding`` (optional) signed as cash: negative was
paid. The answer is one JSON object; the file is read once, line by line, and closed lots wait outside the memory for
the end.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation, localcontext
from tempfile import SpooledTemporaryFile
from typing import IO, NamedTuple, TextIO

from trading.lots import Lots
from trading.messages import ClosedLot
from trading.quantities import MONEY, ZERO, plain, signed
from trading.words import Side

__all__ = ["EXIT_DATA", "main"]

EXIT_OK = 0
EXIT_DATA = 65

REQUIRED = ("side", "qty", "price", "fee")
OPTIONAL = ("funding",)
COLUMNS = REQUIRED + OPTIONAL
PLACES_MAX = 30
"""Digits a number may have before and after its point; products of such numbers, and their sums, are exact in MONEY."""
PROBLEMS_MAX = 20
SPOOL_BYTES = 8 * 1024 * 1024
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Fill(NamedTuple):
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    funding: Decimal


class Problem(NamedTuple):
    """What is wrong with a line; ``line`` counts from 1."""

    line: int
    reason: str


class BadValue(ValueError):
    """One field that is not what it must be; raised and caught in this file."""


def main(path: str, out: TextIO, err: TextIO) -> int:
    """Print the answer and return 0; or say on ``err`` which lines are wrong, print nothing, and return 65."""
    try:
        with (
            open(path, encoding="utf-8-sig", newline="") as lines,
            SpooledTemporaryFile(SPOOL_BYTES, "w+", encoding="utf-8") as closed,
            localcontext(MONEY),
        ):
            return _answer(path, _rows(lines), closed, out, err)
    except BrokenPipeError:
        raise  # the reader of the answer left; nothing is wrong with the file
    except OSError as error:
        print(f"{path}: cannot be read: {error.strerror}", file=err)
    except UnicodeDecodeError as error:
        print(f"{path}: is not UTF-8 text: {error.reason}", file=err)
    return EXIT_DATA


def _answer(path: str, rows: Iterable[Fill | Problem], closed: IO[str], out: TextIO, err: TextIO) -> int:
    lots, totals, problems = Lots(), Totals(), 0
    for row in rows:
        if isinstance(row, Problem):
            problems += 1
            if problems <= PROBLEMS_MAX:
                print(f"{path}: line {row.line}: {row.reason}", file=err)
        elif not problems:
            totals.add(row)
            for part in lots.fill(signed(row.side, row.quantity), row.price, row.fee):
                closed.write(("," if totals.closed else "") + json.dumps(_part(part)))
                totals.close(part)
    if problems > PROBLEMS_MAX:
        print(f"{path}: and {problems - PROBLEMS_MAX} more", file=err)
    if problems:
        return EXIT_DATA
    _write(out, totals, lots, closed)
    return EXIT_OK


class Totals:
    def __init__(self) -> None:
        self.realized = ZERO
        self.fees = ZERO
        self.funding = ZERO
        self.closed = 0

    def add(self, fill: Fill) -> None:
        self.fees += fill.fee
        self.funding += fill.funding

    def close(self, part: ClosedLot) -> None:
        self.realized += part.pnl
        self.closed += 1


def _write(out: TextIO, totals: Totals, lots: Lots, closed: IO[str]) -> None:
    head = {
        "realized_pnl": plain(totals.realized), "fees": plain(totals.fees), "funding": plain(totals.funding),
        "net_pnl": plain(totals.realized - totals.fees + totals.funding), "position": plain(lots.quantity),
        "lots": [{"qty": plain(lot.quantity), "price": plain(lot.price)} for lot in lots.open],
    }
    out.write(json.dumps(head)[:-1] + ', "closed": [')
    closed.seek(0)
    for piece in iter(lambda: closed.read(SPOOL_BYTES), ""):
        out.write(piece)
    out.write("]}\n")


def _part(part: ClosedLot) -> dict[str, str]:
    return {
        "qty": plain(part.quantity), "entry": plain(part.entry), "exit": plain(part.exit), "pnl": plain(part.pnl),
        "fees": plain(part.fees),
    }


# ---------------------------------------------------------------------------------------------------- reading


def _rows(lines: Iterable[str]) -> Iterator[Fill | Problem]:
    """Fills and problems in the order of the file; the first line with anything on it tells CSV from JSON lines."""
    numbered = ((number, line) for number, line in enumerate(lines, 1) if line.strip())
    first = next(numbered, None)
    if first is None:
        return iter([Problem(1, "the file is empty")])
    if first[1].lstrip().startswith("{"):
        return _json_rows(first, numbered)
    return _csv_rows(first, numbered)


def _json_rows(first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterator[Fill | Problem]:
    for number, line in _chain(first, rest):
        try:
            yield _fill(_json_object(line))
        except BadValue as error:
            yield Problem(number, str(error))


def _json_object(line: str) -> dict[str, object]:
    try:
        row = json.loads(line, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_each_key_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadValue(f"is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadValue("is not a JSON object")
    for key in row:
        if key not in COLUMNS:
            raise BadValue(f"unknown key {key!r}, expected {', '.join(COLUMNS)}")
    return row


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise BadValue("has a key twice")
    return row


def _csv_rows(first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterator[Fill | Problem]:
    try:
        header = [name.strip().lower() for name in _values(first[1])]
    except BadValue as error:
        yield Problem(first[0], str(error))
        return
    wrong = [f"column {name} is missing" for name in REQUIRED if name not in header]
    wrong += [f"unknown column {name!r}" for name in header if name not in COLUMNS]
    wrong += [f"column {name} comes twice" for name in COLUMNS if header.count(name) > 1]
    if wrong:
        yield Problem(first[0], f"{'; '.join(wrong)}; expected {','.join(REQUIRED)}[,funding]")
        return
    for number, line in rest:
        try:
            values = _values(line)
            if len(values) != len(header):
                raise BadValue(f"has {len(values)} columns, the header {len(header)}")
            yield _fill(dict(zip(header, values, strict=True)))
        except BadValue as error:
            yield Problem(number, str(error))


def _values(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise BadValue(f"is not CSV: {error}") from error


def _chain(first: tuple[int, str], rest: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from rest


def _fill(row: dict[str, object]) -> Fill:
    """Raises BadValue for the first field that is wrong."""
    for name in REQUIRED:
        if name not in row:
            raise BadValue(f"{name} is missing")
    side = str(row["side"]).strip().upper()
    if side not in Side.__members__:
        raise BadValue(f"side is {row['side']!r}, expected BUY or SELL")
    quantity, price = _number(row, "qty"), _number(row, "price")
    for name, value in (("qty", quantity), ("price", price)):
        if value <= 0:
            raise BadValue(f"{name} is {plain(value)}, it must be above zero")
    return Fill(Side[side], quantity, price, _number(row, "fee"), _number(row, "funding") if "funding" in row else ZERO)


def _number(row: dict[str, object], name: str) -> Decimal:
    text = row[name]
    if not isinstance(text, str):
        raise BadValue(f"{name} is {text!r}, expected a number")
    if not NUMBER.fullmatch(text.strip()):
        raise BadValue(f"{name} is {text!r}, expected a number")
    try:
        value = Decimal(text.strip())
    except InvalidOperation as error:
        raise BadValue(f"{name} is {text!r}, too large or too small for a number") from error
    exponent = value.as_tuple().exponent
    if value.adjusted() >= PLACES_MAX or (isinstance(exponent, int) and exponent < -PLACES_MAX):
        raise BadValue(f"{name} has more than {PLACES_MAX} digits before or after the point")
    return value
