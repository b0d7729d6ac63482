"""Changes of the chart: what a bookkeeper finds after a rename, a merge, a split, a deactivation."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from chart_world import ROWS, activate, answered, category, deactivate, labels, merge, rename, split
from engine_world import ask, labelled, open_ledger, raw_store
from likewise_engine import limits
from likewise_engine.answers import Decision
from likewise_engine.chart import Category
from likewise_engine.errors import (
    CategoryNotFound,
    NothingSelected,
    RequestIdReused,
    UnknownCategory,
)
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import LearnOutcome, ReshapeOutcome
from likewise_engine.ledger.reshape import Merge, Split
from likewise_engine.selection import Selection
from likewise_engine.transaction import Authority


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of the small books."""
    with open_ledger(tmp_path) as opened:
        opened.learn(list(ROWS.values()))
        yield opened


# --- Rename ------------------------------------------------------------------------------------


def test_a_renamed_category_has_its_history_at_once(ledger: Ledger) -> None:
    before = ask(ledger, "Corner Bakery", description="rolls")
    outcome = ledger.reshape(rename("food", "4210", name="Food & drink", description="Eaten"))
    assert outcome == ReshapeOutcome(revision=2, moved=0)
    after = ask(ledger, "Corner Bakery", description="rolls")
    first = after.answer("category").candidates[0]
    assert (first.category, first.category_name) == ("4210", "Food & drink")
    assert first.probability == before.answer("category").candidates[0].probability
    assert {n.labels["category"] for n in after.neighbours if n.transaction_id.startswith("b")} == {"4210"}
    assert labels(ledger)["b1"] == "4210"
    assert category(ledger, "4210").description == "Eaten"
    assert category(ledger, "4210").former_ids == ("food",)


def test_what_is_not_given_of_a_name_stays(ledger: Ledger) -> None:
    ledger.reshape(rename("food", name="Food", description="Eaten"))
    ledger.reshape(rename("food", "4210"))
    assert (category(ledger, "4210").name, category(ledger, "4210").description) == ("Food", "Eaten")
    ledger.reshape(rename("4210", name=""))
    assert (category(ledger, "4210").title, category(ledger, "4210").description) == ("4210", "Eaten")


def test_a_label_that_comes_late_with_the_former_id_lands_on_the_renamed_category(ledger: Ledger) -> None:
    ledger.reshape(rename("food", "4210"))
    late = ledger.learn([labelled("b4", category="food"), ROWS["b1"]])
    assert late == LearnOutcome(revision=3, created=1, unchanged=1)
    assert labels(ledger)["b4"] == "4210"
    ledger.update(closed_chart=True)
    assert not ledger.import_batch([labelled("b5", category="food")]).rejections
    with pytest.raises(UnknownCategory):
        ledger.learn([labelled("b6", category="foot")])


def test_a_former_id_is_free_for_a_new_category(ledger: Ledger) -> None:
    ledger.reshape(rename("food", "4210"))
    ledger.update(categories=[Category("food", name="Pet food")])
    ledger.learn([labelled("p1", "Zoo Shop", "food")])
    assert (labels(ledger)["p1"], labels(ledger)["b1"]) == ("food", "4210")
    assert category(ledger, "4210").former_ids == ()
    # Two accounts change places by way of a third id, as in a chart that is numbered anew.
    for old, new in (("4210", "x"), ("food", "4210"), ("x", "food")):
        ledger.reshape(rename(old, new))
    assert (labels(ledger)["p1"], labels(ledger)["b1"]) == ("4210", "food")


def test_a_rename_to_and_fro_and_a_repeated_one(ledger: Ledger) -> None:
    assert ledger.reshape(rename("food", "4210")).revision == 2
    assert ledger.reshape(rename("food", "4210")).revision == 2
    assert ledger.reshape(rename("4210", "food")).revision == 3
    assert category(ledger, "food").former_ids == ("4210",)
    assert ledger.reshape(rename("food", "food", name="")).revision == 3


def test_a_category_remembers_its_latest_former_ids(ledger: Ledger) -> None:
    ids = ["food", *(f"n{n}" for n in range(limits.CATEGORY_FORMER_IDS_MAX + 1))]
    for old, new in pairwise(ids):
        ledger.reshape(rename(old, new))
    assert category(ledger, ids[-1]).former_ids == tuple(ids[1:-1])
    ledger.learn([labelled("x1", category="n0"), labelled("x2", category="food")])
    assert (labels(ledger)["x1"], labels(ledger)["x2"]) == (ids[-1], "food")


