"""Bank and card strings taken to pieces: the table of real-world formats, and what always holds."""

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import likewise
from likewise_engine import limits
from likewise_engine.text import NAMELESS, normalise, text_and_payee, text_of, text_of_name
from likewise_engine.transaction import Transaction
from likewise_engine.wording import Channel, Part, line, lines, naming, parse
from likewise_engine.wording.telling import parts_of

TABLE = Path(__file__).parent / "tables" / "wordings.tsv"
PLAIN = "plain"

# What banks put between names, more telling than any Unicode.
PIECES = st.sampled_from([
    *" *+:/?,.-#@'", "  ", "//", "SQ", "PAYPAL", "CARD PAYMENT TO ", "CARTE", "SVWZ+", "?20", "?32",
    "/NAME/", "NAAM:", "12/03", "12MAR26", "2026-01-03T12:11:00", "1234", "XXXX1234", "LONDON", "GB", "CA",
    "ref ", "EUR 1,23", "É", "\u200b", "amazon.co.uk", "Tesco", "D", "DD",
])  # fmt: skip
WORDINGS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join))


def rows_of_table() -> list[tuple[str, list[str]]]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return [(wording, cells) for wording, *cells in (x.split("\t") for x in lines if not x.startswith("# "))]


def cells_of(wording: str) -> list[str]:
    """The parts of a wording as the table writes them."""
    parsed = parse(wording)
    if not parsed.understood:
        return [PLAIN]
    named = {"channel": parsed.channel, "by": parsed.processor}
    apart = (Part.CHANNEL, Part.PROCESSOR)
    named |= {part.value: parsed.part(part) for part in Part if part not in apart}
    return [f"{name}={value}" for name, value in named.items() if value]


@pytest.mark.parametrize(("wording", "expected"), rows_of_table())
def test_a_wording_of_the_table_has_its_parts(wording: str, expected: list[str]) -> None:
    assert cells_of(wording) == expected


def test_the_table_is_as_large_as_promised() -> None:
    wordings = [wording for wording, _ in rows_of_table()]
    assert len(set(wordings)) == len(wordings) >= 250


@given(WORDINGS)
@example("//DE/ SVWZ+")
@example("12/03")
@example("PAYPAL *")
def test_pieces_are_in_order_and_apart(wording: str) -> None:
    end = 0
    for piece in parse(wording).pieces:
        assert end <= piece.start < piece.end <= len(wording)
        end = piece.end


@given(WORDINGS)
def test_a_wording_that_is_not_understood_is_its_own_payee(wording: str) -> None:
    parsed = parse(wording)
    if not parsed.understood:
        assert parsed.payee == (wording if wording.strip() else "")
        assert naming(wording) == (wording, "")


@given(WORDINGS)
@example("CARD PAYMENT TO SHOP, LEEDS\u2003GB ON 12/03")
@example("CARD PAYMENT TO SHOP\tREF 1 LONDON ON 12/03")
def test_quick_looks_change_nothing(wording: str) -> None:
    parsed = parse(wording)
    with (
        patch.object(line, "_may_have_columns", return_value=True),
        patch.object(lines, "_is_name", return_value=False),
    ):
        assert parse(wording) == parsed


@given(WORDINGS, WORDINGS)
def test_a_text_is_normal_and_bounded(payee: str, description: str) -> None:
    text, of_payee = text_and_payee(payee, description)
    assert 1 <= len(text) <= limits.TEXT_CHARS_MAX
    assert normalise(of_payee) == of_payee


@pytest.mark.parametrize(
    ("payee", "description", "text", "of_payee"),
    [
        ("CARD PAYMENT TO COSTA COFFEE 43012 LEEDS ON 12 MAR 2026", "", "costa coffee", "costa coffee"),
        ("SQ *JOES COFFEE LONDON GB", "", "joes coffee", "joes coffee"),
        ("Joes Coffee", "", "joes coffee", "joes coffee"),
        ("PAYPAL TOOLSTATION", "", "paypal toolstation", "paypal toolstation"),
        ("UBER *TRIP", "", "uber | trip", "uber"),
        ("AMZN Mktp UK*2K4AB3", "", "amzn mktp uk", "amzn mktp uk"),
        ("INTEREST PAID 31MAR26", "", "interest paid", "interest paid"),
        ("CHEQUE 001234", "", "cheque", "cheque"),
        ("Stadtwerke", "SEPA-LASTSCHRIFT SVWZ+Abschlag", "stadtwerke | abschlag", "stadtwerke"),
        ("", "SEPA-LASTSCHRIFT Stadtwerke SVWZ+Abschlag", "stadtwerke | abschlag", "stadtwerke"),
        ("", "Tesco", "tesco", ""),
        ("123456", "", NAMELESS, NAMELESS),
    ],
)
def test_what_banks_wrap_around_a_name_is_not_in_its_text(
    payee: str, description: str, text: str, of_payee: str
) -> None:
    assert text_and_payee(payee, description) == (text, of_payee)


