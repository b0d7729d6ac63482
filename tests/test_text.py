"""Text normalisation: the table of real-world wordings, and what holds for any wording at all."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from likewise_engine import limits, text
from likewise_engine.text import NAMELESS, SEPARATOR, normalise, text_of

TABLE = Path(__file__).parent / "tables" / "texts.tsv"

# Wordings as exports hold them: words, numbers and what stands between, more telling than any Unicode.
PIECES = st.sampled_from([
    *"&-/:.,*' \u200d\u0301\ufe0f", "Tesco", "M", "s", "xx", "é", "й", "店", "कि", "mar", "Mai",
    "12", "3", "2025", "0042", "2nd", "a1b2", "t14", "24/7",
])  # fmt: skip
WORDINGS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


def rows_of_table() -> list[tuple[str, str]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("# ")]
    return [(wording, expected) for _kind, wording, expected in rows]


@pytest.mark.parametrize(("wording", "expected"), rows_of_table())
def test_a_wording_of_the_table_has_its_text(wording: str, expected: str) -> None:
    assert normalise(wording) == expected


def test_the_table_is_as_large_as_promised() -> None:
    wordings = [wording for wording, _ in rows_of_table()]
    assert len(set(wordings)) == len(wordings) >= 80


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CAFÉ NERO", "Cafe Nero"),
        ("CAFE\u0301 NERO", "CAF\u00c9 NERO"),
        ("M & S", "m&s"),
        ("O\u2019Neill", "ONEILL"),
        ("ＴＥＳＣＯ", "tesco"),
        ("ﾄﾖﾀ", "トヨタ"),
        ("Zero\u200bWidth\u00adLtd\ufeff", "ZEROWIDTHLTD"),
        ("new\nline\tand\x1b", "new line and"),
        ("RENT 1 MAR 2025", "RENT 01/04/25"),
        ("Straße", "STRASSE"),
        ("İSTANBUL", "istanbul"),
        ("カﾞス", "ガス"),
    ],
)
def test_two_ways_to_write_it_are_one_text(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Flat 2", "Flat 3"),
        ("7-eleven", "eleven"),
        ("M&S", "B&Q"),
        ("мой", "мои"),
        ("कि", "की"),
        ("ガス", "カス"),
        ("May Gardens", "June Gardens"),
    ],
)
def test_two_names_stay_two_texts(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(WORDINGS)
@example("mar1234 7")
@example("12&ab345")
@example("0&&")
@example("xt& ")
@example("\u0438\u0301\u0306")
@example("ab\ud800c")
def test_normalising_twice_changes_nothing(wording: str) -> None:
    once = normalise(wording)
    assert normalise(once) == once


@pytest.mark.parametrize("plane", [0x0, 0x1, 0x2, 0xE])
def test_every_character_is_normalised_for_good(plane: int) -> None:
    for start in range(plane << 16, (plane + 1) << 16, 256):
        once = normalise(" ".join(f"{chr(code)}a" for code in range(start, start + 256)))
        assert normalise(once) == once, f"from U+{start:04X}"


@given(WORDINGS)
def test_a_normalised_wording_holds_nothing_unseen_and_no_separator(wording: str) -> None:
    result = normalise(wording)
    assert bool(result) == bool(wording.strip())
    assert "  " not in result
    assert result == result.strip()
    assert SEPARATOR.strip() not in result
    assert not [char for char in result if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


@given(WORDINGS, WORDINGS)
def test_a_text_is_never_empty_nor_too_long(payee: str, description: str) -> None:
    assert 1 <= len(text_of(payee, description)) <= limits.TEXT_CHARS_MAX


@pytest.mark.parametrize(
    ("payee", "description", "expected"),
    [
        ("Tesco Stores 6227", "Milk & bread", "tesco stores | milk&bread"),
        ("Milk", "Tesco", "milk | tesco"),
        ("TESCO 6227", "Tesco", "tesco"),
        ("", "Tesco", "tesco"),
        ("Tesco", "", "tesco"),
        ("Tesco", "INV", "tesco | inv"),
        ("Tesco", "20394", "tesco"),
        ("20394", "Rent", "rent"),
        ("20394", "20395", NAMELESS),
        ("\u200b", "", NAMELESS),
        ("", "", NAMELESS),
    ],
)
def test_payee_and_description_are_kept_apart(payee: str, description: str, expected: str) -> None:
    assert text_of(payee, description) == expected


@pytest.mark.parametrize(
    "pattern", ["a", "1", "1.", "a1", "&", "a&", " ", " &", "1 ", "1-a", "٣", "\u0301", "ﷺ", "\u200d"]
)
def test_hostile_wordings_of_full_length_pass(pattern: str) -> None:
    payee = (pattern * limits.PAYEE_CHARS_MAX)[: limits.PAYEE_CHARS_MAX]
    description = (pattern * limits.DESCRIPTION_CHARS_MAX)[: limits.DESCRIPTION_CHARS_MAX]
    assert 1 <= len(text_of(payee, description + "!")) <= limits.TEXT_CHARS_MAX


def test_folding_remembers_a_bounded_number_of_characters() -> None:
    normalise("".join(map(chr, range(0x1F000, 0x1FFFF))))
    assert max(text._UNICODE_TABLE) <= 0xFFFF
