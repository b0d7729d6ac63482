"""The same books and the same question give the same answer, however they were taught and asked about.

By the shipped models. That a restart, another process, threads and a graph from disk change nothing is told
by test_determinism.py.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import likewise
from conftest import Serve
from engine_world import Books
from likewise_engine.answers import Classification
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction
from shipped_world import ALL_SHOWN, shipped_models

TAUGHT = 700
ASKED = 40

Essence = tuple[object, ...]


def books() -> list[LabelledTransaction]:
    invented = Books(seed=5, payees=40)
    return [invented.item(f"t{number}") for number in range(TAUGHT)]


def questions() -> list[Transaction]:
    invented = Books(seed=9, payees=40)
    return [replace(invented.transaction(), id=f"q{number}") for number in range(ASKED)]


def said(answer: Classification) -> Essence:
    """All but the revision, which counts commits, and the time."""
    return (answer.answers, answer.neighbours, answer.text)


def taught_in(folder: Path, batches: Sequence[Sequence[LabelledTransaction]]) -> list[Essence]:
    encoder, vote = shipped_models()
    with Tenants.open_folder(folder, encoder, vote=vote) as tenants:
        tenants.create("acme")
        with tenants.use("acme") as ledger:
            for batch in batches:
                assert not ledger.import_batch(batch).rejections
        tenants.settle()
        with tenants.use("acme") as ledger:
            return [said(ledger.classify(question, ALL_SHOWN)) for question in questions()]


@pytest.mark.parametrize("size", [97, 7])
def test_how_a_history_was_cut_into_batches_changes_no_bit_of_an_answer(tmp_path: Path, size: int) -> None:
    rows = books()
    whole = taught_in(tmp_path / "whole", [rows])
    cut = taught_in(tmp_path / "cut", [rows[start : start + size] for start in range(0, TAUGHT, size)])
    assert cut == whole
    assert len({repr(answers) for answers, *_ in whole}) > ASKED // 2


def test_another_history_gives_other_answers(tmp_path: Path) -> None:
    """Or the test above could not fail."""
    rows = books()
    assert taught_in(tmp_path / "whole", [rows]) != taught_in(tmp_path / "less", [rows[: TAUGHT // 2]])


def sent(question: Transaction) -> likewise.Transaction:
    return likewise.transaction(
        id=question.id,
        date=question.date,
        amount=question.amount,
        currency=question.currency if question.amount is not None else "",
        payee=question.payee,
        description=question.description,
    )


def told(classification: likewise.Classification) -> bytes:
    """What was answered, without what belongs to the call."""
    kept = likewise.Classification()
    kept.CopyFrom(classification)
    kept.ClearField("time_spent")
    kept.ClearField("prediction_id")
    return kept.SerializeToString(deterministic=True)


def test_one_by_one_in_a_stream_and_in_any_order_are_one_answer(data_folder: Path, serve: Serve) -> None:
    taught_in(data_folder, [books()])
    encoder, _ = shipped_models()
    asked = [sent(question) for question in questions()]
    with likewise.Client(serve(encoder).address) as client:
        one_by_one = {question.id: told(client.classify("acme", question)) for question in asked}
        for seed in (1, 2):
            random.Random(seed).shuffle(asked)
            again = {question.id: told(client.classify("acme", question)) for question in asked}
            streamed = {
                outcome.transaction_id: told(outcome.classification)
                for outcome in client.classify_many("acme", asked)
                if outcome.classification is not None
            }
            assert again == one_by_one
            assert streamed == one_by_one
    assert len(set(one_by_one.values())) == ASKED
