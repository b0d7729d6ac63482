"""Page tokens and page sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import limits
from likewise_engine.errors import InvalidInput
from likewise_server.service.pages import number_of, page_size_of, page_token, position_of

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(NAMES, NAMES)
def test_a_token_leads_back_to_its_position(listed: str, position: str) -> None:
    token = page_token(listed, position)
    assert token.isascii()
    assert len(token) <= limits.PAGE_TOKEN_CHARS_MAX
    assert position_of(listed, token) == position


@given(NAMES, NAMES, NAMES)
def test_a_token_of_another_list_is_refused(listed: str, other: str, position: str) -> None:
    if listed != other:
        with pytest.raises(InvalidInput) as failure:
            position_of(other, page_token(listed, position))
        assert failure.value.violations[0].field == "page_token"


@given(st.text(max_size=600))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidInput):
        position_of("transactions of acme", token)


@pytest.mark.parametrize(
    ("asked", "size"), [(0, 100), (1, 1), (1_000, 1_000), (1_001, 1_000), (2**31 - 1, 1_000)]
)
def test_a_page_has_as_many_items_as_asked_within_bounds(asked: int, size: int) -> None:
    assert page_size_of(asked) == size


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidInput):
        page_size_of(-1)


@given(st.integers(0, 10**18 - 1))
def test_a_number_is_led_back_to(number: int) -> None:
    assert number_of("a list", page_token("a list", str(number))) == number


@pytest.mark.parametrize("position", ["", "abc", "-1", "1_0", " 1", "1\n", "\u0661", "9" * 19])
def test_a_forged_token_of_no_number_is_refused(position: str) -> None:
    with pytest.raises(InvalidInput):
        number_of("a list", page_token("a list", position))
