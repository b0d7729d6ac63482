"""The ledger against an oracle: whatever is taught, corrected and forgotten, in whatever order."""

import random
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine_world import (
    ALL_NEIGHBOURS,
    ENCODER,
    Books,
    Oracle,
    ask,
    assert_same_neighbours,
    assert_same_state,
    create_store,
    essence,
    labelled,
    load_ledger,
    open_ledger,
)
from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.chart import Category, Policy
from likewise_engine.classify import classify
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.errors import (
    InvalidInput,
    LimitReached,
    ModelFault,
    RequestIdReused,
    RevisionNotReached,
    StoreFault,
    TransactionNotFound,
    UnknownCategory,
)
from likewise_engine.ledger.checks import VIOLATIONS_SHOWN_MAX
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import KernelVote

STEPS = 30


@pytest.mark.parametrize("seed", range(6))
def test_any_interleaving_leaves_what_the_oracle_expects(seed: int, tmp_path: Path) -> None:
    rng, books, oracle = random.Random(seed), Books(seed, payees=[45, 2][seed % 2]), Oracle()
    create_store(tmp_path)
    ledger = load_ledger(tmp_path)
    next_id = 0
    for step in range(STEPS):
        action = rng.choices(
            ["learn", "import", "relearn", "forget", "chart", "restart", "graph"], [6, 3, 4, 3, 1, 2, 2]
        )[0]
        if action in ("learn", "import"):
            count = rng.choice([1, 2, 5, 30]) if action == "learn" else rng.choice([50, 250])
            items = [books.item(f"t{next_id + i}") for i in range(count)]
            next_id += count
            outcome = ledger.learn(items) if action == "learn" else ledger.import_batch(items).learned
            assert outcome == oracle.learn(items)
        elif action == "relearn" and oracle.entries:
            ids = rng.choices(sorted(oracle.entries), k=rng.choice([1, 3, 20]))
            items = [books.item(i) for i in ids]
            assert ledger.import_batch(items).learned == oracle.learn(items)
        elif action == "forget" and oracle.entries:
            ids = rng.sample(sorted(oracle.entries), k=min(len(oracle.entries), rng.choice([1, 2, 10, 60])))
            forgotten = ledger.forget([*ids, "never-there"])
            assert (forgotten.forgotten, forgotten.missing) == oracle.forget([*ids, "never-there"])
        elif action == "chart":
            ledger.update(categories=[Category(f"c{rng.randrange(7)}", name=f"Named at step {step}")])
            oracle.revision += 1
        elif action == "restart":
            questions = [books.transaction() for _ in range(5)]
            before = [essence(ledger.classify(question, ALL_NEIGHBOURS)) for question in questions]
            ledger.close()
            ledger = load_ledger(tmp_path)
            assert [essence(ledger.classify(question, ALL_NEIGHBOURS)) for question in questions] == before
        elif action == "graph":
            assert ledger.build_graph() == bool(oracle.entries)
        assert_same_state(ledger, oracle)
        for _ in range(3):
            asked = books.transaction()
            answer = ledger.classify(asked, ALL_NEIGHBOURS)
            assert answer.revision == oracle.revision
            assert_same_neighbours(answer, asked, oracle)
    ledger.close()


