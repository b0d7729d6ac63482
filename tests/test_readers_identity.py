"""Ids of rows that bring none: how often a row has come, however many there are."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_indexer.readers import Occurrences
from likewise_indexer.readers.identity import content_digest

KEYS = st.lists(st.integers(min_value=0, max_value=1_500).map(lambda n: b"%d" % n), max_size=40)


@given(calls=st.lists(KEYS, max_size=8))
def test_occurrences_are_counted_from_call_to_call(calls: list[list[bytes]]) -> None:
    seen = Counter[bytes]()
    with Occurrences() as occurrences:
        for keys in calls:
            expected = []
            for key in keys:
                seen[key] += 1
                expected.append(seen[key])
            assert occurrences.count(keys) == expected


def test_more_keys_than_one_statement_takes_are_told_apart() -> None:
    keys = [b"%d" % n for n in range(1_000)]
    with Occurrences() as occurrences:
        assert occurrences.count(keys) == [1] * 1_000
        assert occurrences.count([b"new", *keys[::100], b"5", b"new"]) == [1, *[2] * 10, 2, 2]
        assert occurrences.count([b"5", b"6", b"new"]) == [3, 2, 3]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("5", "5.00", True),
        ("0", "-0", True),
        ("0.00", "0", True),
        ("100", "1E+2", True),
        ("1E-8", "0.00000001", True),
        ("100", "10", False),
        ("10.50", "10.05", False),
        ("5", "-5", False),
    ],
)
def test_an_amount_is_the_same_however_it_is_written(one: str, other: str, are_same: bool) -> None:
    digests = [content_digest(None, Decimal(amount), "EUR", "Shop", "", "") for amount in (one, other)]
    assert (digests[0] == digests[1]) is are_same
