"""bench/accuracy.py from end to end, on sample books: it measures what is missing, and writes the page."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import likewise_engine
from accuracy import are_of_one_training, is_ablation_beside, main, titles_of
from likewise_engine.evidence import FEATURES
from likewise_engine.vote import DEFAULT_VOTE
from likewise_engine.vote.manifest import MANIFEST_FILE, read_vote_manifest

ROOT = Path(__file__).parent.parent
NAMES = ("calder-lets", "hazel-and-rye")
SHIPPED = Path(likewise_engine.__file__).parent / "models" / DEFAULT_VOTE


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
    for name in NAMES:
        shutil.copytree(SHIPPED, tmp_path / "votes" / name)
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


def trained_without(folder: Path, names: Sequence[str], **told: object) -> None:
    """Manifests as one training writes them, of the votes that leave out each of these."""
    for name in names:
        trained = {"sources": len(names), "questions": 120, **told, "left_out": name}
        (folder / name).mkdir(parents=True, exist_ok=True)
        replace(read_vote_manifest(SHIPPED), trained=trained).write(folder / name)


def test_votes_are_trained_anew_where_they_are_not_of_one_training_on_these_books(tmp_path: Path) -> None:
    def are(*names: str) -> bool:
        return are_of_one_training(tmp_path, [tmp_path / f"{name}.csv" for name in names])

    assert not are("a", "b")
    trained_without(tmp_path, ["a", "b", "c"])
    assert are("c", "a", "b")
    assert not are("a", "b")  # which know of c
    assert not are("a", "b", "c", "d")
    trained_without(tmp_path, ["a", "b", "d"], questions=130)
    assert are("a", "b", "d")
    assert not are("a", "b", "c")  # c is of the first training
    (tmp_path / "b").rename(tmp_path / "e")
    assert not are("a", "e", "d")
    manifest = tmp_path / "a" / MANIFEST_FILE
    (tmp_path / "e").rename(tmp_path / "b")
    assert are("a", "b", "d")
    manifest.write_text(manifest.read_text().replace(f'"{FEATURES[0]}"', '"feature_of_an_older_engine"'))
    assert not are("a", "b", "d")


@pytest.mark.models
def test_an_ablation_is_of_these_witnesses_and_of_what_votes_were_trained_on() -> None:
    ablation = pytest.importorskip("likewise_indexer.models.vote.ablation", reason="needs the [models] extra")
    tried = [{"what": what, "features": len(kept)} for what, kept in ablation.features_kept().items()]
    tried.append({"what": ablation.KERNEL, "features": 0})
    document = {"tried": tried, "tenants": 2, "questions_asked": 120}
    trained = {"tenants": 2, "questions": 120}
    assert is_ablation_beside(trained, document)
    assert not is_ablation_beside({**trained, "tenants": 3}, document)
    assert not is_ablation_beside({**trained, "questions": 130}, document)
    assert not is_ablation_beside({}, document)
    assert not is_ablation_beside(trained, {**document, "tried": tried[:-1]})
    fewer = [{**tried[0], "features": tried[0]["features"] - 1}, *tried[1:]]
    assert not is_ablation_beside(trained, {**document, "tried": fewer})


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
    again = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    assert "$ likewise" not in again.stdout
