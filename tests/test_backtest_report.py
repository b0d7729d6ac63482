"""The report of a backtest: a page that stands alone, says what was found, and cannot be made to say else."""

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from backtest_results import ROWS, SKILLS, TITLES, backtest_of, behind_of, confusion_of
from conftest import LIKEWISE as COMMAND
from likewise_indexer.backtest.measures import macro
from likewise_indexer.backtest.report.html import html_of, write_html
from likewise_indexer.backtest.report.plots import look_of
from likewise_indexer.backtest.report.tables import behind_table, peers_table, tenant_tables
from likewise_indexer.backtest.report.tiles import tiles_of
from likewise_indexer.backtest.report.verdict import verdict
from likewise_indexer.backtest.report.words import percent
from likewise_indexer.backtest.result import LIKEWISE, Backtest, BacktestSettings, LeftOut

BOOK = Path(__file__).resolve().parents[1] / "data" / "books" / "hazel-and-rye.csv"


class Page(HTMLParser):
    """What stands in a page: its elements with their attributes, its texts, its tables as rows of cells."""

    VOID = frozenset(("meta", "link", "br", "img", "input", "hr"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._table: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self._open == [], "an element is not closed"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "table":
            self._table = []
            self.tables[dict(attrs).get("id") or f"table {len(self.tables)}"] = self._table
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
        elif tag == "small":
            self._table[-1][-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self._open):
            self.texts.append(data)
        if {"td", "th"} & set(self._open):
            self._table[-1][-1] += data

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))

    def attributes(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def backtest() -> Backtest:
    return backtest_of()


@pytest.fixture(scope="module")
def html(backtest: Backtest) -> str:
    return html_of(backtest, command="likewise backtest books --peers --html report.html")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_the_page_needs_nothing_but_itself(html: str, page: Page) -> None:
    assert "://" not in html
    assert "@import" not in html
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.elements}
    assert page.attributes("src") == []
    assert all(href.startswith("#") for href in page.attributes("href"))
    assert "default-src 'none'" in page.attributes("content")[-1]


