"""The head: what it learns, what it keeps on disk, and that it forgets."""

from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from math import log1p
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_world import ALL_NEIGHBOURS, ENCODER, KEY, ask, bytes_on_disk, create_store, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.cache_file import HEADS_NAME
from likewise_engine.classify import question_of
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.evidence import Evidence
from likewise_engine.folder import STORE_NAME
from likewise_engine.head import Hashed, Head, Heads, hashed_of, linear
from likewise_engine.head.sparse import packed
from likewise_engine.ledger.caches import HEADS_IDENTITY
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.reshape import Activation, Merge
from likewise_engine.store.mark import MARK_NAME
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.text import SEPARATOR, text_and_payee
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import KernelVote

TOWNS = ["Leeds", "York", "Hull", "Ripon", "Selby", "Otley", "Malton", "Whitby", "Thirsk", "Goole"]


def books() -> list[LabelledTransaction]:
    """Each payee once: only the word for the trade tells the category."""
    trades = {"Bakery": "meals", "Garage": "car", "Training": "staff"}
    return [
        labelled(
            f"{town} {trade}",
            payee=f"{town} {trade}",
            category=category,
            amount=Decimal(10 + len(town)),
            date=date(2025, 1, 1) + timedelta(days=position),
        )
        for position, town in enumerate(TOWNS)
        for trade, category in trades.items()
    ]


def trained(items: list[LabelledTransaction], folder: Path) -> tuple[Head, list[str]]:
    with open_ledger(folder) as ledger:
        ledger.import_batch(items)
        was_due = ledger.are_heads_due
        assert ledger.train_heads()
        assert (was_due, ledger.are_heads_due) == (True, False)
        view = ledger.view
    head = view.heads.of_dimension["category"]
    return head, [view.chart.categories[number].id for number in head.categories.tolist()]


def test_a_head_learns_the_word_that_tells(tmp_path: Path) -> None:
    head, names = trained(books(), tmp_path)
    for asked, expected in (("acme garage", "car"), ("staff training ltd", "staff"), ("bakery", "meals")):
        log_probabilities = head.log_probabilities(hashed_of(asked, asked, 15.0))
        assert np.exp(log_probabilities).sum() == pytest.approx(1.0)
        assert names[int(log_probabilities.argmax())] == expected


def test_a_head_tells_two_habits_of_one_payee_apart_by_the_amount(tmp_path: Path) -> None:
    items = [
        labelled(
            str(n), payee="Telco", category=("phone", "internet")[n % 2], amount=Decimal(("20", "55")[n % 2])
        )
        for n in range(20)
    ]
    head, names = trained(items, tmp_path)
    for amount, expected in ((20.0, "phone"), (55.0, "internet")):
        assert names[int(head.log_probabilities(hashed_of("telco", "telco", amount)).argmax())] == expected


def test_hashing_knows_every_wording_and_needs_no_amount() -> None:
    for text, payee in (("", ""), ("日本語", "日本語"), ("a", ""), ("x" * 320, "x" * 320)):
        for amount in (np.nan, 0.0, -0.0, -1e12, 1e-9):
            hashed = hashed_of(text, payee, amount)
            assert len(hashed.buckets) == len(hashed.values)
            assert np.isfinite(hashed.values).all()
    groups = [len(hashed_of("one two", "one two", amount).buckets) for amount in (np.nan, 3.0)]
    assert groups[0] < groups[1]


@given(st.text(max_size=40), st.text(max_size=20), st.floats(-1e9, 1e9, allow_subnormal=False))
def test_the_kernel_hashes_as_zlib_and_as_the_encoder_do(description: str, name: str, amount: float) -> None:
    text, payee = text_and_payee(name, description)
    buckets = hashed_of(text, payee, amount).buckets.tolist()
    words = [crc32(b"w" + word.encode()) for word in text.replace(SEPARATOR, " ").split()]
    assert buckets[: len(words)] == words
    assert buckets[len(words)] == crc32(b"t" + text.encode())
    ngrams = NgramHash().ids([text])[0].tolist()
    assert buckets[len(buckets) - len(ngrams) :] == ngrams
    assert crc32(f"x{amount:.2f}".encode()) in buckets
    assert crc32(f"t{text} x{amount:.2f}".encode()) in buckets
    assert crc32(f"a{round(2 * log1p(abs(amount)))}".encode()) in buckets


