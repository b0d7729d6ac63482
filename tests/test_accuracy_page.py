"""The accuracy page: made of what backtests wrote, without a name, and every loss that there is, is on it."""

import json
import re
from collections.abc import Mapping
from math import pi, sqrt
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from accuracy_page.commands import Commands, NamedCommands
from accuracy_page.figures import error_by_chance
from accuracy_page.losses import goals, losses
from accuracy_page.markdown import best_in_bold, difference, share, table, wrapped
from accuracy_page.page import write_page
from accuracy_page.results import ResultsUnusable, backtest_of
from accuracy_page.sections import ablation, filing, standing
from backtest_results import backtest_of as invented
from likewise_engine import limits
from likewise_indexer.backtest import LIKEWISE, document_of

COMMANDS = NamedCommands(Commands("tenant", limits.BACKTEST_ROWS_DEFAULT, minilm=Path("minilm")), ".parquet")
FIGURES = {"top1": 0.8, "coverage_at_95": 0.5, "coverage_at_98": 0.4, "ece": 0.05, "top1_payee_unseen": 0.3}
ABLATION = {
    "tried": [
        {"what": "everything", "features": 40, **FIGURES, "top1_after_10": None},
        {"what": "without payee", "features": 36, **FIGURES, "top1": 0.7512, "top1_after_10": None},
        {"what": "the kernel, tuned by hand", "features": 0, **FIGURES, "ece": 0.0504, "top1_after_10": None},
    ],
    "noise": {**FIGURES, "top1": 0.004, "top1_after_10": None},
    "growth": {"trees": 100, "leaves": 15},
    "seeds": 3,
    "questions": 1_234,
    "questions_asked": 56_789,
    "tenants": 5,
}

Document = dict[str, Any]


def documents(cards: int = 3, journals: int = 2) -> dict[str, Document]:
    """What backtests of two sources would have written."""
    return {
        "purchase cards": json.loads(json.dumps(document_of(invented(cards)))),
        "journals": json.loads(json.dumps(document_of(invented(journals)))),
    }


def far_ahead(found: Mapping[str, Document]) -> None:
    """Let nobody be better than Likewise anywhere, and let all that it promises hold."""
    for document in found.values():
        for who, tenants in {LIKEWISE: document["tenants"], **peers_of(document)}.items():
            best = who == LIKEWISE
            for tenant in tenants:
                parts = (tenant, *tenant["slices"].values(), *tenant["learning_curve"])
                for figure in ("top1", "top3", "coverage_at_95", "coverage_at_98", "hindsight_share"):
                    for part in parts:
                        if part.get(figure) is not None:
                            part[figure] = 0.9 if best else 0.4
                tenant["ece"] = 0.01 if best else 0.2
                if best:
                    tenant["filed_share"], tenant["filed_precision"] = 0.85, 0.955


def peers_of(document: Document) -> dict[str, list[Document]]:
    return {who: peer["tenants"] for who, peer in document["peers"].items()}


def rows_of(markdown: str) -> list[list[str]]:
    """The cells of all rows of tables."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in markdown.splitlines()
        if line.startswith("| ") and not line.startswith("| ---")
    ]


def test_figures_of_all_tenants_are_averaged_as_in_a_backtest() -> None:
    read = backtest_of(documents())
    whole = document_of(invented(3))
    part = document_of(read)["tenants"][:3]
    for name in ("top1", "ece", "filed_precision", "slices", "learning_curve", "reliability", "asked"):
        assert [tenant[name] for tenant in part] == [tenant[name] for tenant in whole["tenants"]]
    assert [tenant.tenant for tenant in read.tenants][2:4] == [
        "tenant 3 of purchase cards",
        "tenant 1 of journals",
    ]
    of_tenants = [tenant.performance[LIKEWISE].measures.top1 for tenant in read.tenants]
    assert read.macro[LIKEWISE].measures.top1 == pytest.approx(np.mean(of_tenants))
    (cards, journals) = read.by_file.values()
    assert cards[LIKEWISE].measures.top1 == pytest.approx(np.mean(of_tenants[:3]))
    assert journals[LIKEWISE].measures.top1 == pytest.approx(np.mean(of_tenants[3:]))


def test_documents_of_different_experiments_are_not_mixed() -> None:
    found = documents()
    found["journals"]["settings"]["rows_max"] = 7
    with pytest.raises(ResultsUnusable, match="settings"):
        backtest_of(found)
    found = documents()
    del found["journals"]["peers"]["gnucash"]
    with pytest.raises(ResultsUnusable, match="not the same peers"):
        backtest_of(found)
    with pytest.raises(ResultsUnusable, match="no tenant"):
        backtest_of(documents(0, 0))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of what two sources came to."""
    return write_page(backtest_of(documents()), ABLATION, COMMANDS, tmp_path_factory.mktemp("docs"))


