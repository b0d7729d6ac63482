"""``likewise model tune``: a student learns what belongs together; runs can be interrupted."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import load_encoder
from likewise_engine.errors import InvalidInput
from likewise_indexer.cards import read_record
from likewise_indexer.cards.shelf import model_in
from likewise_server.cli.model import model_app

pytestmark = pytest.mark.models

REASON = "needs the extra likewise[models]: run 'make test-models'"
sentence_transformers = pytest.importorskip("sentence_transformers", reason=REASON)
teachers = pytest.importorskip("model_teachers", reason=REASON)
distillation = pytest.importorskip("likewise_indexer.models.distil", reason=REASON)
students = pytest.importorskip("likewise_indexer.models.tune.student", reason=REASON)
training = pytest.importorskip("likewise_indexer.models.tune.training", reason=REASON)
searching = pytest.importorskip("likewise_indexer.models.tune.search", reason=REASON)
groups = pytest.importorskip("likewise_indexer.models.tune.groups", reason=REASON)
teaching = pytest.importorskip("likewise_indexer.models.tune.teaching", reason=REASON)
losses = pytest.importorskip("likewise_indexer.models.tune.loss", reason=REASON)

WORDS = Path(__file__).parents[1] / "data" / "words" / "business-words.tsv"
FILED = {"rent": ["flat", "the flat", "rent for the flat"], "food": ["tea", "tea shop", "bakers", "shop"]}


@pytest.fixture
def student(tmp_path: Path) -> str:
    """The folder of a small static student."""
    (tmp_path / "teacher").mkdir()
    ngrams = distillation.NgramHash(buckets_log2=8)
    module = distillation.distil(
        teachers.tiny_teacher(tmp_path / "teacher"),
        distillation.Distillation(token_dimensions=12, ngram_dimensions=12, ngrams=ngrams),
        lambda _done, _total: None,
    )
    folder = tmp_path / "student"
    sentence_transformers.SentenceTransformer(modules=[module], device="cpu").save_pretrained(str(folder))
    return str(folder)


def pairs() -> list[Any]:
    return [groups.of_book("book", 1.0, [groups.Filed(name, texts) for name, texts in FILED.items()])]


def small(**changes: Any) -> Any:
    return training.Tuning(**{"steps": 20, "batch_size": 16, "judged_every": 5, "seed": 3} | changes)


def apart(model: Any) -> float:
    """How much nearer texts of one category are than texts of two."""
    vectors = students.encode_of(model)([text for texts in FILED.values() for text in texts])
    cosines, rent = vectors @ vectors.T, len(FILED["rent"])
    alike = (cosines[:rent, :rent].mean() + cosines[rent:, rent:].mean()) / 2
    return float(alike - cosines[:rent, rent:].mean())


def test_what_is_filed_alike_comes_closer(student: str, tmp_path: Path) -> None:
    model = students.load_student(student)
    before = apart(model)
    tuned = training.tune(model, pairs(), small(), apart, tmp_path / "work")
    assert tuned.score == pytest.approx(apart(tuned.student), abs=1e-6)
    assert tuned.score > before + 0.3


def test_the_same_seed_gives_the_same_bytes(student: str, tmp_path: Path) -> None:
    for out in ("one", "two"):
        tuned = training.tune(
            students.load_student(student), pairs(), small(), apart, tmp_path / f"{out}.work"
        )
        students.export_student(tuned.student, "small", tmp_path / out)
    one, two = ((tmp_path / out / "model.onnx").read_bytes() for out in ("one", "two"))
    assert one == two


class Cut(Exception):
    """What ends a run in the middle."""


def test_an_interrupted_run_goes_on_and_ends_the_same(student: str, tmp_path: Path) -> None:
    whole = training.tune(
        students.load_student(student), pairs(), small(patience=99), apart, tmp_path / "whole"
    )

    def cut(step: int, _score: float) -> None:
        if step == 15:
            raise Cut

    with pytest.raises(Cut):
        training.tune(
            students.load_student(student),
            pairs(),
            small(patience=99),
            apart,
            tmp_path / "cut",
            after_judged=cut,
        )
    judged: list[int] = []
    again = training.tune(
        students.load_student(student),
        pairs(),
        small(patience=99),
        apart,
        tmp_path / "cut",
        after_judged=lambda step, _score: judged.append(step),
    )
    assert judged == [15, 20]
    assert again.score == pytest.approx(whole.score, abs=1e-6)


def test_a_run_of_other_settings_is_not_gone_on_from(student: str, tmp_path: Path) -> None:
    training.tune(students.load_student(student), pairs(), small(steps=5), apart, tmp_path / "work")
    with pytest.raises(InvalidInput, match="other settings"):
        training.tune(students.load_student(student), pairs(), small(steps=10), apart, tmp_path / "work")


def test_it_ends_where_nothing_gets_better(student: str, tmp_path: Path) -> None:
    scores = iter([0.5, 0.4, 0.3, 0.2, 0.1])
    tuned = training.tune(
        students.load_student(student),
        pairs(),
        small(steps=25, patience=2),
        lambda _model: next(scores),
        tmp_path / "work",
    )
    assert (tuned.steps, tuned.score) == (15, 0.5)


def test_an_interrupted_run_has_no_more_patience_than_another(student: str, tmp_path: Path) -> None:
    def run(scores: list[float], after_judged: Any) -> Any:
        left = iter(scores)
        return training.tune(
            students.load_student(student),
            pairs(),
            small(steps=40, patience=3),
            lambda _model: next(left),
            tmp_path / "work",
            after_judged=after_judged,
        )

    def cut(step: int, _score: float) -> None:
        if step == 15:
            raise Cut

    with pytest.raises(Cut):
        run([0.5, 0.4, 0.3], cut)
    assert run([0.3, 0.2, 0.1, 0.1, 0.1], lambda _step, _score: None).steps == 20


def test_a_transformer_is_tuned_too(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    teachers.tiny_teacher(tmp_path / "teacher").save_pretrained(str(tmp_path / "saved"))
    model = students.load_student(str(tmp_path / "saved"))
    before = students.encode_of(model)(["tea", "flat"])
    tuned = training.tune(model, pairs(), small(steps=5, learning_rate=0.001), apart, tmp_path / "work")
    encoder = students.export_student(tuned.student, "small", tmp_path / "out")
    after = encoder.encode(["tea", "flat"])
    np.testing.assert_allclose(after, students.encode_of(tuned.student)(["tea", "flat"]), atol=1e-4)
    assert np.abs(after - before).max() > 0.01


def test_texts_of_the_same_label_are_no_negatives(student: str) -> None:
    model = students.load_student(student)
    loss = losses.LabelContrast(model, scale=20.0)

    def of(texts: list[str], labels: list[int]) -> float:
        features = [model.preprocess(texts), model.preprocess(texts)]
        return float(loss(features, losses.torch.tensor(labels)).detach())

    assert of(["tea", "tea"], [0, 0]) == pytest.approx(0, abs=1e-6)
    assert of(["tea", "tea"], [0, 1]) == pytest.approx(np.log(2), abs=1e-6)


def test_a_hard_negative_counts_against_its_anchor(student: str) -> None:
    model = students.load_student(student)
    loss = losses.LabelContrast(model, scale=20.0)
    labels = losses.torch.tensor([0])
    alike = [model.preprocess(["tea"])] * 3
    assert float(loss(alike, labels).detach()) == pytest.approx(np.log(2) / 2, abs=1e-6)


def test_a_student_learns_what_its_teacher_finds_alike(student: str, tmp_path: Path) -> None:
    texts = [text for each in FILED.values() for text in each]
    vectors = np.repeat(np.eye(2, dtype=np.float32), [len(each) for each in FILED.values()], axis=0)
    asked: list[int] = []

    def teacher(asked_texts: Any) -> Any:
        asked.append(len(asked_texts))
        return vectors

    def lesson_of(who: str) -> Any:
        taught = teaching.Taught(teacher, [texts], tmp_path / "cache", lambda _done, _total: None, who)
        return taught.lesson(texts)

    lesson, again = lesson_of("one"), lesson_of("one")
    assert asked == [len(texts)]
    assert np.array_equal(again.vectors, lesson.vectors)
    assert {len(set(row)) for row in lesson.near} == {len(texts) - 1}
    lesson_of("another")
    assert asked == [len(texts)] * 2  # What one teacher said is not taken for another's.

    model = students.load_student(student)
    before = apart(model)
    of_noise = [groups.of_noise(0.01, texts)]
    tuned = training.tune(model, of_noise, small(steps=30), apart, tmp_path / "work", lesson=lesson)
    assert tuned.score > before + 0.1


def test_trials_are_counted_across_runs_and_the_best_wins(student: str, tmp_path: Path) -> None:
    sources = searching.Sources(books=[books_of_one()])
    told: list[str] = []

    def run(trials: int) -> Any:
        return searching.search(
            lambda: students.load_student(student),
            sources,
            small(steps=5),
            apart,
            trials,
            tmp_path / "work",
            lambda what, _done, _total: told.append(what),
        )

    first, then = run(2), run(3)
    assert (first.trials, then.trials) == (2, 3)
    assert then.score >= first.score
    assert set(told) == {"Trial 1 of 2", "Trial 2 of 2", "Trial 3 of 3"}
    assert run(3).settings == then.settings


def books_of_one() -> Any:
    filed = pytest.importorskip("likewise_indexer.models.tune.filed", reason=REASON)
    return filed.FiledBook("one", "one", [groups.Filed(name, texts) for name, texts in FILED.items()])


def books_file(path: Path, word: str = "") -> Path:
    """Four tenants' rows, each text filed in the same way everywhere; named and worded with a word."""
    rows = [
        {
            "tenant": f"{tenant}{word}",
            "date": datetime.date(2024, 1, 1) + datetime.timedelta(days=number),
            "payee": f"{text} {word}".strip(),
            "amount": 1.0 + number,
            "category": category,
        }
        for tenant in ("a", "b", "c", "d")
        for number, (category, text) in enumerate((c, t) for c, texts in FILED.items() for t in texts * 4)
    ]
    pl.DataFrame(rows).write_parquet(path)
    return path