# --- Merge -------------------------------------------------------------------------------------


def test_merged_categories_answer_as_one_and_are_never_proposed_again(ledger: Ledger) -> None:
    assert ledger.reshape(merge("petrol", "rent", into="fuel")) == ReshapeOutcome(revision=2, moved=2)
    assert labels(ledger) == dict.fromkeys(["b1", "b2", "b3"], "food") | dict.fromkeys(
        ["f1", "f2", "g1", "r1"], "fuel"
    )
    assert answered(ledger, "Gulf Garage")[0] == "fuel"
    merged = category(ledger, "petrol")
    assert not merged.active
    assert ledger.view.chart.categories[merged.merged_into or 0].id == "fuel"
    assert labels(ledger, "tax")["g1"] == "t19"


def test_a_label_that_comes_late_with_a_merged_id_is_taken_as_the_other(ledger: Ledger) -> None:
    ledger.reshape(merge("petrol", into="fuel"))
    assert ledger.learn([ROWS["g1"]]) == LearnOutcome(revision=2, unchanged=1)
    learned = ledger.learn([labelled("g2", "Gulf Garage", "petrol", predicted={"category": "fuel"})])
    assert learned.created == 1
    assert labels(ledger)["g2"] == "fuel"
    assert ledger.store.statistics().corrections == 0


def test_merges_of_merges_lead_to_the_last(ledger: Ledger) -> None:
    ledger.reshape(rename("petrol", "4400"))
    ledger.reshape(merge("4400", into="fuel"))
    ledger.reshape(merge("fuel", into="rent"))
    ledger.reshape(rename("rent", "costs"))
    chart = ledger.view.chart
    meant = {i: chart.meant("category", i) for i in ("petrol", "4400", "fuel", "rent", "costs")}
    assert set(meant.values()) == {chart.numbers["category", "costs"]}
    ledger.learn([labelled("g3", "Gulf Garage", "petrol")])
    assert labels(ledger)["g3"] == labels(ledger)["g1"] == "costs"


def test_a_merge_counts_a_category_once_and_is_done_once(ledger: Ledger) -> None:
    assert ledger.reshape(merge("petrol", "petrol", into="fuel")).moved == 1
    assert ledger.reshape(merge("petrol", into="fuel")) == ReshapeOutcome(revision=2, moved=0)
    first = ledger.reshape(merge("rent", into="fuel"), "request-1")
    assert first == ReshapeOutcome(revision=3, moved=1)
    assert ledger.reshape(merge("rent", into="fuel"), "request-1") == first
    with pytest.raises(RequestIdReused):
        ledger.reshape(merge("food", into="fuel"), "request-1")
    with pytest.raises(RequestIdReused):
        ledger.learn([labelled("x")], "request-1")


def test_who_gave_a_merged_label_gave_it_still(ledger: Ledger) -> None:
    ledger.learn([labelled("m1", "Gulf Garage", "petrol", authority=Authority.MACHINE)])
    ledger.reshape(merge("petrol", into="fuel"))
    assert ledger.entry("m1").authorities == {"category": Authority.MACHINE}
    assert ledger.entry("g1").authorities["category"] == Authority.PERSON


def test_an_id_is_of_one_dimension(ledger: Ledger) -> None:
    ledger.learn([labelled("x1", labels={"category": "t7", "tax": "t7"})])
    ledger.reshape(Merge("tax", ("t7",), "t19"))
    assert labels(ledger)["x1"] == "t7"
    assert labels(ledger, "tax")["x1"] == "t19"
    with pytest.raises(CategoryNotFound, match="no category 't19' in dimension 'category'"):
        ledger.reshape(merge("food", into="t19"))


# --- Split -------------------------------------------------------------------------------------