def test_the_page_is_the_same_each_time_and_names_no_tenant(page: Path, tmp_path: Path) -> None:
    write_page(backtest_of(documents()), ABLATION, COMMANDS, tmp_path)
    drawings = [f"accuracy/{name}.svg" for name in ("coverage", "duels", "learning", "reliability")]
    written = sorted(path for path in page.parent.rglob("*") if path.is_file())
    assert [path.relative_to(page.parent).as_posix() for path in written] == [*drawings, "accuracy.md"]
    for path in written:
        assert path.read_bytes() == (tmp_path / path.relative_to(page.parent)).read_bytes()
        assert "books-" not in path.read_text()  # as the tenants are called
    assert re.search(r"tenant \d of (journals|purchase cards)", page.read_text())


def test_drawings_stand_by_themselves(page: Path) -> None:
    links = re.findall(r"!\[.*?\]\((.*?)\)", page.read_text())
    assert len(links) == 4
    for link in links:
        drawing = (page.parent / link).read_text()
        assert len(drawing) < 60_000
        assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314  # ours
        assert set(re.findall(r"var\((--[\w-]+)\)", drawing)) <= set(re.findall(r"(--[\w-]+):", drawing))
        assert not re.search(r"20\d\d-\d\d-\d\d", drawing)


def test_every_table_has_the_command_that_makes_it_before_it(page: Path) -> None:
    text = page.read_text()
    with_tables = [part for part in re.split(r"^##+ .*$", text, flags=re.MULTILINE) if "\n| " in part]
    assert len(with_tables) >= 8
    for part in with_tables:
        before = part.partition("\n| ")[0]
        assert re.search(r"^    likewise (backtest|model ablate-vote) ", before, re.MULTILINE)
    assert "--minilm MINILM" in text
    assert "python bench/accuracy.py BOOKS/*.parquet" in text


def test_what_the_protocol_does_not_leave_out_is_said(page: Path) -> None:
    protocol = " ".join(page.read_text().partition("**The protocol**")[2].partition("\n\n")[0].split())
    assert "the pooled map that calibrates new tenants was made with ensembles that did" in protocol
    assert "the way of growing trees was chosen with all sources" in protocol


def test_a_planted_loss_is_found() -> None:
    found = documents()
    far_ahead(found)
    clean = losses(backtest_of(found), COMMANDS)
    assert rows_of(clean) == []
    assert clean.count("None:") == 2
    cards = found["purchase cards"]
    cards["peers"]["odoo"]["tenants"][1]["top1"] = 0.925
    for tenant in peers_of(cards)["gnucash"]:
        tenant["ece"] = 0.004
    for tenant in peers_of(cards)["char-svm"] + peers_of(found["journals"])["char-svm"]:
        tenant["slices"]["payee_unseen"]["top1"] = 0.95
    for tenant in found["journals"]["tenants"]:
        tenant["filed_precision"] = 0.91
    odoo, svm = "Odoo bill prediction (full-text ranking)", "Character n-gram SVM, retrained"
    rows = rows_of(losses(backtest_of(found), COMMANDS))
    assert ["tenant 2 of purchase cards", "120", ".900", ".925", ".025", odoo] in rows
    assert ["all", "top-1, payee never seen before", ".900", ".950", ".050", svm] in rows
    assert ["purchase cards", "payee unseen", ".900", ".950", ".050", svm] in rows
    assert [
        "purchase cards",
        "calibration error",
        ".010",
        ".004",
        ".006",
        "GnuCash import matcher (Bayes)",
    ] in rows
    assert ["journals", ".850", ".910", "too few"] in rows
    assert not [row for row in rows if row[:2] == ["all", "top-1"]]


def test_what_was_filed_nowhere_and_what_was_too_right_are_said() -> None:
    found = documents()
    far_ahead(found)
    for tenant in found["journals"]["tenants"]:
        tenant["filed_share"], tenant["filed_precision"] = 0.0, None
    for tenant in found["purchase cards"]["tenants"]:
        tenant["filed_precision"] = 0.991
    said = losses(backtest_of(found), COMMANDS)
    assert ["journals", ".000", "–", "nothing"] in rows_of(said)
    assert ["purchase cards", ".850", ".991", "too many"] in rows_of(said)
    assert "At 0 tenants of the 3 where anything was FILEd" in said


