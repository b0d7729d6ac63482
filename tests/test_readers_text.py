"""Text files as they come: encodings, separators, preambles, quotes, and rows that are none."""

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from likewise_engine import limits
from likewise_indexer.readers import (
    Batch,
    ColumnsUnclear,
    Reader,
    RejectedRow,
    TextOptions,
    UnreadableFile,
    find_files,
    open_reader,
)

Row = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def reader_of(path: Path, content: str | bytes, written_as: str = "utf-8", **options: Any) -> Reader:
    """A reader of a file with this content."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode(written_as))
    return open_reader(path, TextOptions(**options))


def batches_of(reader: Reader) -> list[Batch]:
    return list(reader.batches(reader.columns))


def rows_of(reader: Reader) -> list[tuple[int, Row]]:
    """All rows, each with its line number."""
    return [
        (row, values)
        for batch in batches_of(reader)
        for row, values in zip(batch.rows, batch.frame.iter_rows(named=True), strict=True)
    ]


def malformed_of(reader: Reader) -> list[RejectedRow]:
    return [row for batch in batches_of(reader) for row in batch.malformed]


def payees(reader: Reader) -> list[str]:
    return [values["Payee"] for _, values in rows_of(reader)]


# --- Encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_encodings_are_detected(path: Path, encoding: str) -> None:
    content = "Payee,Amount,Category\r\nCafé Größe,£1.50,Öl\r\n"
    reader = reader_of(path, content, encoding)
    assert rows_of(reader) == [(2, {"Payee": "Café Größe", "Amount": "£1.50", "Category": "Öl"})]


def test_one_accent_in_the_last_line_decides_for_all(path: Path) -> None:
    lines = "Payee,Category\n" + "Corner Shop,x\n" * 50_000
    assert payees(reader_of(path, lines + "Café,x\n", "cp1252"))[-1] == "Café"
    assert payees(reader_of(path, lines + "Café,x\n", "utf-8"))[-1] == "Café"


def test_an_encoding_that_cannot_be_told_is_asked_for(path: Path) -> None:
    cyrillic = "Payee,Category\nМагазин у дома,Продукты\n"
    with pytest.raises(UnreadableFile, match=r"not Latin: give --encoding"):
        reader_of(path, cyrillic, "cp1251")
    assert payees(reader_of(path, cyrillic, "cp1251", encoding="cp1251")) == ["Магазин у дома"]
    with pytest.raises(UnreadableFile, match="neither UTF-8 nor Windows-1252"):
        reader_of(path, b"Payee,Category\nCaf\x8e,x\x81\n")
    with pytest.raises(UnreadableFile, match="'klingon' is not a text encoding"):
        reader_of(path, "Payee,Category\n", encoding="klingon")


def test_a_few_bad_bytes_spoil_their_own_rows_only(path: Path) -> None:
    content = "Payee,Category\nCafé,x\nMüller,y\n".encode() + b"Bad \xff byte,z\n" + "Größe,x\n".encode()
    reader = reader_of(path, content)
    assert [row for row, _ in rows_of(reader)] == [2, 3, 5]
    [rejected] = malformed_of(reader)
    assert (rejected.row, rejected.column, rejected.values) == (4, "Payee", ("Bad ? byte", "z"))
    assert "no text" in rejected.reason


def test_compressed_files_are_read_as_they_are(path: Path) -> None:
    content = b"Payee,Category\nCorner Shop,x\n"
    assert payees(reader_of(path, gzip.compress(content))) == ["Corner Shop"]
    with pytest.raises(UnreadableFile, match="damaged gzip"):
        payees(reader_of(path, gzip.compress(content * 100)[:-10]))


# --- Separators, headers, preambles -----------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_detected(path: Path, separator: str) -> None:
    lines = ["Date Payee Amount Category", "2024-01-01 Shop 1.50 x"]
    reader = reader_of(path, "\n".join(line.replace(" ", separator) for line in lines))
    assert reader.columns == ("Date", "Payee", "Amount", "Category")
    assert payees(reader) == ["Shop"]


def test_a_separator_can_be_said(path: Path) -> None:
    reader = reader_of(path, "Payee~Category\nA,B;C~x\n", separator="~")
    assert payees(reader) == ["A,B;C"]


def test_a_preamble_is_skipped(path: Path) -> None:
    preamble = 'Account statement;"No. 12"\nAccount:;DE02 2805\n\nFrom 01.01.2024;to 31.01.2024\n'
    reader = reader_of(path, preamble + "Buchungstag;Empfänger;Betrag;Kategorie\n02.01.2024;Laden;-1,50;x\n")
    assert reader.columns == ("Buchungstag", "Empfänger", "Betrag", "Kategorie")
    assert rows_of(reader)[0] == (
        6,
        {"Buchungstag": "02.01.2024", "Empfänger": "Laden", "Betrag": "-1,50", "Kategorie": "x"},
    )
    assert any("header" in note for note in reader.notes)


def test_a_header_of_unknown_names_is_asked_for(path: Path) -> None:
    content = "Some title\nWer,Was,Wohin\nShop,1.50,x\n"
    with pytest.raises(ColumnsUnclear, match=r"--skip-rows.*--map"):
        reader_of(path, content)
    assert reader_of(path, content, skip_rows=1).columns == ("Wer", "Was", "Wohin")
    assert open_reader(path, TextOptions(), named=("Wer", "Wohin")).columns == ("Wer", "Was", "Wohin")


def test_names_of_columns_become_unique(path: Path) -> None:
    reader = reader_of(path, "Payee,Amount,Amount,,Category,\nShop,1,2,3,x,\n")
    assert reader.columns == ("Payee", "Amount", "Amount (2)", "column 4", "Category")
    assert rows_of(reader)[0][1]["Amount (2)"] == "2"


def test_a_single_column_is_a_table_too(path: Path) -> None:
    reader = reader_of(path, "description\nCORNER SHOP\n")
    assert rows_of(reader) == [(2, {"description": "CORNER SHOP"})]


# --- Records -----------------------------------------------------------------------------------------


def test_quotes_and_line_ends_within_them(path: Path) -> None:
    content = 'Payee,Description,Category\r\n"Smith, ""Sons""","two\r\nlines",x\r\n5" pipe,plain,y\r\n'
    assert rows_of(reader_of(path, content)) == [
        (2, {"Payee": 'Smith, "Sons"', "Description": "two\r\nlines", "Category": "x"}),
        (4, {"Payee": '5" pipe', "Description": "plain", "Category": "y"}),
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(path: Path, line_end: str) -> None:
    reader = reader_of(path, line_end.join(["Payee,Category", "A,x", "", "B,y"]))
    assert [(row, values["Payee"]) for row, values in rows_of(reader)] == [(2, "A"), (4, "B")]


def test_rows_of_another_shape_are_rejected_with_their_line(path: Path) -> None:
    reader = reader_of(path, "Payee,Amount,Category\nA,1,x\nB,1,2,x\n\n,,\nC,1\nD,1,x,,\nTotal\nE,1,x\n")
    assert payees(reader) == [
        "A",
        "D",
        "E",
    ]  # empty rows are no rows; empty fields beyond the header no fields
    assert [(row.row, row.reason, row.values) for row in malformed_of(reader)] == [
        (3, "has 4 fields where the header has 3", ("B", "1", "2", "x")),
        (6, "has 2 fields where the header has 3", ("C", "1")),
        (8, "has 1 fields where the header has 3", ("Total",)),
    ]


def test_a_quote_that_is_never_closed_loses_a_bounded_part(path: Path) -> None:
    rest = "".join(f"Shop {n},1,x\n" for n in range(20_000))
    reader = reader_of(path, 'Payee,Amount,Category\nA,1,x\n"open,1,x\n' + rest)
    [rejected] = malformed_of(reader)
    assert rejected.row == 3
    assert "is a quote not closed?" in rejected.reason
    found = payees(reader)
    assert found[0] == "A"
    assert found[-1] == "Shop 19999"
    assert len(found) > 5_000


def test_a_line_without_end_is_no_table(path: Path) -> None:
    lines = "Payee,Category\n" + "A,x\n" * 200
    reader = reader_of(path, lines + "y" * (limits.FILE_LINE_CHARS_MAX + 1))
    with pytest.raises(UnreadableFile, match="line 202 is longer than"):
        payees(reader)


def test_a_file_without_rows_has_none(path: Path) -> None:
    assert batches_of(reader_of(path, "Payee,Category\n")) == []


def test_long_rows_make_short_batches(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_CHARS_MAX", 1_000)
    reader = reader_of(path, "Payee,Category\n" + f"{'A' * 400},x\n" * 10)
    assert [len(batch.rows) for batch in batches_of(reader)] == [3, 3, 3, 1]


def test_batches_tell_how_far_they_got(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 4_000)
    reader = reader_of(path, "Payee,Category\n" + "Corner Shop,x\n" * 60_000)
    marks = [batch.bytes_read for batch in batches_of(reader)]
    assert marks == sorted(marks)
    assert marks[0] < reader.bytes_total / 2
    assert marks[-1] == reader.bytes_total


# --- NDJSON ------------------------------------------------------------------------------------------


def test_ndjson_keeps_numbers_as_they_are_written(path: Path) -> None:
    reader = reader_of(
        path,
        '{"payee": "Café", "amount": 12345678901234.10, "category": 4000, "paid": true}\n'
        '{"payee": "B", "category": null, "amount": NaN, "tags": ["a", {"b": 1}]}\n',
    )
    assert reader.columns == ("payee", "amount", "category", "paid", "tags")
    assert [values for _, values in rows_of(reader)] == [
        {"payee": "Café", "amount": "12345678901234.10", "category": "4000", "paid": "true", "tags": None},
        {"payee": "B", "amount": "NaN", "category": None, "paid": None, "tags": '["a", {"b": "1"}]'},
    ]


def test_ndjson_lines_that_are_no_objects_are_rejected_alone(path: Path) -> None:
    lines: Iterable[str] = (
        '{"payee": "A"}',
        '{"payee": ',
        "[1, 2]",
        "",
        "[" * 100_000,
        '{"payee": "\\ud800"}',
        '{"payee": "B"}',
    )
    reader = reader_of(path, "\n".join(lines))
    assert [(row, values["payee"]) for row, values in rows_of(reader)] == [(1, "A"), (7, "B")]
    assert sorted((row.row, row.column) for row in malformed_of(reader)) == [
        (2, ""),
        (3, ""),
        (5, ""),
        (6, "payee"),
    ]
    assert all(len(value) <= 1_000 for row in malformed_of(reader) for value in row.values)


def test_ndjson_without_objects_is_refused(path: Path) -> None:
    with pytest.raises(UnreadableFile, match="one a line is needed"):
        reader_of(path, "{broken\n")
    with pytest.raises(UnreadableFile, match="JSON array"):
        reader_of(path, '[{"payee": "A"}]')


# --- Which files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \r\n", "is empty"),
        (b"PK\x03\x04 and so on", "export it as CSV"),
        (b"\xd0\xcf\x11\xe0 and so on", "old Excel workbook"),
        (b"%PDF-1.7", "is a PDF"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00", "is no text file"),
        (b"PAR1 and nothing else", "cannot be read as Parquet"),
        (b"\x1f\x8b\x08 and nothing else", "damaged gzip"),
    ],
)
def test_what_is_no_table_is_refused_by_its_content(path: Path, content: bytes, why: str) -> None:
    with pytest.raises(UnreadableFile, match=why):
        reader_of(path, content)


def test_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "statements"
    folder.mkdir()
    for name in ("b.csv", "a.PARQUET", "c.ndjson.gz", "notes.md", ".hidden.csv", "b.csv.rejects.csv"):
        (folder / name).touch()
    named = tmp_path / "export.dat"
    named.touch()
    found = [file.name for file in find_files([named, folder])]
    assert found == ["export.dat", "a.PARQUET", "b.csv", "c.ndjson.gz"]
    with pytest.raises(UnreadableFile, match="is not there"):
        find_files([tmp_path / "missing.csv"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableFile, match="has no files that end in"):
        find_files([tmp_path / "empty"])


def test_a_million_columns_are_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("date,amount" + "," * 1_000_000 + "x\n")
    with pytest.raises(ColumnsUnclear, match="columns; at most"):
        open_reader(path, TextOptions())


def test_names_of_columns_that_are_no_text_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "odd.ndjson"
    path.write_text('{"payee": "Tesco", "\\ud800": "x", "\\udfff": "y", "": "z"}\n')
    reader = open_reader(path, TextOptions())
    assert reader.columns == ("payee", "?", "? (2)", "column 4")
    (batch,) = reader.batches(reader.columns)
    assert batch.values(0) == ("Tesco", "x", "y", "z")


def test_a_name_of_a_csv_column_that_is_no_text_is_one_that_is(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes(b"date,payee,\xc3\xa9t\xc3\xa9,\xe1\n2026-01-01,Tesco,a,b\n")
    reader = open_reader(path, TextOptions())
    assert reader.columns == ("date", "payee", "\u00e9t\u00e9", "?")
    (batch,) = reader.batches(reader.columns)
    assert batch.values(0) == ("2026-01-01", "Tesco", "a", "b")


def test_thousands_of_keys_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "wide.ndjson"
    path.write_text("".join(f'{{"k{number}": 1, "l{number}": 2}}\n' for number in range(1_000)))
    with pytest.raises(ColumnsUnclear, match="keys or more"):
        open_reader(path, TextOptions())
