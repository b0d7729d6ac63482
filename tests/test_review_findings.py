"""What a review finds besides mistakes: each kind in books made for it, and not in books like them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from likewise_engine.chart import Category
from likewise_engine.review import Finding, FindingKind
from likewise_engine.transaction import LabelledTransaction
from review_world import clean_books, of_kind, planted, reviewed, row
from shipped_world import tenant_of


def found_in(
    folder: Path, kind: FindingKind, items: Sequence[LabelledTransaction], chart: Sequence[Category] = ()
) -> list[Finding]:
    with tenant_of(folder, items, chart) as ledger:
        before = ledger.view.revision
        found = reviewed(ledger, kind)
        assert ledger.view.revision == before
    assert all(finding.kind is kind for finding in found.findings)
    assert all(0 <= finding.score <= 1 and finding.message and finding.action for finding in found.findings)
    return list(found.findings)


def test_a_text_that_is_filed_both_ways_is_a_conflict(tmp_path: Path) -> None:
    ways = ("office", "travel", "travel", "office", "office", "travel", "office", "travel")
    items = [row(n, 7 * n, "Corner Print", way) for n, way in enumerate(ways)]
    (finding,) = found_in(tmp_path, FindingKind.LABEL_CONFLICT, items)
    assert set(finding.categories) == {"office", "travel"}
    assert (finding.entries_total, finding.statistics["minority_share"]) == (8, 0.5)


@pytest.mark.parametrize(
    "ways",
    [
        ("office",) * 8,
        ("office",) * 4 + ("travel",) * 4,  # a change of mind
        ("office",) * 7 + ("travel",),  # a slip, which is looked at as a mistake
    ],
)
def test_a_habit_its_change_and_a_slip_are_no_conflict(ways: Sequence[str], tmp_path: Path) -> None:
    items = [row(n, 7 * n, "Corner Print", way) for n, way in enumerate(ways)]
    assert found_in(tmp_path, FindingKind.LABEL_CONFLICT, items) == []


def test_a_payee_with_dear_and_cheap_bills_needs_a_split_by_the_amount(tmp_path: Path) -> None:
    items = [
        row(n, 7 * n, "Silver Hotel", *(("rooms", f"{300 + n}.00") if n % 3 else ("meals", f"{20 + n}.00")))
        for n in range(24)
    ]
    (finding,) = found_in(tmp_path, FindingKind.PAYEE_SPLIT, items)
    assert finding.categories == ("rooms", "meals")
    assert finding.statistics["accuracy"] == 1
    assert "200.00 or more" in finding.message
    assert "(16 of 16)" in finding.message


def test_a_payee_with_two_categories_by_the_day_needs_a_split_by_it(tmp_path: Path) -> None:
    # January 2024 has 31 days, and months follow: on the 1st the rent, on the 15th the deposit.
    first = (0, 31, 60, 91, 121, 152, 182, 213)
    items = [row(n, day, "Castle Flats", "rent") for n, day in enumerate(first)]
    items += [row(50 + n, day + 14, "Castle Flats", "deposit") for n, day in enumerate(first)]
    (finding,) = found_in(tmp_path, FindingKind.PAYEE_SPLIT, items)
    assert "day of the month" in finding.message
    assert "(8 of 8)" in finding.message


def test_a_payee_whose_categories_nothing_tells_apart_is_not_split(tmp_path: Path) -> None:
    ways = "abbabaabbaababba"
    items = [row(n, 3 * n, "Corner Print", way, f"{20 + n % 5}.00") for n, way in enumerate(ways)]
    assert found_in(tmp_path, FindingKind.PAYEE_SPLIT, items) == []


def test_the_lines_of_one_invoice_do_not_make_a_split(tmp_path: Path) -> None:
    items = [
        row(n, 10 * (n > 7), "Silver Hotel", "rooms" if n > 7 else "meals", str(20 + n)) for n in range(16)
    ]
    assert found_in(tmp_path, FindingKind.PAYEE_SPLIT, items) == []


def both_ways(first: str, second: str) -> list[LabelledTransaction]:
    payees = ("Corner Print", "Maple Books", "River Paper", "Castle Ink", "Harbour Pens")
    return [
        row(20 * p + n, 9 * n + p, payee, first if (n * 7 + p * 3) % 5 < 3 else second)
        for p, payee in enumerate(payees)
        for n in range(10)
    ]


def test_categories_over_which_look_alikes_are_spread_may_be_one(tmp_path: Path) -> None:
    (finding,) = found_in(tmp_path, FindingKind.NEAR_DUPLICATE_CATEGORIES, both_ways("stationery", "paper"))
    assert set(finding.categories) == {"stationery", "paper"}
    assert finding.statistics["mixing"] > 0.8
    assert finding.statistics["shared_texts"] == 5


def test_categories_of_like_names_may_be_one_unless_a_number_tells_them_apart(tmp_path: Path) -> None:
    chart = [
        Category(id=str(number), name=name)
        for number, name in enumerate(
            ("Office supplies", "OFFICE SUPPLIES", "Room 1", "Room 2", "Sales 7100", "Sales 7200", "Rent")
        )
    ]
    items = [row(n, n, f"Payee {chr(97 + n)}", str(n)) for n in range(7)]
    (finding,) = found_in(tmp_path, FindingKind.NEAR_DUPLICATE_CATEGORIES, items, chart)
    assert set(finding.categories) == {"0", "1"}


def test_categories_that_share_nothing_are_two(tmp_path: Path) -> None:
    items = [row(n, n, f"Maple {'Taxi' if n % 2 else 'Bakery'}", "ab"[n % 2]) for n in range(40)]
    assert found_in(tmp_path, FindingKind.NEAR_DUPLICATE_CATEGORIES, items) == []


def test_a_category_that_is_not_used_any_more_is_dead_by_its_own_measure(tmp_path: Path) -> None:
    items = [row(n, n, "Maple Bakery", "food") for n in range(700)]
    items += [row(1_000 + n, 7 * n, "Silver Taxi", "travel") for n in range(30)]  # weekly, for 7 months
    items += [row(2_000 + n, 365 * n, "Castle Insurance", "insurance") for n in range(2)]  # yearly
    items += [row(3_000 + n, 90 * n, "Harbour Water", "water") for n in range(6)]  # quarterly, until lately
    items += [row(4_000 + n, 5, "River Print", "print") for n in range(9)]  # one invoice
    (finding,) = found_in(tmp_path, FindingKind.DEAD_CATEGORY, items)
    assert finding.categories == ("travel",)
    assert finding.statistics["days_since"] == 699 - 203
    assert finding.statistics["longest_gap_days"] == 7
    assert finding.entries[0].transaction_id == "r1029"


def test_categories_that_are_hardly_used_or_never_are_named(tmp_path: Path) -> None:
    chart = [Category(id=name) for name in ("food", "once", "never", "nowhere", "late")]
    items = [row(n, n, "Maple Bakery", "food") for n in range(600)]
    items += [row(1_000, 20, "Odd Thing", "once"), row(1_001, 590, "New Thing", "late")]
    hardly, never = found_in(tmp_path, FindingKind.RARE_CATEGORY, items, chart)
    assert hardly.categories == ("once",)
    assert never.categories == ("never", "nowhere")
    assert never.entries == ()
    short = [row(n, n, "Maple Bakery", "food") for n in range(100)]
    assert found_in(tmp_path / "short", FindingKind.RARE_CATEGORY, short, chart) == []


def test_a_payee_in_several_spellings_is_found_and_others_are_not(tmp_path: Path) -> None:
    worded = (
        "Caffe Roasters Ltd",
        "Caffe Roasters Limited",
        "Cafe Roasters",
        "Harbour Power",
        "Harbour Tower",
    )
    items = [
        row(10 * p + n, n, payee, "coffee" if "Roasters" in payee else f"other {p}")
        for p, payee in enumerate(worded)
        for n in range(4)
    ]
    (finding,) = found_in(tmp_path, FindingKind.PAYEE_SPELLINGS, items)
    assert set(finding.payees) == {"caffe roasters ltd", "caffe roasters limited", "cafe roasters"}
    assert finding.entries_total == 12


def test_payees_that_a_number_tells_apart_are_not_one(tmp_path: Path) -> None:
    items = [row(10 * p + n, n, f"Studio Flat {p}", "rent") for p in (1, 2) for n in range(4)]
    assert found_in(tmp_path, FindingKind.PAYEE_SPELLINGS, items) == []


def test_books_without_dates_are_looked_through_too(tmp_path: Path) -> None:
    items, wrong = planted(clean_books(520), 0.02)
    books = [replace(item, transaction=replace(item.transaction, date=None)) for item in items]
    books[9] = replace(books[9], labels={"category": "once"})
    with tenant_of(tmp_path, books) as ledger:
        found = reviewed(ledger)
    mistakes = of_kind(found, FindingKind.PROBABLE_MISTAKE)
    assert wrong & {finding.entries[0].transaction_id for finding in mistakes}
    assert all(f"{finding.entries[0].text!r} is filed under" in finding.message for finding in mistakes)
    (rare,) = of_kind(found, FindingKind.RARE_CATEGORY)
    assert rare.message == "'once' was used once in 520 labels."
    assert {entry.date for finding in found.findings for entry in finding.entries} == {None}