def test_the_script_is_the_one_that_the_page_allows(html: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_ids_are_unique_and_all_that_is_pointed_at_is_there(html: str, page: Page) -> None:
    ids = page.attributes("id")
    assert len(set(ids)) == len(ids)
    pointed = {href.removeprefix("#") for href in page.attributes("href")}
    pointed |= set(re.findall(r"url\(#([^)]+)\)", html)) | set(page.attributes("aria-labelledby"))
    assert pointed <= set(ids)
    assert any(name.startswith("plot-coverage-") for name in pointed)


def test_each_plot_is_there_with_its_alternative_in_words(page: Page, backtest: Backtest) -> None:
    names = {name for name in page.attributes("id") if re.fullmatch("plot-[a-z]+(-sure)?", name)}
    plots = "coverage", "reliability", "filing", "duels", "learning", "learning-sure", "slices"
    assert names == {f"plot-{name}" for name in plots}
    drawings = [attributes for tag, attributes in page.elements if tag == "svg"]
    assert len(drawings) == len(plots)
    assert all(drawing["role"] == "img" for drawing in drawings)
    assert (
        f"{percent(backtest.macro[LIKEWISE].measures.coverage_at_95)} of the transactions"
        in drawings[0]["aria-label"]
    )


def test_plots_take_their_colours_from_the_page(html: str) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert re.findall(r"#[0-9a-fA-F]{6}\b", drawings) == []
    used = set(re.findall(r"var\(--([\w-]+)\)", drawings))
    assert {"ink", "who-0", "who-7", "sans"} <= used
    style = html.partition("<style>")[2].partition("</style>")[0]
    for half in style.split("@media screen and (prefers-color-scheme: dark)"):
        assert all(f"--{name}:" in half for name in used - {"sans"})


def test_who_answers_is_told_by_more_than_colour() -> None:
    looks = [look_of(backtest_of(1), who) for who in SKILLS]
    shapes = {(str(look.get("linestyle", "-")), look["marker"]) for look in looks}
    assert len(shapes) == len(SKILLS)


def test_the_verdict_says_the_figures(page: Page, backtest: Backtest) -> None:
    m = backtest.macro[LIKEWISE].measures
    assert f"would have filed {100 * m.filed_share:.0f} by itself" in page.text
    assert f"{100 * m.filed_precision:.1f} %" in page.text
    assert f"Its first suggestion is right for {100 * m.top1:.1f} of 100" in page.text
    best = max((who for who in SKILLS if who != LIKEWISE), key=lambda who: backtest.macro[who].measures.top1)
    assert f"({TITLES[best]}) has {100 * backtest.macro[best].measures.top1:.1f}" in page.text


def test_the_tables_hold_the_figures_of_the_result(page: Page, backtest: Backtest) -> None:
    (_, ours, *theirs) = page.tables["table-peers"]
    for (who, performance), row in zip(backtest.macro.items(), (ours, *theirs), strict=True):
        m = performance.measures
        figures = [m.top1, m.top3, m.coverage_at_95, m.coverage_at_98, m.ece]
        assert row[0] == TITLES[who]
        assert [cell.split(" | ")[0] for cell in row[1:6]] == [f"{100 * figure:.1f}" for figure in figures]
    rows = {row[0].split(" | ")[0]: row for row in page.tables["table-tenants"][1:]}
    assert len(rows) == len(backtest.tenants)
    for tenant in backtest.tenants:
        m = tenant.performance[LIKEWISE].measures
        row = rows[tenant.tenant]
        assert row[1:3] == [f"{ROWS} | after {ROWS}", f"{100 * m.top1:.1f}"]
        figures = [m.coverage_at_95, m.coverage_at_98, m.filed_share, m.filed_precision]
        assert row[4:8] == [f"{100 * figure:.1f}" for figure in figures]
    points = page.tables["table-learning"][1:]
    assert [row[0] for row in points] == ["10", "50", "200", "all, 120 on average"]
    for point, row in zip(backtest.macro[LIKEWISE].learning, points, strict=True):
        assert row[3] == f"{100 * point.top1:.1f}"
    slices = [within for within in backtest.macro[LIKEWISE].slices.values() if within.rows]
    for within, row in zip(slices, page.tables["table-slices"][1:], strict=True):
        assert row[2:4] == [f"{within.rows:,}", f"{100 * within.top1:.1f}"]


def test_table_heads_have_a_scope(page: Page) -> None:
    scopes = [attributes.get("scope") for tag, attributes in page.elements if tag == "th"]
    assert scopes
    assert set(scopes) == {"col", "row", "rowgroup"}


def test_a_peer_that_is_better_is_said_to_be() -> None:
    fair = backtest_of(3)
    # The peer's answers become ours, and ours the peer's.
    swap = {LIKEWISE: "char-svm", "char-svm": LIKEWISE}
    performance = [{who: t.performance[swap.get(who, who)] for who in t.performance} for t in fair.tenants]
    tenants = tuple(replace(t, performance=p) for t, p in zip(fair.tenants, performance, strict=True))
    macros = {who: macro([tenant.performance[who] for tenant in tenants]) for who in fair.macro}
    lost = replace(fair, tenants=tenants, macro=macros, behind=behind_of(tenants))
    gap = macros["char-svm"].measures.top1 - macros[LIKEWISE].measures.top1
    assert gap > 0.01
    assert f"so Likewise is {100 * gap:.1f} points behind." in " ".join(verdict(lost))
    (row,) = [row for row in peers_table(lost).rows if row[0].text == TITLES["char-svm"]]
    assert row[1].note == f"better by {100 * gap:.1f}"
    assert row[1].loses
    tile = tiles_of(lost)[1]
    assert tile.note.startswith("a peer is better")
    assert tile.loses
    behind = behind_table(lost)
    assert lost.behind is not None
    assert behind is not None
    assert [row[0].text for row in behind.rows] == [tenant.tenant for tenant in lost.behind.tenants]
    assert all(row[2].loses for row in behind.rows)


def test_a_precision_below_the_target_is_said_to_be_short() -> None:
    fair = backtest_of(1)
    measures = replace(fair.macro[LIKEWISE].measures, filed_precision=0.91)
    short = replace(
        fair,
        macro={LIKEWISE: replace(fair.macro[LIKEWISE], measures=measures)},
        titles={LIKEWISE: "Likewise"},
    )
    assert "but only 91.0\xa0% of them right: 4.0 points short of the 95\xa0%" in verdict(short)[0]
    assert (tiles_of(short)[0].note, tiles_of(short)[0].loses) == ("short of the 95\xa0%", True)


def test_a_confusion_shows_what_misled(page: Page) -> None:
    assert "Rent taken for Deposits" in page.text
    assert "1 FILEd, so nobody would have looked" in page.text
    assert "amounts of 4,321.5 EUR and 9 USD together." in page.text
    table = page.tables["table 7"]
    assert table[1] == ["2025-03-11", "Landlord", "-1,850.00\xa0EUR", "FILEd as Deposits, 97.3\xa0% sure"]
    assert table[2][3:] == ["Deposits  | ✗ misled", "91.0\xa0%", "62.0\xa0%"]
    assert table[3][3].endswith("✓ spoke for the right one")
    assert table[4] == ["undated", "Landlord", "–", "ASKed as Deposits, 97.3\xa0% sure"]


def test_how_it_was_measured_is_said(page: Page, backtest: Backtest) -> None:
    for said in (
        "likewise backtest books --peers --html report.html",
        "known from the day after its row on",
        backtest.encoder_fingerprint,
        backtest.vote_fingerprint,
        "likewise 0.1.0, python 3.11.7",
        "2025-03-01",
    ):
        assert said in page.text


def test_the_same_result_gives_the_same_bytes(backtest: Backtest, html: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("an older one")
    write_html(backtest, path, command="likewise backtest books --peers --html report.html")
    assert path.read_bytes() == html.encode()
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    (tmp_path / "report.html" / "file").touch()
    with pytest.raises(OSError, match="report"):
        write_html(backtest_of(0, (LIKEWISE,)), tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


HOSTILE = (
    "</style></script><script>alert(1)</script><img src=x onerror=alert(1)>\" ' {{ 7 * 7 }} \u202e\x00\ud800"
)


def test_hostile_names_stay_text() -> None:
    fair = backtest_of(2, (LIKEWISE, "char-svm"))
    titles = {LIKEWISE: "Likewise", "char-svm": f"$x^2 {HOSTILE[:30]}"}
    tenants = tuple(
        replace(t, tenant=f"{HOSTILE}{n}", files=(Path("<b>.csv"),)) for n, t in enumerate(fair.tenants)
    )
    hostile = replace(
        fair,
        titles=titles,
        tenants=tenants,
        behind=behind_of(tenants),
        by_file={Path(HOSTILE.replace("\x00", "")): fair.macro, Path("other"): fair.macro},
        confusions=(confusion_of(HOSTILE, HOSTILE, f"{HOSTILE}!", HOSTILE * 100),),
        left_out=(LeftOut(HOSTILE, 3, HOSTILE, failed=False),),
        peers_missing={HOSTILE: HOSTILE},
        settings=replace(fair.settings, dimension="category"),
    )
    text = html_of(hostile, command=HOSTILE)
    page = Page(text)
    text.encode()
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "img" not in {tag for tag, _ in page.elements}
    assert "{{ 7 * 7 }}" in page.text
    assert not set("\u202e\x00\ud800") & set(text)
    assert max(map(len, page.tables["table-tenants"][1][:1])) < 150
    assert len(text) < 400_000


def test_of_many_tenants_the_worst_and_the_best_are_shown() -> None:
    one = backtest_of(1, (LIKEWISE,)).tenants[0]
    many = []
    for number in range(500):
        measures = replace(one.performance[LIKEWISE].measures, top1=number / 500)
        performance = {LIKEWISE: replace(one.performance[LIKEWISE], measures=measures)}
        many.append(replace(one, tenant=f"t{number}", performance=performance))
    base = backtest_of(1, (LIKEWISE,))
    worst, best = tenant_tables(replace(base, tenants=tuple(many[::-1])))
    assert [row[0].text for row in worst.rows] == [f"t{number}" for number in range(30)]
    assert [row[0].text for row in best.rows] == [f"t{number}" for number in range(470, 500)]
    assert "30 of 500" in worst.caption


def test_one_tenant_without_peers_filings_learning_or_errors() -> None:
    settings = BacktestSettings(learning=False)
    alone = backtest_of(1, (LIKEWISE,), settings)
    nothing = {"filed_share": 0.0, "filed_precision": float("nan"), "hindsight_share": 0.0}
    measures = replace(alone.macro[LIKEWISE].measures, **nothing)
    performance = {LIKEWISE: replace(alone.macro[LIKEWISE], measures=measures)}
    tenants = (replace(alone.tenants[0], performance=performance, undated=True),)
    page = Page(html_of(replace(alone, macro=performance, tenants=tenants, confusions=())))
    assert "would have filed nothing by itself" in page.text
    assert "nan" not in page.text.lower().replace("tenant", "")
    assert set(page.tables) == {"table-slices", "table-tenants"}
    assert "peer" not in page.text
    plots = {name for name in page.attributes("id") if re.fullmatch("plot-[a-z]+", name)}
    assert plots == {"plot-coverage", "plot-reliability", "plot-slices"}
    assert "--errors 20" in page.text
    assert "no dates" in page.tables["table-tenants"][1][0]


def test_no_tenant_at_all() -> None:
    left_out = (LeftOut("tiny", 4, "it has 4 rows", failed=False),)
    page = Page(html_of(replace(backtest_of(0, (LIKEWISE,)), left_out=left_out)))
    assert "Nothing was measured" in page.text
    assert "tiny : it has 4 rows" in page.text
    assert page.tables == {}


def test_nothing_heavy_is_loaded_before_a_report_is_wanted() -> None:
    heavy = "{'matplotlib', 'jinja2'}"
    program = f"import sys, likewise_indexer.backtest.report.html; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_the_command_writes_a_report_of_a_book_and_how_to_repeat_it(tmp_path: Path) -> None:
    path = tmp_path / "my report.html"
    options = ["--rows-max", "120", "--no-learning", "--errors", "2", "--jobs", "1", "--html", str(path)]
    run = subprocess.run(
        [*COMMAND, "backtest", str(BOOK), *options], capture_output=True, text=True, check=True
    )
    assert str(path) in run.stdout.replace("\n", "")
    page = Page(path.read_text())
    assert f"likewise backtest {BOOK} --rows-max 120" in page.text
    assert f"--html '{path}'" in page.text
    assert "A backtest of 60 transactions" in page.text
    assert page.tables["table-tenants"][1][0] == "hazel-and-rye"
