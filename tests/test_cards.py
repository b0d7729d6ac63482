"""Cards: a record is checked, a card is what the generator makes of it, slices are worked out by code."""

import importlib.util
import json
from itertools import pairwise
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest_results import backtest_of
from likewise_engine import limits
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import CARD_FILE
from likewise_indexer.backtest import LIKEWISE
from likewise_indexer.cards import (
    RECORD_FILE,
    Assumptions,
    CardKind,
    CardRecord,
    Making,
    Meter,
    Section,
    Slice,
    Table,
    files_of,
    markdown_of,
    read_record,
    write_card,
)
from likewise_indexer.cards.record import BIASES, BY_LANGUAGE, BY_RARITY, BY_SIZE
from likewise_indexer.cards.slices import (
    NOT_STATED,
    AskedTenant,
    language_of,
    languages_of,
    slices_of,
    slices_of_backtest,
)

ROOT = Path(__file__).parent.parent


def record_of(**changes: Any) -> CardRecord:
    said = Section(text="As it is.")
    fields: dict[str, Any] = {
        "kind": CardKind.VOTE,
        "name": "small",
        "fingerprint": "small@0123456789abcdef",
        "summary": "Weighs little.",
        "licence": "Apache-2.0",
        "files": (),
        "intended_use": said,
        "data": said,
        "measured": said,
        "limits": said,
        "how": said,
    }
    return CardRecord(**fields | changes)


def test_what_is_written_is_read_again_and_the_card_says_it(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"abc")
    table = Table(columns=("who", "top-1", "tenants"), rows=(("we|they", 0.74561, 61), ("none", nan, 1_200)))
    part = Slice(
        by="size", part="few", who="we", tenants=3, questions=900, figures={"top-1": 0.5, "ECE": nan}
    )
    record = record_of(
        files=files_of(tmp_path, ["model.onnx"]),
        measured=Section(text="Of old.", tables=(table,)),
        slices=(part,),
        making=Making(
            command="likewise model make",
            date="2026-11-22",
            wall_s=3_600,
            processor_s=7_200,
            processor="Z80",
            watts_per_core=10,
            grams_per_kwh=500,
            versions={"python": "3.11"},
        ),
    )
    write_card(tmp_path, record)
    assert read_record(tmp_path) == record
    card = (tmp_path / CARD_FILE).read_text(encoding="utf-8")
    assert card == markdown_of(record)
    lines = card.splitlines()
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert f"| `model.onnx` | 3 bytes, SHA-256 `{digest}` |" in lines
    assert "| we\\|they | 0.746 | 61 |" in lines
    assert "| none | – | 1,200 |" in lines
    assert "| few | we | 3 | 900 | 0.500 | – |" in lines
    assert "about 20 Wh and 10 g of CO2" in card


def test_no_two_blank_lines_follow_each_other_and_tables_stand_apart() -> None:
    table = Table(columns=("who",), rows=(("we",),), text="Told before.", command="likewise do")
    said = Section(text="Said.", tables=(table, table))
    card = markdown_of(record_of(intended_use=said, data=said, measured=said, limits=said, how=said))
    assert "\n\n\n" not in card
    lines = card.splitlines()
    for before, line in pairwise(lines):
        assert line.startswith("|") == before.startswith("|") or not (line and before)


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"[]",
        b'{"format": 1}',
        b'{"format": 2}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (limits.CARD_BYTES_MAX + 1),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, spoilt: bytes) -> None:
    (tmp_path / RECORD_FILE).write_bytes(spoilt)
    with pytest.raises(ModelFault, match=RECORD_FILE):
        read_record(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": 1},
        {"name": "two\nlines"},
        {"fingerprint": "a | b"},
        {"summary": ""},
        {"files": [{"name": "a", "sha256": "0", "bytes": 1}]},
        {"measured": {"text": "a", "tables": [{"columns": ["a", "b"], "rows": [["one"]]}]}},
        {"slices": [{"by": "a", "part": "b", "who": "c", "tenants": -1, "questions": 0, "figures": {}}]},
    ],
)
def test_a_record_that_says_what_none_can_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    document = record_of().model_dump(mode="json") | change
    (tmp_path / RECORD_FILE).write_text(json.dumps(document))
    with pytest.raises(ModelFault, match="no card's record"):
        read_record(tmp_path)


def test_a_folder_without_a_record_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelFault, match="cannot be read"):
        read_record(tmp_path)


def asked(language: str, labels: int, right: list[bool], rarity: list[int]) -> AskedTenant:
    return AskedTenant(
        language,
        labels,
        np.array(right),
        np.where(right, 0.9, 0.1),
        np.array(rarity, dtype=np.int64),
    )