def test_a_tenant_with_one_category_has_no_head(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([labelled(str(n)) for n in range(10)])
        assert ledger.train_heads()
        assert ledger.view.heads.of_dimension == {}
        assert not ledger.are_heads_due


def test_a_head_has_fewer_buckets_than_memory_allows() -> None:
    for labels, categories in ((1, 2), (100, 5), (10_000, 50), (10_000, 10_000)):
        buckets = linear._buckets_for(labels, categories)
        assert buckets & (buckets - 1) == 0
        assert buckets * categories <= linear.CELLS_MAX
        assert buckets <= linear.BUCKETS_MAX


def test_training_is_bounded_by_passes_and_then_by_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten labels of five categories, the oldest label the longest: 8 features each, and 80."""
    transactions = [hashed_with(80), *(hashed_with(8) for _ in range(9))]
    labels = np.array([0, 0, 1, 2, 3, 4, 3, 4, 3, 4], np.int32)
    cells_a_pass = 5 * (80 + 9 * 8)
    for budget, affordable in (
        (10**9, (6, 10)),
        (6 * cells_a_pass - 1, (5, 10)),
        (cells_a_pass, (1, 10)),
        (cells_a_pass - 1, (2, 9)),
        (5 * 8 * 4, (1, 4)),
    ):
        monkeypatch.setattr(limits, "HEAD_CELL_UPDATES_MAX", budget)
        assert linear._affordable(labels, transactions) == affordable
    head = Head.train(labels, transactions)
    assert head is not None
    assert head.categories.tolist() == [3, 4]
    monkeypatch.setattr(limits, "HEAD_CELL_UPDATES_MAX", 5 * 8)
    assert Head.train(labels, transactions) is None  # One label tells nothing apart.


def test_whoever_waits_for_a_wide_head_need_not_wait_for_many_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear, "_POLL_CELLS", 1_000)
    asked = [0, 0]
    for position, categories in enumerate((2, 100)):

        def keep_on(position: int = position) -> bool:
            asked[position] += 1
            return True

        labels = np.arange(200, dtype=np.int32) % categories
        assert Head.train(labels, [hashed_with(10)] * 200, keep_on)
    # In 6 x 200 steps of 10 features.
    assert asked == [24, 1_200]


def hashed_with(features: int) -> Hashed:
    return Hashed(np.arange(features, dtype=np.int64), np.full(features, 0.1, dtype=np.float32))


def test_a_step_of_training_is_what_the_papers_say() -> None:
    """Softmax regression by AdaGrad with one rate a bucket, in a dozen lines of float64."""
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 7, 60).astype(np.int32)
    transactions = [
        Hashed(rng.integers(0, 1 << 20, size), rng.random(size).astype(np.float32) / 5)
        for size in rng.integers(5, 40, 60)
    ]
    head = Head.train(labels, transactions)
    assert head is not None
    buckets = len(head.starts) - 1
    weights, squares = np.zeros((buckets, 7)), np.full(buckets, linear._SQUARES_START)
    for row in linear._order(60, linear._PASSES).tolist():
        hashed = transactions[row]
        at = hashed.buckets & (buckets - 1)
        error = np.exp(hashed.values @ weights[at])
        error /= error.sum()
        error[labels[row]] -= 1.0
        np.add.at(squares, at, np.square(hashed.values) * (error @ error))
        np.subtract.at(weights, at, np.outer(0.3 * hashed.values / np.sqrt(squares[at]), error))
    for hashed in transactions:
        scores = hashed.values @ weights[hashed.buckets & (buckets - 1)]
        expected = scores - np.logaddexp.reduce(scores)
        assert head.log_probabilities(hashed) == pytest.approx(expected, abs=0.15)
        assert int(head.log_probabilities(hashed).argmax()) == int(expected.argmax())


@pytest.mark.parametrize("categories", [2, 256, 257, 1_000])
def test_packed_weights_score_as_what_they_stand_for(categories: int) -> None:
    rng = np.random.default_rng(categories)
    weights = np.round(rng.normal(0.0, 0.05, (64, categories)), 2).astype(np.float32)
    weights[rng.random(weights.shape) < 0.05] = 3.0
    weights[0, 0], weights[1] = 100.0, 0.0
    head = Head(np.arange(categories), *packed(weights, linear._STEP))
    head.check()
    assert head.places.dtype == (np.uint8 if categories <= 256 else np.uint16)
    middle = np.sort(weights, axis=1)[:, [categories // 2]]
    meant = np.clip(np.rint((weights - middle) / np.float32(linear._STEP)), -127, 127) * linear._STEP
    assert len(head.levels) == np.count_nonzero(meant)
    hashed = Hashed(rng.integers(0, 1 << 30, 50), rng.random(50).astype(np.float32))
    scores = hashed.values.astype(np.float64) @ meant[hashed.buckets & 63]
    found = head.log_probabilities(hashed)
    assert found == pytest.approx(scores - np.logaddexp.reduce(scores), abs=1e-5)
    order = rng.permutation(categories)
    renumbered = Head(np.arange(categories), *packed(np.ascontiguousarray(weights[:, order]), linear._STEP))
    assert np.array_equal(renumbered.log_probabilities(hashed), found[order])


def test_arrays_that_are_no_head_are_refused() -> None:
    head = Head(np.arange(3), *packed(np.eye(4, 3, dtype=np.float32), linear._STEP))
    head.check()
    for changes in (
        {"starts": head.starts[:-1]},
        {"starts": head.starts[::-1]},
        {"starts": head.starts + np.int32(1)},
        {"places": head.places + np.uint8(3)},
        {"places": head.places[1:]},
        {"levels": head.levels[1:]},
        {"categories": head.categories[:0]},
    ):
        with pytest.raises(ValueError, match="head"):
            replace(head, **changes).check()


def test_training_is_given_up_when_asked_to(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        assert train_heads(ledger.view, lambda: False) is None
        assert not ledger.train_heads(lambda: False)
        assert ledger.are_heads_due


def test_heads_are_due_after_more_than_a_tenth_more_and_after_much_is_gone() -> None:
    assert not Heads().is_due(0)
    assert Heads().is_due(1)
    assert not Heads(labels=100).is_due(110)
    assert Heads(labels=100).is_due(111)
    assert Heads(labels=100).is_due(49)


def test_heads_are_read_from_disk_as_they_were(tmp_path: Path) -> None:
    head, _ = trained(books(), tmp_path)
    with open_ledger(tmp_path) as ledger:
        assert not ledger.are_heads_due
        again = ledger.view.heads.of_dimension["category"]
        for name in ("categories", "starts", "places", "levels"):
            assert np.array_equal(getattr(again, name), getattr(head, name))


@pytest.mark.parametrize("damage", ["flip", "cut", "voucher", "identity"])
def test_a_damaged_cache_is_thrown_away(damage: str, tmp_path: Path) -> None:
    trained(books(), tmp_path)
    path = tmp_path / HEADS_NAME
    voucher = path.with_name(path.name + ".json")
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "cut":
        path.write_bytes(content[:-100])
    elif damage == "voucher":
        voucher.write_text("[")
    else:
        voucher.write_text(voucher.read_text().replace(HEADS_IDENTITY, "another"))
    with open_ledger(tmp_path) as ledger:
        assert ledger.are_heads_due
        assert not path.exists()


def test_the_heads_of_a_later_revision_do_not_serve_a_restored_copy(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        ledger.train_heads()
    copy = (tmp_path / STORE_NAME).read_bytes()
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.heads.of_dimension
        ledger.learn([labelled("later", "Leeds Bakery", "car")])
        ledger.train_heads()
    for path in tmp_path.glob(f"{STORE_NAME}*"):
        path.unlink()
    (tmp_path / MARK_NAME).unlink()
    (tmp_path / STORE_NAME).write_bytes(copy)
    with open_ledger(tmp_path) as restored:
        assert restored.view.heads.of_dimension == {}
        assert restored.are_heads_due


def test_forgetting_takes_the_head_with_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        ledger.train_heads()
        before = bytes_on_disk(tmp_path)
        weights = ledger.view.heads.of_dimension["category"].levels.tobytes()
        assert weights in before
        ledger.forget(["Leeds Bakery"])
        assert ledger.view.heads.of_dimension == {}
        assert ledger.are_heads_due
        assert not (tmp_path / HEADS_NAME).exists()
        assert weights not in bytes_on_disk(tmp_path)
        assert ask(ledger, "York Bakery").answers[0].candidates[0].category == "meals"


def test_a_merge_lets_the_head_go(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        ledger.train_heads()
        ledger.reshape(Merge("category", ("car",), "staff"))
        assert ledger.view.heads.of_dimension == {}
        assert not (tmp_path / HEADS_NAME).exists()
        assert ledger.train_heads()
        view = ledger.view
        head = view.heads.of_dimension["category"]
        names = {view.chart.categories[number].id for number in head.categories.tolist()}
        assert names == {"meals", "staff"}


@pytest.mark.parametrize("is_merged", [False, True])
def test_what_was_trained_of_labels_that_are_gone_is_dropped(is_merged: bool, tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        asked = 0

        def changed_meanwhile() -> bool:
            nonlocal asked
            asked += 1
            if asked == 1 and is_merged:
                ledger.reshape(Merge("category", ("car",), "staff"))
            elif asked == 1:
                ledger.forget(["Leeds Bakery"])
            return True

        assert not ledger.train_heads(changed_meanwhile)
        assert ledger.view.heads.of_dimension == {}
        assert not (tmp_path / HEADS_NAME).exists()


def test_the_head_proposes_what_no_neighbour_says(tmp_path: Path) -> None:
    asked = Transaction(payee="Nowhere Garage", amount=Decimal(14))
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        ledger.train_heads()
        view = ledger.view
    for heads in (view.heads, Heads()):
        found = question_of(replace(view, heads=heads), ENCODER, asked, ["category"]).evidence["category"]
        names = [view.chart.categories[number].id for number in found.candidates.tolist()]
        log_probability = dict(zip(names, found.feature("head").tolist(), strict=True))
        rank = dict(zip(names, found.feature("head_rank").tolist(), strict=True))
        if heads.of_dimension:
            assert max(log_probability, key=log_probability.__getitem__) == "car"
            assert (rank["car"], min(rank.values())) == (0, 0)
            assert found.feature("head_gap")[names.index("car")] > 0
        else:
            assert set(log_probability.values()) == {-30.0}
            assert set(found.feature("head_gap").tolist()) == {0.0}


def test_what_a_head_gives_a_category_that_was_deactivated_goes_to_the_others(tmp_path: Path) -> None:
    asked = Transaction(payee="Nowhere Garage", amount=Decimal(14))
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(books())
        ledger.train_heads()
        before = heard(ledger, asked)
        ledger.reshape(Activation("category", "car", active=False))
        after = heard(ledger, asked)
        assert before["car"] > 0.5
        assert after == pytest.approx(
            {name: p / (1 - before["car"]) for name, p in before.items() if name != "car"}
        )
        for category in ("meals", "staff"):
            ledger.reshape(Activation("category", category, active=False))
        assert heard(ledger, asked) == {}


def heard(ledger: Ledger, asked: Transaction) -> dict[str, float]:
    """The probability that the head gives each candidate."""
    found = question_of(ledger.view, ENCODER, asked, ["category"]).evidence["category"]
    names = [ledger.view.chart.categories[number].id for number in found.candidates.tolist()]
    return dict(zip(names, np.exp(found.feature("head")).tolist(), strict=True))


class HeadVote:
    """Votes for what the head finds likeliest, and for nothing where there is no head."""

    fingerprint = "head-1"
    pooled = KernelVote.pooled

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        known = evidence.feature("head") > -30.0
        return np.where(known, np.exp(evidence.feature("head")) * 0.9, 0.0)


def test_a_replay_asks_a_head_that_has_not_learned_the_answers(tmp_path: Path) -> None:
    """Labels tossed by a coin: who had seen them would be right, and nobody else is."""
    rng = np.random.default_rng(3)
    items = [
        labelled(
            str(n),
            payee=f"Payee {chr(97 + n % 26)}{chr(97 + n // 26)} {rng.integers(10**6)}",
            category=("heads", "tails")[rng.integers(2)],
            date=date(2025, 1, 1) + timedelta(days=n),
        )
        for n in range(200)
    ]
    create_store(tmp_path)
    ledger = Ledger(SqliteStore(tmp_path / STORE_NAME, KEY), ENCODER, HeadVote(), tmp_path)
    with closing(ledger):
        ledger.import_batch(items)
        ledger.train_heads()
        assert ledger.calibrate()
        memory = ledger._state.memory
        labels = memory.labels["category"].prefix(len(memory))
        found = memory.track_record.outcomes(memory.is_of("category"), labels)
        known = [ledger.classify(item.transaction, ALL_NEIGHBOURS).answers[0] for item in items]
    assert len(found.right) > 150
    assert 0.35 < found.right.mean() < 0.65
    is_right = [
        answer.candidates[0].category == item.labels["category"]
        for answer, item in zip(known, items, strict=True)
    ]
    assert np.mean(is_right) > 0.8  # The head of today has learned them.
