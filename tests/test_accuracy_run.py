"""bench/accuracy.py from end to end, on sample books: it measures what is missing, and writes the page."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import likewise_engine
from accuracy import main, titles_of
from likewise_engine.vote import DEFAULT_VOTE

ROOT = Path(__file__).parent.parent
NAMES = ("calder-lets", "hazel-and-rye")


@pytest.fixture
def books(tmp_path: Path) -> list[Path]:
    """Two sources of one tenant each."""
    cut = []
    for name in NAMES:
        lines = (ROOT / "data" / "books" / f"{name}.csv").read_bytes().splitlines(keepends=True)
        cut.append(tmp_path / f"{name}.csv")
        cut[-1].write_bytes(b"".join(lines[:400]))
    return cut


def of_small_books(books: list[Path], folder: Path, *more: str) -> list[str]:
    """Arguments."""
    options = ["--tenant-column", "", "--rows-max", "60", "--jobs", "1", "--results", str(folder / "results")]
    return [*map(str, books), *options, "--docs", str(folder / "docs"), *more]


def test_what_is_measured_is_written_and_not_measured_again(
    books: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = Path(likewise_engine.__file__).parent / "models" / DEFAULT_VOTE
    for name in NAMES:
        shutil.copytree(shipped, tmp_path / "votes" / name)
    arguments = of_small_books(books, tmp_path, "--votes", str(tmp_path / "votes"), "--no-ablation")
    main([*arguments, "--title", "calder-lets=a landlord"])
    assert capsys.readouterr().out.count("$ likewise backtest") == 2
    page = tmp_path / "docs" / "accuracy.md"
    first = page.read_bytes()
    assert "| a landlord | 1 |" in first.decode()
    assert "| source 2 | 1 |" in first.decode()
    assert "--rows-max 60" in first.decode()
    assert "calder" not in first.decode()

    main([*arguments, "--title", "calder-lets=a landlord"])
    assert "$ likewise" not in capsys.readouterr().out
    assert page.read_bytes() == first

    results = tmp_path / "results" / "backtests" / "hazel-and-rye.json"
    older = json.loads(results.read_text()) | {"vote_fingerprint": "an-older-vote"}
    results.write_text(json.dumps(older))
    main([*arguments, "--write-only"])
    assert "an-older-vote" in page.read_text()
    main(arguments)
    assert capsys.readouterr().out.count("$ likewise backtest") == 1
    assert "an-older-vote" not in page.read_text()


def test_what_fails_is_said(books: list[Path], tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"^accuracy: .*backtests.calder-lets.json"):
        main(of_small_books(books, tmp_path, "--write-only"))
    lacking = of_small_books(books, tmp_path, "--votes", str(tmp_path), "--no-ablation")
    with pytest.raises(SystemExit, match=r"^accuracy: .*'backtest'.* non-zero exit status 1"):
        main(lacking)
    assert list((tmp_path / "results" / "backtests").iterdir()) == []


def test_files_are_called_as_wanted_or_by_their_number(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv.gz", tmp_path / "two.parquet"
    assert titles_of([one, two], ["two=purchase cards"]) == {one: "source 1", two: "purchase cards"}
    with pytest.raises(ValueError, match="one of one, two"):
        titles_of([one, two], ["three=x"])
    with pytest.raises(ValueError, match="BOOK=WORDS"):
        titles_of([one, two], ["two"])
    with pytest.raises(ValueError, match="same title"):
        titles_of([one, two], ["two=source 1"])
    with pytest.raises(ValueError, match="same name"):
        titles_of([one, tmp_path / "other" / "one.csv"], [])


@pytest.mark.models
def test_votes_are_trained_and_witnesses_left_out(books: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("lightgbm", reason="needs the [models] extra")
    command = [sys.executable, str(ROOT / "bench" / "accuracy.py"), *of_small_books(books, tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1_800, check=False)
    assert done.returncode == 0, done.stderr
    results = tmp_path / "results"
    assert sorted(path.name for path in (results / "votes").iterdir()) == sorted(NAMES)
    votes = {json.loads(path.read_text())["vote_fingerprint"] for path in (results / "backtests").iterdir()}
    assert len(votes) == 2
    page = (tmp_path / "docs" / "accuracy.md").read_text()
    assert "| without payee |" in page
    assert "Not measured." not in page
