"""Limits: they agree with each other, and a careless edit is refused."""

import pytest

from likewise_engine import limits


def test_every_limit_is_a_positive_number() -> None:
    named = {name: value for name, value in vars(limits).items() if name.isupper()}
    assert len(named) > 30
    assert [name for name, value in named.items() if not (isinstance(value, int) and value > 0)] == []


@pytest.mark.parametrize(
    ("name", "value", "broken"),
    [
        ("PAGE_SIZE_DEFAULT", limits.PAGE_SIZE_MAX + 1, "page sizes"),
        ("NEIGHBOURS_MAX", limits.RETRIEVED_ENTRIES_MAX + 1, "neighbours"),
        ("TENANT_ID_BYTES_MAX", 86, "folder name"),
        ("TEXT_CHARS_MAX", limits.ENCODER_TOKENS_MAX, "fits an encoder"),
        ("MESSAGE_BYTES_MAX", 1_000_000, "fits a message"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(
    name: str, value: int, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, name, value)
    with pytest.raises(ValueError, match=broken):
        limits._check_relations()