def test_a_split_gives_the_selected_entries_a_new_category(ledger: Ledger) -> None:
    cakes = Split("category", "food", "4211", Selection(("b2", "g1", "never")), "Cakes", "For meetings")
    assert ledger.reshape(cakes) == ReshapeOutcome(revision=2, moved=1)
    assert category(ledger, "4211") == Category("4211", name="Cakes", description="For meetings")
    assert [i for i, label in labels(ledger).items() if label == "4211"] == ["b2"]
    assert answered(ledger, "Corner Bakery", description="cake", amount=Decimal("-31.00"))[0] == "4211"
    assert answered(ledger, "Corner Bakery", description="rolls", amount=Decimal("-4.20"))[0] == "food"


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        (Selection(payee_contains="bakery"), "b1 b2 b3"),
        (Selection(payee_contains="SÜD"), "f1 f2"),
        (Selection(payee_contains="SU\N{COMBINING DIAERESIS}D"), "f1 f2"),
        (Selection(description_contains="DIESEL"), "f1 g1"),
        (Selection(description_contains="%"), ""),
        (Selection(description_contains="wäsche", payee_contains="tank"), "f2"),
        (Selection(min_amount=Decimal("-9.00")), "b1 b3 f2"),
        (Selection(min_amount=Decimal(-61), max_amount=Decimal("-4.21")), "b2 f2 g1"),
        (Selection(max_amount=Decimal(0), currency="GBP"), ""),
        (Selection(min_date=date(2025, 2, 12)), "f1 f2 g1"),
        (Selection(max_date=date(2025, 1, 9)), "b1 b2"),
        (Selection(("b1", "r1", "g1"), payee_contains="l"), "r1 g1"),
    ],
)
def test_a_selection_means_entries_for_which_all_holds(
    ledger: Ledger, selection: Selection, selected: str
) -> None:
    ledger.reshape(merge("fuel", "petrol", "food", into="rent"))
    wanted = Split("category", "rent", "other", selection)
    if selected:
        rehearsed = ledger.reshape(wanted, is_rehearsal=True)
        assert "other" not in {c.id for c in ledger.view.chart.categories}
        assert ledger.reshape(wanted) == rehearsed
        assert {i for i, label in labels(ledger).items() if label == "other"} == set(selected.split())
    else:
        with pytest.raises(NothingSelected):
            ledger.reshape(wanted)