def test_goals_say_what_is_missing() -> None:
    found = documents(12, 8)
    far_ahead(found)
    reached = goals(backtest_of(found), COMMANDS)
    assert "no:" not in reached
    for document in found.values():
        for tenant in document["tenants"]:
            tenant["top1"] = 0.757
    found["journals"]["peers"]["gnucash"]["tenants"][0]["top1"] = 0.777
    rows = {row[0]: row[1:] for row in rows_of(goals(backtest_of(found), COMMANDS))}
    assert rows["top-1"] == [".770 or more", ".757", "no: .013 is missing"]
    assert rows["tenants where the best peer there is ahead"] == ["1 at most", "1 of 20", "yes"]
    assert rows["… and there by"] == ["less than .010", ".020", "no: .010 is missing"]
    assert rows["FILEd, of what hindsight allows"] == [".850 or more", ".944", "yes"]


def test_what_is_filed_stands_beside_what_hindsight_allows() -> None:
    found = documents()
    far_ahead(found)
    rows = {row[0]: row for row in rows_of(filing(backtest_of(found), COMMANDS))}
    assert rows["**all**"][1:5] == [".850", ".955", ".900", ".944"]


def test_peers_that_could_not_run_are_said() -> None:
    found = documents()
    for document in found.values():
        document["peers_missing"] = {"minilm_knn": "MiniLM is not here"}
    assert "- minilm_knn: MiniLM is not here" in standing(backtest_of(found), COMMANDS)


def test_without_peers_there_is_a_page(tmp_path: Path) -> None:
    found = documents()
    for document in found.values():
        document["peers"] = {}
    text = write_page(backtest_of(found), None, COMMANDS, tmp_path).read_text()
    assert "No peer ran." in text
    assert "Not measured." in text


def test_an_ablation_shows_differences_and_what_chance_gives() -> None:
    head, everything, payee, kernel, noise = rows_of(ablation(ABLATION, COMMANDS))
    assert head[:3] == ["the vote sees", "features", "top-1"]
    assert everything == ["everything", "40", ".800", ".500", ".400", ".050", ".300", "–"]
    assert payee[:4] == ["without payee", "36", ".751 (-.049)", ".500 (.000)"]
    assert (payee[-1], kernel[1], kernel[5]) == ("– (–)", "–", ".050 (.000)")
    assert noise[2] == "±.004"


def test_figures_tables_and_lines_are_as_markdown_has_them() -> None:
    assert [share(figure) for figure in (0.0, 0.7271, 1.0, float("nan"))] == [".000", ".727", "1.000", "–"]
    assert [difference(d) for d in (0.0123, -0.0123, 0.0004, float("nan"))] == ["+.012", "-.012", ".000", "–"]
    assert best_in_bold([0.5, 0.7001, 0.7003, float("nan")]) == [".500", "**.700**", "**.700**", "–"]
    assert best_in_bold([0.5, 0.7], lowest=True) == ["**.500**", ".700"]
    assert best_in_bold([float("nan")]) == ["–"]
    assert table(["a", "b"], [["x|y", "z"]]) == "| a | b |\n| --- | --- |\n| x/y | z |"
    prose, line = "word " * 60, f"| {'cell ' * 60}|"
    paragraph, kept = wrapped(f"{prose.strip()}\n\n{line}").split("\n\n")
    assert max(map(len, paragraph.splitlines())) <= 118
    assert kept == line


def test_chance_alone_makes_a_calibration_error_and_less_of_it_with_more_rows() -> None:
    found = documents(12, 8)
    for document in found.values():
        for tenant in document["tenants"]:
            tenant["asked"] = 100
            tenant["reliability"] = [
                {"rows": 1.0, "probability": 0.5, "right": 1.0},
                *({"rows": 0.0, "probability": None, "right": None} for _ in range(9)),
            ]
    # The mean distance of a binomial share from its half: the square root of 2 / pi times p (1 - p) / n.
    assert error_by_chance(backtest_of(found)) == pytest.approx(sqrt(2 / pi * 0.25 / 100), rel=0.05)
    for document in found.values():
        for tenant in document["tenants"]:
            tenant["asked"] = 10_000
    assert error_by_chance(backtest_of(found)) == pytest.approx(sqrt(2 / pi * 0.25 / 10_000), rel=0.05)
