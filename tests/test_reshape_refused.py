"""Changes of the chart that cannot be, that fail half way, and that outlive a restart."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from chart_world import ROWS, deactivate, labels, merge, rename, split
from engine_world import labelled, open_ledger, raw_store
from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.errors import (
    CategoryExists,
    CategoryInactive,
    CategoryMerged,
    CategoryNotFound,
    InvalidInput,
    LikewiseError,
    LimitReached,
    NothingSelected,
    StoreCorrupt,
    StoreFault,
    UnknownDimension,
)
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.reshape import Activation, Rename, Reshaping
from likewise_engine.selection import Selection


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of the small books."""
    with open_ledger(tmp_path) as opened:
        opened.learn(list(ROWS.values()))
        yield opened


# --- What is refused ---------------------------------------------------------------------------

DONE = (merge("petrol", into="fuel"), deactivate("rent"), rename("food", "4210"))


@pytest.mark.parametrize(
    ("wanted", "error", "says"),
    [
        (rename("4210", "fuel"), CategoryExists, "merge into it instead"),
        (rename("4210", "petrol"), CategoryExists, "'petrol' exists already"),
        (rename("food", "5000"), CategoryNotFound, "was renamed to '4210'"),
        (rename("nope", "5000"), CategoryNotFound, "no category 'nope' in dimension 'category'"),
        (Rename("nowhere", "food", "x"), UnknownDimension, "'nowhere' is not a dimension"),
        (rename("4210"), InvalidInput, "say what is to change"),
        (rename("4210", " "), InvalidInput, "new_id"),
        (rename("4210", "x" * 129, name="n" * 257, description="d" * 2_049), InvalidInput, "new_description"),
        (merge("fuel", into="fuel"), InvalidInput, r"categories\[0\]: is what it is to be merged into"),
        (merge("fuel", into="petrol"), CategoryMerged, "'petrol' was merged into 'fuel'.*activate 'petrol'"),
        (merge("4210", into="petrol"), CategoryMerged, "name that one"),
        (merge("petrol", into="4210"), CategoryMerged, "was merged into 'fuel'"),
        (merge("4210", into="rent"), CategoryInactive, "'rent' is not active: activate it first"),
        (merge("4210", into="nope"), CategoryNotFound, "nope"),
        (merge("fuel", "food", into="4210"), CategoryNotFound, "was renamed to '4210'"),
        (merge(into="fuel"), InvalidInput, "has 0 ids"),
        (merge(*map(str, range(limits.CATEGORIES_MAX + 1)), into="x"), InvalidInput, "10001 ids"),
        (split("4210", "4210", "b1"), InvalidInput, "is the category that is to be split"),
        (split("petrol", "x", "g1"), CategoryMerged, "was merged into 'fuel'"),
        (split("4210", "x", "g1"), NothingSelected, "no entry of category '4210'"),
        (split("nope", "x", "g1"), CategoryNotFound, "nope"),
        (split("4210", "x"), InvalidInput, "selection: is empty"),
        (split("4210", "", "b1"), InvalidInput, "into: is required"),
        (deactivate("nope"), CategoryNotFound, "nope"),
        (Activation("category", "\0", active=True), InvalidInput, "NUL"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    ledger: Ledger, wanted: Reshaping, error: type[LikewiseError], says: str
) -> None:
    for done in DONE:
        ledger.reshape(done)
    view, kept = ledger.view, labels(ledger)
    with pytest.raises(error, match=says):
        ledger.reshape(wanted)
    assert ledger.view is view
    assert labels(ledger) == kept
    assert ledger.store.record().revision == view.revision


@pytest.mark.parametrize(
    ("selection", "fields"),
    [
        (Selection(tuple(map(str, range(limits.BATCH_ITEMS_MAX + 1)))), ["transaction_ids"]),
        (Selection(("x" * 129, "\ud800")), ["transaction_ids[0]", "transaction_ids[1]"]),
        (
            Selection(payee_contains="p" * 513, description_contains="\0"),
            ["payee_contains", "description_contains"],
        ),
        (Selection(min_amount=Decimal("NaN"), max_amount=Decimal(10**13)), ["min_amount", "max_amount"]),
        (Selection(min_amount=Decimal(2), max_amount=Decimal(1)), ["max_amount"]),
        (Selection(min_date=date(1800, 1, 1), max_date=date(2300, 1, 1)), ["min_date", "max_date"]),
        (Selection(min_date=date(2025, 1, 2), max_date=date(2025, 1, 1)), ["max_date"]),
        (Selection(currency="euro"), ["min_amount"]),
        (Selection(currency="euro", max_amount=Decimal(1)), ["max_amount"]),
    ],
)
def test_a_selection_names_what_is_wrong_with_it(selection: Selection, fields: list[str]) -> None:
    assert [violation.field for violation in selection.violations()] == fields


def test_a_full_chart_is_not_split_any_further(ledger: Ledger) -> None:
    room = limits.CATEGORIES_MAX - len(ledger.view.chart.categories)
    ledger.update(categories=[Category(f"n{n}") for n in range(room)])
    with pytest.raises(LimitReached):
        ledger.reshape(split("food", "one more", "b1"))
    assert ledger.reshape(split("food", "n0", "b1")).moved == 1


# --- Durability --------------------------------------------------------------------------------


def test_a_change_that_fails_half_way_leaves_everything_as_it_was(ledger: Ledger, tmp_path: Path) -> None:
    with closing(raw_store(tmp_path)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER broken AFTER UPDATE ON labels WHEN new.seq = 6"
            " BEGIN SELECT RAISE(FAIL, 'no more'); END"
        )
    view, kept = ledger.view, labels(ledger)
    with pytest.raises(StoreFault, match="no more"):
        ledger.reshape(merge("petrol", "fuel", into="food"), "r1")
    assert ledger.view is view
    assert labels(ledger) == kept
    assert not ledger._state.is_damaged
    with closing(raw_store(tmp_path)) as connection, connection:
        connection.execute("DROP TRIGGER broken")
    assert ledger.reshape(merge("petrol", "fuel", into="food"), "r1").moved == 3


def test_what_became_of_the_chart_survives_a_restart(ledger: Ledger, tmp_path: Path) -> None:
    ledger.reshape(merge("petrol", into="fuel"))
    ledger.reshape(rename("fuel", "4400", name="Fuel"))
    ledger.reshape(split("food", "cakes", "b2"))
    ledger.reshape(deactivate("rent"), "r9")
    chart, kept, revision = ledger.view.chart, labels(ledger), ledger.view.revision
    ledger.close()
    with open_ledger(tmp_path) as opened:
        assert opened.view.chart == chart
        assert labels(opened) == kept
        assert opened.view.revision == revision
        assert opened.reshape(deactivate("rent"), "r9").revision == revision
        opened.learn([labelled("g2", "Gulf Garage", "petrol"), labelled("f3", category="fuel")])
        assert (labels(opened)["g2"], labels(opened)["f3"]) == ("4400", "4400")


@pytest.mark.parametrize(
    "damage",
    [
        "SET merged_into = 99 WHERE number = 0",
        "SET merged_into = 0 WHERE dimension = 'tax'",
        "SET merged_into = 1 - number WHERE number < 2",
        "SET former_ids = '[' WHERE number = 0",
    ],
)
def test_a_damaged_chart_is_said_to_be_corrupt(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    ledger.close()
    with closing(raw_store(tmp_path)) as connection, connection:
        connection.execute(f"UPDATE categories {damage}")
    with pytest.raises(StoreCorrupt), open_ledger(tmp_path):
        pass