def test_the_command_tunes_on_books_brands_and_words(student: str, tmp_path: Path) -> None:
    brands = tmp_path / "brands.parquet"
    kinds = {"name": ["Tea Shop", "The Bakers"], "tag_key": ["shop", "shop"], "tag_value": ["tea", "bakery"]}
    pl.DataFrame(kinds | {"countries": ["gb", None]}).write_parquet(brands)
    codes = tmp_path / "codes.csv"
    codes.write_text("mcc,one_description,two_description\n5499,Tea Shops,Shops for Tea\n6513,Rent,Flats\n")
    words = tmp_path / "words.tsv"
    words.write_text(
        "concept\tkinds\ten\tde\ntea\tshop=tea\ttea; tea shop\tTee\nrent\t\trent; flat\tMiete; Pacht\n"
    )
    arguments = ["tune", str(books_file(tmp_path / "books.parquet")), "--tenant-column", "tenant"]
    arguments += ["--student", student, "--out", str(tmp_path / "out"), "--name", "mine", "--steps", "10"]
    arguments += ["--brands", str(brands), "--merchant-categories", str(codes), "--words", str(words)]
    arguments += ["--batch-size", "8", "--hard-negatives", "--trials", "1", "--seed", "1"]
    result = CliRunner().invoke(model_app, arguments)
    assert result.exit_code == 0, result.output
    encoder = load_encoder(tmp_path / "out")
    assert encoder.fingerprint.startswith("mine@")
    assert encoder.fingerprint in result.stdout
    assert "1 trials" in result.stdout
    assert encoder.fingerprint.partition("+")[0] in (tmp_path / "out" / "CARD.md").read_text()
    assert (tmp_path / "out.work" / "final").is_dir()