def test_a_selection_is_searched_for_in_batches(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_ITEMS_MAX", 2)
    ledger.reshape(merge("fuel", "petrol", "rent", into="food"))
    assert ledger.reshape(split("food", "other", payee_contains="a")).moved == 7
    assert ledger.reshape(split("other", "one", description_contains="rent")).moved == 1


def test_a_split_brings_a_merged_category_back(ledger: Ledger) -> None:
    ledger.reshape(merge("petrol", into="fuel"))
    ledger.reshape(split("fuel", "petrol", payee_contains="garage"))
    assert (labels(ledger)["g1"], labels(ledger)["f1"]) == ("petrol", "fuel")
    assert category(ledger, "petrol") == Category("petrol")
    ledger.learn([labelled("g2", "Gulf Garage", "petrol")])
    assert labels(ledger)["g2"] == "petrol"
    assert answered(ledger, "Gulf Garage")[0] == "petrol"


def test_a_split_makes_the_labels_a_persons(ledger: Ledger) -> None:
    ledger.learn([labelled("m1", "Gulf Garage", "petrol", authority=Authority.MACHINE)])
    ledger.reshape(split("petrol", "diesel", "m1"))
    assert ledger.entry("m1").authorities == {"category": Authority.PERSON}
    kept = ledger.learn([labelled("m1", "Gulf Garage", "petrol", authority=Authority.MACHINE)])
    assert kept.kept == 1


def test_a_repeated_split_returns_the_first_outcome(ledger: Ledger) -> None:
    wanted = split("food", "cakes", "b2")
    first = ledger.reshape(wanted, "r1")
    assert ledger.reshape(wanted, "r1") == first
    with pytest.raises(NothingSelected):
        ledger.reshape(wanted)
    assert ledger.reshape(split("food", "cakes", "b3")).revision == first.revision + 1


# --- Deactivate --------------------------------------------------------------------------------


def test_a_deactivated_category_is_never_answered_and_comes_back_with_its_history(ledger: Ledger) -> None:
    assert ledger.reshape(deactivate("food")).revision == 2
    assert ledger.reshape(deactivate("food")).revision == 2
    assert "food" not in answered(ledger, "Corner Bakery")
    assert labels(ledger)["b1"] == "food"
    ledger.reshape(activate("food"))
    assert answered(ledger, "Corner Bakery")[0] == "food"


def test_a_label_with_a_deactivated_category_is_kept_and_speaks_for_nothing(ledger: Ledger) -> None:
    ledger.reshape(deactivate("food"))
    assert ledger.learn([labelled("b4", category="food")]).created == 1
    assert labels(ledger)["b4"] == "food"
    answer = ask(ledger, "Corner Bakery").answer("category")
    assert "food" not in [candidate.category for candidate in answer.candidates]
    for other in ("fuel", "petrol", "rent"):
        ledger.reshape(deactivate(other))
    answer = ask(ledger, "Corner Bakery").answer("category")
    assert (answer.decision, answer.candidates) == (Decision.ASK, ())


def test_labels_of_inactive_categories_are_counted_as_they_come(ledger: Ledger) -> None:
    ledger.reshape(deactivate("food"))
    items = [
        labelled("b4", category="food"),
        labelled("f3", category="fuel"),
        labelled("b1", category="food"),
    ]
    taught = ledger.learn(items)
    assert (taught.created, taught.updated, taught.inactive_labels) == (2, 1, 2)
    assert ledger.learn(items, request_id="again").inactive_labels == 0
    by_a_machine = labelled("f1", category="food", authority=Authority.MACHINE)
    assert ledger.learn([by_a_machine]).inactive_labels == 0
    ledger.reshape(activate("food"))
    assert ledger.import_batch([labelled("b5", category="food")]).learned.inactive_labels == 0


def test_a_merged_category_that_is_activated_or_created_anew_is_its_own_again(ledger: Ledger) -> None:
    ledger.reshape(merge("petrol", "fuel", into="rent"))
    ledger.reshape(deactivate("petrol"))
    ledger.update(categories=[Category("petrol", name="Petrol", active=False)])
    ledger.learn([labelled("x1", category="petrol")])
    ledger.reshape(activate("petrol"))
    ledger.update(categories=[Category("fuel")])
    ledger.learn([labelled("x2", category="petrol"), labelled("x3", category="fuel")])
    found = labels(ledger)
    assert [found[i] for i in ("g1", "f1", "x1", "x2", "x3")] == ["rent", "rent", "rent", "petrol", "fuel"]


def test_a_deactivated_category_can_be_merged_away_and_split(ledger: Ledger) -> None:
    ledger.reshape(deactivate("petrol"))
    ledger.reshape(deactivate("food"))
    assert ledger.reshape(merge("petrol", into="fuel")).moved == 1
    assert ledger.reshape(split("food", "cakes", "b2")).moved == 1
    assert not category(ledger, "food").active
    ledger.reshape(split("fuel", "food", "g1"))
    assert category(ledger, "food").active


# --- Corrections -------------------------------------------------------------------------------


def test_corrections_follow_the_chart_and_go_when_they_correct_nothing(
    ledger: Ledger, tmp_path: Path
) -> None:
    def corrections() -> list[tuple[str, str, str]]:
        with closing(raw_store(tmp_path)) as connection:
            return list(
                connection.execute("SELECT transaction_id, predicted, label FROM corrections ORDER BY id")
            )

    ledger.learn(
        [
            labelled("k1", category="fuel", predicted={"category": "petrol"}),
            labelled("k2", category="food", predicted={"category": "petrol"}),
            labelled("k3", category="petrol", predicted={"category": "food"}),
            labelled("k4", category="food", predicted={"category": "unheard of"}),
        ]
    )
    ledger.reshape(rename("petrol", "4400"))
    assert corrections() == [
        ("k1", "4400", "fuel"),
        ("k2", "4400", "food"),
        ("k3", "food", "4400"),
        ("k4", "unheard of", "food"),
    ]
    ledger.learn([labelled("k5", category="rent", predicted={"category": "petrol"})])
    ledger.reshape(merge("4400", into="fuel"))
    assert corrections() == [
        ("k2", "fuel", "food"),
        ("k3", "food", "fuel"),
        ("k4", "unheard of", "food"),
        ("k5", "fuel", "rent"),
    ]
    ledger.reshape(split("fuel", "food", "k3"))
    ledger.reshape(split("food", "snacks", "k2"))
    assert corrections() == [("k2", "fuel", "snacks"), ("k4", "unheard of", "food"), ("k5", "fuel", "rent")]
    assert ledger.store.statistics().corrections == 3