def test_a_name_of_a_category_keeps_all_its_words() -> None:
    assert text_of_name("Transfer to savings") == "transfer to savings"
    assert text_of("Transfer to savings", "") == "savings"


def test_countries_and_states_have_one_code() -> None:
    codes = {
        wording: parse(f"CARD PAYMENT TO SHOP {wording}").country for wording in ("BERLIN DE", "BOISE WA")
    }
    assert codes == {"BERLIN DE": "DE", "BOISE WA": "US"}
    assert parse("SHOP").country == ""


@pytest.mark.parametrize(
    ("wording", "country"),
    [
        ("MCDONALD'S F12345 CHICAGO IL", "US"),
        ("SHELL OIL 57444 DENVER CO", "US"),
        ("TARGET T-1234 INDIANAPOLIS IN", "US"),
        ("SHELL OIL 57444 SAN FRANCISCO CA", "US"),
        ("TIM HORTONS 1234 TORONTO ON", "CA"),
        ("TIM HORTONS 1234 TORONTO CA", "CA"),
        ("CARD PAYMENT TO REWE 1234 BERLIN DE", "DE"),
        ("CARD PAYMENT TO MIGROS 1234 BERN CH", "CH"),
    ],
)
def test_a_state_is_no_country_of_the_same_code(wording: str, country: str) -> None:
    assert parse(wording).country == country


def test_channels_are_stated_as_words() -> None:
    assert {str(channel) for channel in Channel} >= {"card", "direct debit", "standing order", "cash", "fee"}


@pytest.mark.parametrize(
    "pattern",
    ["1", "1 ", "1,", "a1 ", "ref 1 ", "*", "a*", "//", "/", "?20", "SVWZ+", "a: ", "NAAM: ", "x", "X1234 ",
     "LONDON ", "12/03 ", "CARD ", "POS ", ", ", "  ", " - ", "a.b.c", "EUR ", "-1", "/DE ", "LIB/",
     "\\\\", "TO "],
)  # fmt: skip
def test_hostile_wordings_of_ten_times_the_length_pass(pattern: str) -> None:
    """What took time in the square of the length would take minutes."""
    length = 10 * limits.DESCRIPTION_CHARS_MAX
    for start in ("", "CARD PAYMENT TO ", "SVWZ+"):
        parse(start + (pattern * length)[:length] + "!")


def test_the_parts_are_in_the_answer_where_it_is_asked(client: likewise.Client, cafe: str) -> None:
    asked = likewise.transaction(
        payee="SQ *JOES COFFEE LEEDS GB CD 4021", description="Ref 99812 IBAN: NL91ABNA0417164300"
    )
    assert not client.classify(cafe, asked).HasField("wording")
    shown = client.classify(cafe, asked, options=likewise.ClassifyOptions(show_wording=True)).wording
    assert (shown.payee, shown.processor, shown.channel) == ("JOES COFFEE", "Square", "card")
    assert (shown.place, shown.country, shown.card_tail) == ("LEEDS", "GB", "4021")
    assert list(shown.counterparty_ids) == ["iban:NL91ABNA0417164300"]


def test_a_part_that_both_wordings_tell_is_the_payees() -> None:
    transaction = Transaction(payee="Stadtwerke", description="SEPA-LASTSCHRIFT Werk SVWZ+Abschlag EREF+1")
    parts = parts_of(transaction)
    assert (parts.payee, parts.purpose, parts.reference, parts.channel) == (
        "Stadtwerke", "Abschlag", "1", "direct debit",
    )  # fmt: skip
    plain = parts_of(Transaction(payee="Stadtwerke", description="Strom im Mai"))
    assert (plain.payee, plain.purpose, plain.channel) == ("Stadtwerke", "Strom im Mai", "")