def test_sources_are_left_out_one_by_one_or_together_by_the_same_recipe(student: str, tmp_path: Path) -> None:
    books = [books_file(tmp_path / f"{source}.parquet", source) for source in ("north", "south", "west")]
    out, others = tmp_path / "out", tmp_path / "others"
    arguments = ["tune", *map(str, books), "--tenant-column", "tenant", "--student", student, "--tenants-min"]
    arguments += ["1", "--teacher", student, "--name", "mine", "--steps", "4", "--batch-size", "8"]
    arguments += ["--out", str(out), "--leave-out-dir", str(others), "--leave-out-together", "west,north"]
    arguments += ["--words", str(WORDS)]
    result = CliRunner().invoke(model_app, arguments)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in others.iterdir()) == ["north", "south", "west"]
    fingerprints = {path.name: model_in(path).fingerprint for path in (out, *others.iterdir())}
    assert fingerprints["north"] == fingerprints["west"]
    assert len(set(fingerprints.values())) == 3
    of_all, north, south = (read_record(path).data for path in (out, others / "north", others / "south"))
    assert "Books of 2 of the sources were left out." in north.text
    assert "left out" not in of_all.text
    learned = [int(str(data.tables[0].rows[0][0]).split()[2]) for data in (of_all, north, south)]
    assert learned[0] == learned[1] + learned[2]  # Tenants: each source is known to one of the two.
    assert min(learned) > 0

    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.onnx")}
    again = CliRunner().invoke(model_app, arguments)
    assert again.exit_code == 0, again.output
    assert again.stdout.count("made before") == 3
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("model.onnx")} == written
    (others / "west" / "model.onnx").unlink()
    mended = CliRunner().invoke(model_app, arguments)
    assert mended.exit_code == 0, mended.output
    assert mended.stdout.count("made before") == 2
    assert model_in(others / "west").fingerprint == model_in(others / "north").fingerprint