def test_what_is_learned_is_used_by_the_next_call_and_survives_a_restart(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert not ask(ledger, "Corner Bakery").neighbours
        ledger.learn([labelled("a", amount=Decimal("12.50"), currency="EUR")])
        taught = ask(ledger, "CORNER BAKERY")
        assert [n.transaction_id for n in taught.neighbours] == ["a"]
        assert taught.answers[0].candidates[0].category == "food"
    with open_ledger(tmp_path) as ledger:
        assert essence(ask(ledger, "CORNER BAKERY")) == essence(taught)


def test_a_batch_is_learned_whole_or_not_at_all(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(InvalidInput) as refused:
            ledger.learn([labelled("a"), labelled("b", amount=Decimal("NaN")), labelled("a")])
        fields = [violation.field for violation in refused.value.violations]
        assert fields == ["transactions[1].transaction.amount", "transactions[2].transaction.id"]
        assert (ledger.view.revision, ledger.store.statistics().labels) == (0, 0)


def test_an_import_takes_the_good_rows_and_names_the_bad_ones(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        outcome = ledger.import_batch([labelled("a"), labelled(""), labelled("c", payee=" "), labelled("d")])
        assert outcome.learned == LearnOutcome(1, created=2)
        assert [(r.position, r.transaction_id, r.violations[0].field) for r in outcome.rejections] == [
            (1, "", "transaction.id"),
            (2, "c", "transaction.payee"),
        ]


def test_whoever_reads_is_answered_while_an_import_gives_way(tmp_path: Path) -> None:
    items = [labelled(str(n), payee=f"Payee {n}") for n in range(20)]
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("before")])
        revisions = list[int]()
        outcome = ledger.import_batch(items, lambda: revisions.append(ask(ledger, "Corner Bakery").revision))
        assert outcome.learned == LearnOutcome(2, created=20)
        assert set(revisions) == {1}, "a batch is seen when it is committed"
        assert len(revisions) > len(items), "at every item and between the steps"
        assert ask(ledger, "Corner Bakery").revision == 2


def test_how_an_import_is_cut_into_batches_does_not_matter(tmp_path: Path) -> None:
    books = Books(seed=5, payees=6)
    items = [books.item(f"t{position % 40}") for position in range(120)]
    kept = []
    for batch_size in (1, 7, 120):
        folder = tmp_path / str(batch_size)
        folder.mkdir()
        with open_ledger(folder) as ledger:
            for start in range(0, len(items), batch_size):
                ledger.import_batch(items[start : start + batch_size])
            entries = ledger.store.entries_after(-1, 1_000)
            kept.append([(entry.transaction, entry.labels, entry.authorities) for entry in entries])
    assert kept[0] == kept[1] == kept[2]


def test_batches_have_bounds_and_violations_are_shown_up_to_a_hundred(tmp_path: Path) -> None:
    too_many = [labelled(f"t{position}") for position in range(limits.BATCH_ITEMS_MAX + 1)]
    with open_ledger(tmp_path) as ledger:
        for refused in (ledger.learn, ledger.import_batch):
            with pytest.raises(InvalidInput, match="10001 items"):
                refused(too_many)
        with pytest.raises(InvalidInput, match="is empty"):
            ledger.learn([])
        with pytest.raises(InvalidInput) as hostile:
            ledger.learn([labelled("")] * 5_000)
        assert len(hostile.value.violations) == VIOLATIONS_SHOWN_MAX
        for ids in ([], ["x"] * (limits.BATCH_ITEMS_MAX + 1), ["x", ""], ["x" * 129], ["\x00"]):
            with pytest.raises(InvalidInput):
                ledger.forget(ids)
        assert ledger.view.revision == 0


def test_a_repeated_request_gets_the_first_outcome(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        first = ledger.learn([labelled("a")], request_id="r1")
        ledger.learn([labelled("b")])
        assert ledger.learn([labelled("a")], request_id="r1") == first == LearnOutcome(1, created=1)
        with pytest.raises(RequestIdReused):
            ledger.learn([labelled("a", category="other")], request_id="r1")
        unchanged = ledger.learn([labelled("a")], request_id="r2")
        assert unchanged == LearnOutcome(2, unchanged=1)
    with open_ledger(tmp_path) as ledger:
        assert ledger.learn([labelled("a")], request_id="r1") == first
        assert ledger.learn([labelled("a")], request_id="r2") == unchanged
        assert ledger.view.revision == 2


def test_an_old_request_does_not_come_true_twice_after_a_correction(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", category="wrong")], request_id="r1")
        ledger.learn([labelled("a", category="right")])
        ledger.learn([labelled("a", category="wrong")], request_id="r1")
        assert ledger.entry("a").labels == {"category": "right"}


def test_a_revision_ahead_is_refused_and_the_present_one_is_not(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        revision = ledger.learn([labelled("a")]).revision
        asked = Transaction(payee="x")
        assert ledger.classify(asked, ClassifyOptions(min_revision=revision)).revision == revision
        with pytest.raises(RevisionNotReached):
            ledger.classify(asked, ClassifyOptions(min_revision=revision + 1))


def test_a_closed_chart_refuses_what_it_does_not_have(tmp_path: Path) -> None:
    with open_ledger(tmp_path, policy=Policy(closed_chart=True)) as ledger:
        ledger.update(categories=[Category("food")])
        with pytest.raises(UnknownCategory) as refused:
            ledger.learn([labelled("a"), labelled("b", category="fun")])
        assert refused.value.violations[0].field == "transactions[1].labels['category']"
        outcome = ledger.import_batch([labelled("a"), labelled("b", category="fun")])
        assert (outcome.learned.created, outcome.rejections[0].position) == (1, 1)
        assert [category.id for category in ledger.view.chart.categories] == ["food"]


def test_an_inactive_category_is_never_proposed_and_can_come_back(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", category="old"), labelled("b", category="new")])
        ledger.update(categories=[Category("old", active=False)])
        assert [c.category for c in ask(ledger, "Corner Bakery").answers[0].candidates] == ["new"]
        ledger.update(categories=[Category("old", name="Old again")])
        names = {c.category_name for c in ask(ledger, "Corner Bakery").answers[0].candidates}
        assert names == {"Old again", "new"}


def test_settings_change_together_or_not_at_all(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(InvalidInput) as refused:
            ledger.update(
                target_precision=2.0, display_name="x" * 257, categories=[Category(""), Category("")]
            )
        fields = [violation.field for violation in refused.value.violations]
        assert fields == ["policy.target_precision", "display_name", "chart[0].id", "chart[1].id", "chart"]
        ledger.update(target_precision=0.8, display_name="Acme & Söhne")
    with open_ledger(tmp_path) as ledger:
        record = ledger.store.record()
        assert (record.policy, record.display_name, record.revision) == (Policy(0.8), "Acme & Söhne", 1)
        assert ask(ledger, "x").answers[0].target_precision == 0.8


def test_entries_are_found_by_id_or_said_to_be_missing(tmp_path: Path) -> None:
    ids = ["123", "ключ 🔑", 'quo"te\\', "null", "a\nb"]
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(i, fields={"i": i}) for i in ids])
        for i in ids:
            assert ledger.entry(i).transaction.fields == {"i": i}
        with pytest.raises(TransactionNotFound):
            ledger.entry("124")
        with pytest.raises(InvalidInput):
            ledger.entry("x" * 100_000)


class BrokenEncoder(HashingEncoder):
    """Returns what is no unit vector: an encoder is somebody else's code."""

    def __init__(self, scale: float, dimensions: int) -> None:
        super().__init__(64)
        self._scale = scale
        self._returned_dimensions = dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return super().encode(texts)[:, : self._returned_dimensions] * np.float32(self._scale)


@pytest.mark.parametrize(
    ("scale", "dimensions"), [(float("nan"), 64), (float("inf"), 64), (0.0, 64), (2.0, 64), (1.0, 63)]
)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_a_broken_encoder_stores_nothing(scale: float, dimensions: int, tmp_path: Path) -> None:
    with open_ledger(tmp_path, BrokenEncoder(scale, dimensions)) as ledger:
        with pytest.raises(ModelFault):
            ledger.learn([labelled("a")])
        assert ledger.view.revision == 0
    with open_ledger(tmp_path, ENCODER) as ledger:
        ledger.learn([labelled("a")])
        assert ask(ledger, "Corner Bakery").neighbours


def test_another_encoder_answers_as_if_it_had_been_there_from_the_start(tmp_path: Path) -> None:
    books, other = Books(seed=3, undated_share=0.0), HashingEncoder(96)
    for folder in (tmp_path / "switched", tmp_path / "fresh"):
        folder.mkdir()
    with open_ledger(tmp_path / "switched") as ledger:
        ledger.learn([books.item(f"t{position}") for position in range(300)])
        ledger.import_batch([books.item(f"t{position}") for position in range(0, 300, 3)])
        ledger.forget([f"t{position}" for position in range(0, 300, 7)])
        ledger.build_graph()
        entries = ledger.store.entries_after(-1, 1_000)
    with (
        open_ledger(tmp_path / "switched", other) as switched,
        open_ledger(tmp_path / "fresh", other) as fresh,
    ):
        # Authority does not matter for answers.
        fresh.learn([LabelledTransaction(entry.transaction, entry.labels) for entry in entries])
        assert switched.view.index.graph is None
        assert switched.store.record().encoder_fingerprint == other.fingerprint
        for _ in range(20):
            question = books.transaction()
            answers = [ledger.classify(question, ALL_NEIGHBOURS) for ledger in (switched, fresh)]
            assert answers[0].neighbours == answers[1].neighbours
            assert probabilities(answers[0]) == probabilities(answers[1])


def probabilities(answer: Classification) -> dict[str, dict[str, float]]:
    """By dimension and category: charts may be numbered differently."""
    return {a.dimension: {c.category: c.probability for c in a.candidates} for a in answer.answers}


def test_memory_is_made_anew_when_the_dead_outnumber_the_living(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        for turn in range(8):
            ledger.learn([labelled(f"t{position}", category=f"c{turn}") for position in range(1_000)])
        assert len(ledger.view.alive) <= 6_000
        assert ask(ledger, "Corner Bakery").answers[0].candidates[0].category == "c7"


def test_a_view_keeps_its_names_when_the_writer_lets_go_of_them(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="First Wording"), labelled("b", payee="Other")])
        asked = Transaction(payee="First Wording")
        before, old_view = ledger.classify(asked, ALL_NEIGHBOURS), ledger.view
        ledger.learn([labelled("a", payee="Second Wording")])
        ledger.learn([labelled("c", payee="First Wording", category="new")])
        after = classify(old_view, ENCODER, KernelVote(), asked, ALL_NEIGHBOURS)
        assert (essence(after), after.revision) == (essence(before), before.revision)


def test_a_closed_ledger_refuses_to_be_taught(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a")])
    with pytest.raises(StoreFault):
        ledger.learn([labelled("b")])
    with pytest.raises(StoreFault):
        ledger.forget(["a"])
    with pytest.raises(StoreFault):
        ledger.update(display_name="x")
    with pytest.raises(StoreFault):
        ledger.entry("a")
    with pytest.raises(StoreFault):
        ledger.build_graph()


def test_who_was_taught_as_often_as_can_be_counted_keeps_what_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("t1"), labelled("t2")])
        monkeypatch.setattr(limits, "SEQ_MAX", 2)
        with pytest.raises(LimitReached) as refused:
            ledger.learn([labelled("t3")])
        assert refused.value.metadata["limit"] == "SEQ_MAX"
        assert len(ledger.import_batch([labelled("t4")]).rejections) == 1
        assert (ledger.view.revision, ledger.view.live_count) == (1, 2)


def test_a_neighbour_has_its_date_where_it_has_one(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        dated = labelled("t1", payee="Rent", date=date(2024, 2, 29))
        ledger.learn([dated, labelled("t2", payee="Rent", date=None)])
        options = ClassifyOptions(neighbours_max=5)
        found = ledger.classify(dated.transaction, options).neighbours
        assert {n.transaction_id: n.date for n in found} == {"t1": date(2024, 2, 29), "t2": None}
