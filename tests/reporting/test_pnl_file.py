"""``pnl FILE`` gives the exact profit of a list of fills, or says which lines are wrong and why."""

import json
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from reporting.pnl_file import main

CASES = Path(__file__).parents[3] / "shared" / "data" / "fifo_cases.json"


def pnl(folder: Path, text: str | bytes) -> tuple[int, str, str]:
    path = folder / "fills"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    out, err = StringIO(), StringIO()
    code = main(str(path), out, err)
    return code, out.getvalue(), err.getvalue()


def answer(folder: Path, text: str) -> dict[str, Any]:
    code, out, err = pnl(folder, text)
    assert (code, err) == (0, "")
    result: dict[str, Any] = json.loads(out)
    return result


def rows(fills: list[list[str]], funding: str | None) -> list[dict[str, str]]:
    """Signed fills as the file has them; the funding stands in the first row."""
    made = []
    for number, (quantity, price, fee) in enumerate(fills):
        side = "SELL" if quantity.startswith("-") else "BUY"
        row = {"side": side, "qty": quantity.lstrip("-"), "price": price, "fee": fee}
        made.append(row if funding is None else row | {"funding": "0" if number else funding})
    return made


def as_csv(made: list[dict[str, str]]) -> str:
    return "\n".join([",".join(made[0]), *(",".join(row.values()) for row in made)]) + "\n"


def as_json_lines(made: list[dict[str, str]]) -> str:
    return "\n".join(map(json.dumps, made))


def published_cases() -> list[Any]:
    if not CASES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"the published cases are not here: {CASES.name}"))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(CASES.read_text())]


@pytest.mark.parametrize("form", [as_csv, as_json_lines])
@pytest.mark.parametrize("case", published_cases())
def test_a_published_case_comes_out_exact(case: dict[str, Any], form: Any, tmp_path: Path) -> None:
    result = answer(tmp_path, form(rows(case["fills"], case.get("funding"))))
    assert Decimal(result["realized_pnl"]) == Decimal(case["gross_pnl"])
    assert Decimal(result["position"]) == Decimal(case["end_position"])
    assert Decimal(result["fees"]) == sum(Decimal(fee) for _, _, fee in case["fills"]) == Decimal(case.get("total_fees", result["fees"]))
    if "closed" in case:
        assert [tuple(map(Decimal, part.values())) for part in result["closed"]] == [
            tuple(map(Decimal, part.values())) for part in case["closed"]
        ]
    if "end_lots" in case:
        assert [(Decimal(lot["qty"]), Decimal(lot["price"])) for lot in result["lots"]] == [
            (Decimal(quantity), Decimal(price)) for quantity, price in case["end_lots"]
        ]
    if "net_pnl" in case:  # the source's own rounded number: equal up to one unit of its last digit
        published = Decimal(case["net_pnl"])
        assert abs(Decimal(result["net_pnl"]) - published) <= Decimal((0, (1,), int(published.as_tuple().exponent)))


def test_fifo_two_buys_and_one_sell(tmp_path: Path) -> None:
    text = "side,qty,price,fee\nbuy,0.1,30000,1.5\nBUY,0.1,31000,1.55\nSell,0.15,32000,2.4\n"
    assert answer(tmp_path, text) == {
        "realized_pnl": "250", "fees": "5.45", "funding": "0", "net_pnl": "244.55", "position": "0.05",
        "lots": [{"qty": "0.05", "price": "31000"}],
        "closed": [
            {"qty": "0.1", "entry": "30000", "exit": "32000", "pnl": "200", "fees": "3.9"},
            {"qty": "0.05", "entry": "31000", "exit": "32000", "pnl": "50", "fees": "1.55"},
        ],
    }


def test_a_short_closes_with_a_negative_quantity_and_a_rebate_adds(tmp_path: Path) -> None:
    result = answer(tmp_path, "side,qty,price,fee,funding\nSELL,2,10,-0.1,0.5\nBUY,3,9,-0.1,-0.2\n")
    assert result["closed"] == [{"qty": "-2", "entry": "10", "exit": "9", "pnl": "2", "fees": "-0.2"}]
    assert (result["net_pnl"], result["funding"], result["position"]) == ("2.5", "0.3", "1")


def test_numbers_are_plain_and_exact_however_many_digits_they_have(tmp_path: Path) -> None:
    result = answer(tmp_path, "side,qty,price,fee\nBUY,0.000000000000000001,1E+10,1e-9\nSELL,123456789012345678.000000000000000001,3.10,0\n")
    assert result["realized_pnl"] == "-0.0000000099999999969"
    assert (result["position"], result["fees"]) == ("-123456789012345678", "0.000000001")


def test_json_numbers_are_read_as_written_not_as_binary_floats(tmp_path: Path) -> None:
    text = '{"side": "BUY", "qty": 0.1, "price": 0.3, "fee": 0}\n{"side": "SELL", "qty": 0.1, "price": 1.1, "fee": 1e-2}\n'
    assert (answer(tmp_path, text)["realized_pnl"], answer(tmp_path, text)["net_pnl"]) == ("0.08", "0.07")


