"""Dates as banks and spreadsheets write them."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_indexer.readers.cells import BadCell
from likewise_indexer.readers.dates import DateParser, Order, fault_of_pattern, order_of


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2024-03-05", "2024-03-05"),
        ("2024-3-5", "2024-03-05"),
        ("2024/03/05", "2024-03-05"),
        ("2024.03.05", "2024-03-05"),
        ("20240305", "2024-03-05"),
        ("2024-03", "2024-03-01"),  # a month alone is its first day
        ("03/2024", "2024-03-01"),
        ("05.03.2024", "2024-03-05"),
        ("5.3.24", "2024-03-05"),
        ("5. 3. 2024", "2024-03-05"),
        ("05/03/2024", "2024-03-05"),
        ("05-03-2024", "2024-03-05"),
        ("05/03/69", "1969-03-05"),
        ("05/03/68", "2068-03-05"),
        ("5 Mar 2024", "2024-03-05"),
        ("5-Mar-24", "2024-03-05"),
        ("05MAR2024", "2024-03-05"),
        ("Mar 5, 2024", "2024-03-05"),
        ("March 5th, 2024", "2024-03-05"),
        ("2024 March 5", "2024-03-05"),
        ("Mar 2024", "2024-03-01"),
        ("Di. 5. März 2024", "2024-03-05"),
        ("5 août 2024", "2024-08-05"),
        ("1er février 2024", "2024-02-01"),
        ("5 de enero de 2024", "2024-01-05"),
        ("5 dicembre 2024", "2024-12-05"),
        ("5 okt. 2024", "2024-10-05"),
        ("2024-03-05T23:30:00-08:00", "2024-03-05"),  # the day as written, whatever the zone
        ("2024-03-05 00:15:00+12:00", "2024-03-05"),
        ("05/03/2024 14:02", "2024-03-05"),
        ("5 Mar 2024 9:05 PM", "2024-03-05"),
        ("20240305T101500Z", "2024-03-05"),
        ("20240305101500", "2024-03-05"),
        ("45356", "2024-03-05"),  # a spreadsheet's serial number
        ("45356.75", "2024-03-05"),
    ],
)
def test_a_date(cell: str, day: str) -> None:
    assert DateParser(day_first=True).parse(cell) == datetime.date.fromisoformat(day)


def test_an_empty_cell_is_no_date() -> None:
    assert DateParser().parse("") is None


@pytest.mark.parametrize(
    "cell",
    [
        *("yesterday", "2024-13-01", "2024-02-30", "31/04/2024", "00/00/0000", "12", "123456", "99999"),
        *("12 Mar", "Mar", "5 Mar Apr 2024", "2024-03-05-01", "1/2/3/4", "05/03/123", "٣", "-1", "NaT"),
    ],
)
def test_what_is_no_date_is_refused_with_a_reason(cell: str) -> None:
    with pytest.raises(BadCell, match=r"is not a date: ."):
        DateParser().parse(cell)


def test_the_month_comes_first_where_the_file_says_so() -> None:
    parser = DateParser(day_first=False)
    assert parser.parse("03/05/2024") == datetime.date(2024, 3, 5)
    assert parser.parse("05.03.2024") == datetime.date(2024, 3, 5)  # never with dots
    with pytest.raises(BadCell, match="the month first, and there is no month 25"):
        parser.parse("25/03/2024")


def test_without_a_known_order_only_the_ambiguous_is_refused() -> None:
    undecided = DateParser(day_first=None)
    assert undecided.parse("25/03/2024") == undecided.parse("03/25/2024") == datetime.date(2024, 3, 25)
    assert undecided.parse("03/03/2024") == datetime.date(2024, 3, 3)
    with pytest.raises(BadCell, match="--date-format"):
        undecided.parse("03/04/2024")


def test_a_pattern_is_the_only_way_then() -> None:
    parser = DateParser(pattern="%y%m%d")
    assert parser.parse("240305") == datetime.date(2024, 3, 5)
    with pytest.raises(BadCell, match="expected %y%m%d"):
        parser.parse("2024-03-05")


@pytest.mark.parametrize(
    "pattern", ["%d.%m.%Y", "%y%m%d", "%m/%Y", "%d %B %Y", "%b %d, %Y", "%Y-%m-%dT%H:%M:%S%z", "%j/%Y", "%x"]
)
def test_patterns_that_dates_can_be_read_by(pattern: str) -> None:
    assert fault_of_pattern(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("%Q", "bad directive"),
        ("%-d.%m.%Y", "bad directive"),
        ("%d.%m.%", "stray %"),
        ("%d.%d.%Y", "redefinition"),
        ("%d.%m.", "year and month"),
        ("%Y", "year and month"),
        ("%%", "year and month"),
        ("backwards", "year and month"),
    ],
)
def test_patterns_that_no_date_can_be_read_by(pattern: str, told: str) -> None:
    assert told in fault_of_pattern(pattern)


@pytest.mark.parametrize(
    ("cell", "order"),
    [
        ("25/03/2024", Order.DAY_FIRST),
        ("03/25/2024", Order.MONTH_FIRST),
        ("03/25/24 10:00", Order.MONTH_FIRST),
        ("03-04-2024", Order.AMBIGUOUS),
        ("03/03/2024", Order.NOTHING),
        ("03.04.2024", Order.NOTHING),
        ("2024-03-04", Order.NOTHING),
        ("25/25/2024", Order.NOTHING),
        ("", Order.NOTHING),
    ],
)
def test_what_a_date_tells_about_the_order(cell: str, order: Order) -> None:
    assert order_of(cell) is order


@given(
    st.dates(min_value=datetime.date(1969, 1, 1), max_value=datetime.date(2068, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%d/%m/%y", "%d %B %Y", "%b %d, %Y"]),
)
def test_what_is_written_is_read_back(day: datetime.date, pattern: str) -> None:
    assert DateParser(day_first=True).parse(day.strftime(pattern)) == day


@given(st.text(max_size=40))
def test_no_text_is_more_than_refused(cell: str) -> None:
    for parser in (DateParser(True), DateParser(None), DateParser(pattern="%d.%m.%Y")):
        try:
            parser.parse(cell)
        except BadCell:
            continue