def test_slices_are_averages_over_the_tenants_that_asked_often_enough() -> None:
    tenants = [
        asked("English", 400, [True] * 20 + [False] * 20, [0] * 20 + [7] * 20),
        asked("English", 500, [True] * 40, [7] * 40),
        asked("German", 2_000, [False] * 30, [100] * 30),
        asked("German", 2_000, [True] * 19, [100] * 19),  # too few to say anything
    ]
    found = {(part.by, part.part): part for part in slices_of("we", tenants)}
    assert {part.who for part in found.values()} == {"we"}

    def figures(by: str, part: str) -> tuple[int, int, float | None, float | None]:
        of = found[by, part]
        return of.tenants, of.questions, of.figures["top-1"], of.figures["coverage@95"]

    assert figures(BY_LANGUAGE, "English") == (2, 80, 0.75, 0.75)
    assert figures(BY_LANGUAGE, "German") == (1, 30, 0.0, 0.0)
    assert figures(BY_SIZE, "fewer than 500") == (1, 40, 0.5, 0.5)
    assert figures(BY_SIZE, "500 to 1,999") == (1, 40, 1.0, 1.0)
    assert figures(BY_SIZE, "2,000 or more") == (1, 30, 0.0, 0.0)
    assert figures(BY_RARITY, "none: it is new") == (1, 20, 1.0, 1.0)
    assert figures(BY_RARITY, "5 to 19") == (2, 60, 0.5, 0.5)
    assert (BY_RARITY, "1 to 4") not in found
    assert record_of(slices=tuple(found.values())).missing_biases() == []
    assert record_of().missing_biases() == list(BIASES)


def test_a_backtests_parts_hold_all_its_questions() -> None:
    backtest = backtest_of()
    found = slices_of_backtest(backtest, {"*": "English"}, {LIKEWISE: "Likewise"})
    rows = sum(len(tenant.asked) for tenant in backtest.tenants)
    by = {by: [part for part in found if part.by == by] for by in BIASES}
    assert sum(part.questions for part in by[BY_LANGUAGE]) == rows
    assert sum(part.questions for part in by[BY_SIZE]) == rows
    assert 0 < sum(part.questions for part in by[BY_RARITY]) <= rows


def test_a_language_is_stated_and_never_guessed() -> None:
    languages = languages_of(["tischlerei-*=German", "*.nl=Dutch", "calder=English"])
    assert language_of(["tischlerei-voss"], languages) == "German"
    assert language_of(["voss", "books.nl"], languages) == "Dutch"
    assert language_of(["calder-lets"], languages) == NOT_STATED
    for wrong in ("German", "=German", "voss="):
        with pytest.raises(InvalidInput, match="PATTERN=LANGUAGE"):
            languages_of([wrong])


@given(st.floats(0, 1e9), st.floats(0, 500), st.floats(0, 2_000))
def test_energy_is_processor_time_by_what_is_assumed(seconds: float, watts: float, grams: float) -> None:
    making = Meter().making("likewise", ("likewise",), Assumptions(watts, grams))
    making = making.model_copy(update={"processor_s": seconds})
    assert making.energy_wh == pytest.approx(seconds * watts / 3_600)
    assert making.co2e_g == pytest.approx(making.energy_wh * grams / 1_000)


def test_a_meter_counts_what_this_process_did() -> None:
    meter = Meter()
    for _ in range(60):
        np.linalg.eigvalsh(np.eye(200))
    making = meter.making("likewise", ("likewise", "numpy"), Assumptions())
    assert making.processor_s > 0
    assert making.processor
    assert set(making.versions) == {"python", "likewise", "numpy"}


@pytest.fixture(scope="module")
def data_card() -> Any:
    """scripts/data_card.py."""
    spec = importlib.util.spec_from_file_location("data_card", ROOT / "scripts" / "data_card.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_card_of_the_sample_books_is_counted_in_them(data_card: Any) -> None:
    record = data_card.record_of_books()
    assert record == read_record(ROOT / "data")
    assert (ROOT / "data" / CARD_FILE).read_text(encoding="utf-8") == markdown_of(record)


def test_the_card_of_the_words_is_counted_in_their_table(data_card: Any) -> None:
    folder = ROOT / "data" / "words"
    record = data_card.record_of_words()
    assert record == read_record(folder)
    assert (folder / CARD_FILE).read_text(encoding="utf-8") == markdown_of(record)
    header, *rows = (folder / "business-words.tsv").read_text(encoding="utf-8").splitlines()
    assert header.split("\t")[2:] == list(data_card.WORD_LANGUAGES)
    (table,) = record.measured.tables
    assert {row[1] for row in table.rows} == {len(rows)}
    found = [row[-2] for row in table.rows if row[-2] is not None]
    assert f"Finnish ({min(found):.0%})" in record.limits.text