@pytest.mark.parametrize("text", [
    "\ufeffside,qty,price,fee\r\nBUY,1,2,0\r\n\r\n", "fee,price,qty,side\n0,2,1,BUY",
    '\n{"side":"BUY","qty":"1","price":"2","fee":"0"}', 'SIDE, Qty ,price,fee\n"BUY"," 1 ",2,0\n',
])
def test_the_form_may_vary_where_the_meaning_does_not(text: str, tmp_path: Path) -> None:
    assert answer(tmp_path, text)["lots"] == [{"qty": "1", "price": "2"}]


def test_a_file_with_a_header_only_has_no_profit(tmp_path: Path) -> None:
    assert answer(tmp_path, "side,qty,price,fee\n") == {
        "realized_pnl": "0", "fees": "0", "funding": "0", "net_pnl": "0", "position": "0", "lots": [], "closed": [],
    }


HEAD = "side,qty,price,fee\n"

BAD = [
    (HEAD + "BUY,1,2,0\nBUY,one,2,0\n", "line 3: qty is 'one', expected a number"),
    (HEAD + "BUY,NaN,2,0\n", "line 2: qty is 'NaN', expected a number"),
    (HEAD + "BUY,1,Infinity,0\n", "line 2: price is 'Infinity', expected a number"),
    (HEAD + "BUY,1_0,2,0\n", "line 2: qty is '1_0', expected a number"),
    (HEAD + "BUY,,2,0\n", "line 2: qty is '', expected a number"),
    (HEAD + "BUY,0,2,0\n", "line 2: qty is 0, it must be above zero"),
    (HEAD + "BUY,-1,2,0\n", "line 2: qty is -1, it must be above zero"),
    (HEAD + "BUY,1,0,0\n", "line 2: price is 0, it must be above zero"),
    (HEAD + "BUY,1e31,2,0\n", "line 2: qty has more than 30 digits before or after the point"),
    (HEAD + "BUY,1,2,1e-31\n", "line 2: fee has more than 30 digits before or after the point"),
    (HEAD + "BUY,1,2,1e99999999999999999999\n", "line 2: fee is '1e99999999999999999999', too large or too small for a number"),
    (HEAD + "HOLD,1,2,0\n", "line 2: side is 'HOLD', expected BUY or SELL"),
    (HEAD + "BUY,1,2\n", "line 2: has 3 columns, the header 4"),
    (HEAD + "BUY,1,2,0,9\n", "line 2: has 5 columns, the header 4"),
    (HEAD + 'BUY,"1,2,0\n', "line 2: is not CSV: unexpected end of data"),
    ("side,qty,price\nBUY,1,2\n", "line 1: column fee is missing; expected side,qty,price,fee[,funding]"),
    ("side,qty,price,fee,fees\n", "line 1: unknown column 'fees'; expected side,qty,price,fee[,funding]"),
    ("side,qty,price,fee,fee\n", "line 1: column fee comes twice; expected side,qty,price,fee[,funding]"),
    ("", "line 1: the file is empty"),
    ('{"side": "BUY", "qty": "1", "price": "2"}\n', "line 1: fee is missing"),
    ('{"side": "BUY", "qty": "1", "price": "2", "fee": null}\n', "line 1: fee is None, expected a number"),
    ('{"side": "BUY", "qty": true, "price": "2", "fee": "0"}\n', "line 1: qty is True, expected a number"),
    ('{"side": "BUY", "qty": NaN, "price": "2", "fee": "0"}\n', "line 1: qty is 'NaN', expected a number"),
    ('{"side": "BUY", "qty": 1, "qty": 2, "price": "2", "fee": "0"}\n', "line 1: has a key twice"),
    ('{"side": "BUY", "qty": 1, "price": "2", "fee": "0", "tax": 1}\n', "line 1: unknown key 'tax'"),
    ('{"side": "BUY",\n', "line 1: is not JSON"),
    ('{"side": "BUY", "qty": "1", "price": "2", "fee": "0"}\n[1]\n', "line 2: is not a JSON object"),
    ('{"a":' * 100_000, "line 1: is not JSON"),
]


@pytest.mark.parametrize(("text", "complaint"), BAD)
def test_a_bad_row_is_named_with_its_line_and_reason_and_nothing_is_printed(text: str, complaint: str, tmp_path: Path) -> None:
    code, out, err = pnl(tmp_path, text)
    assert (code, out) == (65, "")
    assert complaint in err


def test_all_bad_rows_are_named_up_to_a_bound(tmp_path: Path) -> None:
    _, _, err = pnl(tmp_path, HEAD + "BUY,x,1,0\n" * 25)
    assert len(err.splitlines()) == 21
    assert err.endswith("and 5 more\n")


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    err = StringIO()
    assert main(str(tmp_path / "none.csv"), StringIO(), err) == 65
    assert err.getvalue() == f"{tmp_path / 'none.csv'}: cannot be read: No such file or directory\n"
    assert main(str(tmp_path), StringIO(), err) == 65
    assert pnl(tmp_path, b"side,qty,price,fee\nBUY,1,2,\xff\n")[0] == 65


def test_a_long_file_is_read_in_one_pass(tmp_path: Path) -> None:
    result = answer(tmp_path, HEAD + "BUY,1,100,0.01\nSELL,1,100.5,0.01\n" * 5_000)
    assert (result["realized_pnl"], result["fees"], len(result["closed"])) == ("2500", "100", 5_000)
