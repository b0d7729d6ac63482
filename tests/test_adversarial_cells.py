"""Cells and names that are made to take long: what reads them looks at no more than can mean something.

How long anything takes depends on the machine; how much of a string is looked at does not.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from fuzz_side.models import Models
from fuzz_side.target import Input
from likewise_engine.head.heads import Heads
from likewise_indexer.readers import TextOptions, open_reader
from likewise_indexer.readers.amounts import AmountParser, Mark, mark_of
from likewise_indexer.readers.cells import CELL_CHARS_MAX, BadCell
from likewise_indexer.readers.dates import DateParser, Order, order_of
from likewise_indexer.readers.headers import currency_in, key

MILLION = 1_000_000


@pytest.mark.parametrize(
    "cell",
    [
        " " * MILLION + "x",
        "2026-01-01" + " " * MILLION + "x",
        "2026-01-01 10:00" + "x" * MILLION,  # would be a date, and remembered with all that follows it
        "0." * MILLION,
        "\u0661" * MILLION,
    ],
)
def test_a_cell_of_a_million_characters_is_no_date(cell: str) -> None:
    with pytest.raises(BadCell, match="is not a date"):
        DateParser().parse(cell)
    assert order_of(cell) is Order.NOTHING


@pytest.mark.parametrize(
    "cell", ["1" * MILLION, "1." + "0" * MILLION, "1.000" * MILLION, " " * MILLION + "1"]
)
def test_a_cell_of_a_million_characters_is_no_amount(cell: str) -> None:
    with pytest.raises(BadCell, match="is not an amount"):
        AmountParser().parse(cell)
    assert mark_of(cell) is Mark.NOTHING


def test_the_longest_cells_that_may_be_are_read() -> None:
    moment = "2026-01-02T10:00:00"
    assert DateParser().parse(moment + "0" * (CELL_CHARS_MAX - len(moment))) == date(2026, 1, 2)
    assert AmountParser().parse("1." + "0" * (CELL_CHARS_MAX - 2)).amount == Decimal(1)


@pytest.mark.parametrize("text", ["1e308", "-1e999", "NaN", "inf", "\u00bd", "0x10", "1_0_0", "--1"])
def test_what_python_takes_for_a_number_and_books_do_not_is_refused_or_bounded(text: str) -> None:
    try:
        amount = AmountParser().parse(text).amount
    except BadCell:
        return
    assert amount is None or amount.is_finite()


def test_a_name_of_a_million_brackets_is_compared_by_its_beginning() -> None:
    assert key("Paid out (" + "(" * MILLION) == "paidout"
    assert currency_in("(" * MILLION) == ""


def test_a_hundred_lines_of_brackets_are_no_header(tmp_path: Path) -> None:
    path = tmp_path / "brackets.csv"
    path.write_text("date,amount\n" + ("(" * 1_000_000 + "\n") * 20)
    assert open_reader(path, TextOptions()).columns == ("date", "amount")


def test_a_tree_whose_thresholds_have_no_order_is_refused() -> None:
    models = Models()
    content = models._seeds["trees"]
    half = np.array([0.5], "<f4").tobytes()
    assert content.count(half) == 1
    assert models.feed(Input("trees", content)) == "read"
    for nonsense in (np.nan, np.inf):
        damaged = content.replace(half, np.array([nonsense], "<f4").tobytes())
        assert models.feed(Input("trees", damaged)) == "ValueError"
    models.close()


class Bomb:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (Path(self.path),))

    path = ""


def test_heads_that_hold_a_pickle_are_refused_and_it_is_not_run(tmp_path: Path) -> None:
    Bomb.path = str(tmp_path / "went-off")
    path = tmp_path / "heads.npz"
    with path.open("wb") as file:
        dimensions = np.frombuffer(b'["category"]', dtype=np.uint8)
        bomb = np.array([Bomb()], dtype=object)
        np.savez(file, allow_pickle=True, dimensions=dimensions, categories_0=bomb)
    with path.open("rb") as file, pytest.raises(ValueError, match="allow_pickle"):
        Heads.read(file, {"labels": 1, "revision": 1}, 1)
    assert not (tmp_path / "went-off").exists()