def test_leaving_sources_out_changes_nothing_of_the_encoder_of_all(student: str, tmp_path: Path) -> None:
    books = [books_file(tmp_path / f"{source}.parquet", source) for source in ("north", "south")]
    arguments = ["tune", *map(str, books), "--tenant-column", "tenant", "--student", student, "--steps", "4"]
    arguments += ["--tenants-min", "1", "--teacher", student, "--batch-size", "8", "--words", str(WORDS)]
    for name, more in (("alone", []), ("beside", ["--leave-out-dir", str(tmp_path / "others")])):
        result = CliRunner().invoke(model_app, [*arguments, "--out", str(tmp_path / name), *more])
        assert result.exit_code == 0, result.output
    assert model_in(tmp_path / "alone").fingerprint == model_in(tmp_path / "beside").fingerprint


def test_a_text_of_several_lessons_is_asked_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def teacher(texts: Any) -> Any:
        asked.extend(texts)
        return np.eye(8, dtype=np.float32)[[int(text) for text in texts]]

    def taught() -> Any:
        lessons = [["0", "1", "2", "3"], ["3", "4", "1"], ["5", "4"]]
        return teaching.Taught(teacher, lessons, tmp_path, lambda _done, _total: None)

    lesson = taught().lesson(["4", "3", "1"])
    assert asked == [str(number) for number in range(6)]
    np.testing.assert_array_equal(lesson.vectors.argmax(axis=1), [4, 3, 1])
    assert (taught().lesson(["5", "4"]).vectors.shape, len(asked)) == ((2, 8), 6)


@pytest.mark.parametrize(
    ("options", "status", "why"),
    [
        (["--leave-out-together", "north,south"], 2, "--leave-out-dir"),
        (
            ["--leave-out-dir", "others", "--leave-out-together", "north,east"],
            1,
            "'east'; there are: north, south",
        ),
        (["--leave-out-dir", "others", "--leave-out-together", "north,south"], 1, "two sources at least"),
        (["--leave-out-dir", "others", "--leave-out-together", "north,north"], 1, "twice"),
        (["--precision", "fp16"], 1, "always in int8"),
    ],
)
def test_what_cannot_be_left_out_or_computed_is_refused_first(
    student: str, tmp_path: Path, options: list[str], status: int, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    books = [books_file(tmp_path / f"{source}.parquet", source) for source in ("north", "south")]
    arguments = ["tune", *map(str, books), "--tenant-column", "tenant", "--student", student, *options]
    arguments += ["--teacher", str(tmp_path / "never-asked"), "--words", str(WORDS)]
    result = CliRunner().invoke(model_app, [*arguments, "--out", "out"])
    assert result.exit_code == status, result.output
    assert why in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_transformer_is_tuned_to_the_precision_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()
    teachers.tiny_teacher(tmp_path / "teacher").save_pretrained(str(tmp_path / "saved"))
    words = tmp_path / "words.tsv"
    rows = [f"c{number}\t\ttea shop {number}\tflat {number}" for number in range(80)]
    words.write_text("\n".join(["concept\tkinds\ten\tde", *rows]) + "\n")
    sizes = {}
    for precision in ("fp32", "int8-static"):
        out = tmp_path / precision
        arguments = ["tune", "--student", str(tmp_path / "saved"), "--words", str(words), "--steps", "2"]
        arguments += ["--batch-size", "8", "--learning-rate", "0.001", "--precision", precision]
        result = CliRunner().invoke(model_app, [*arguments, "--out", str(out)])
        assert result.exit_code == 0, result.output
        sizes[precision] = (out / "model.onnx").stat().st_size
    assert sizes["int8-static"] < sizes["fp32"]


def test_the_command_says_what_is_wrong(student: str, tmp_path: Path) -> None:
    arguments = ["tune", "--student", student, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(model_app, arguments)
    assert result.exit_code == 1
    assert "nothing to tune on" in result.stderr
    books = tmp_path / "books.csv"
    rows = [
        f"2024-01-{day:02},{text},{day},{label}"
        for day, (text, label) in enumerate([("tea", "x"), ("rent", "y")] * 9, 1)
    ]
    books.write_text("\n".join(["date,payee,amount,category", *rows]))
    result = CliRunner().invoke(model_app, [*arguments, str(books), "--tenants-min", "1"])
    assert result.exit_code == 1
    assert "nothing to judge by" in result.stderr
    assert not (tmp_path / "out.work").exists()
