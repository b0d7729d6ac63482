"""Peers that are trained: when they train, what they see, and that they are the packages they claim to be."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from importlib.metadata import version
from math import exp

import numpy as np
import pytest
from sklearn.svm import SVC

from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.peers import PEERS, PeerSettings
from likewise_indexer.backtest.peers.retrained import leads_of
from likewise_indexer.backtest.peers.smart_importer import SmartImporter, pair_scores
from likewise_indexer.backtest.peers.svm import LinearQuestion, SvmChar, amount_tokens

PAYEES = {"Tesco stores": "food", "Shell garage": "fuel", "City energy": "power", "Rail north": "travel"}


def books(rows: int) -> list[LabelledTransaction]:
    names = list(PAYEES)
    return [
        LabelledTransaction(
            Transaction(
                id=str(row),
                date=date(2024, 1, 1) + timedelta(days=row),
                payee=f"{names[row % 4]} {'abcdefg'[row % 7]}",
                amount=Decimal(row + 1),
            ),
            {"category": PAYEES[names[row % 4]]},
        )
        for row in range(rows)
    ]


def test_leads_are_over_the_strongest_rival() -> None:
    # 3 is ahead of 1 by 2; -2 is behind 3 by 5, 1 by 2.
    assert leads_of(np.array([-2.0, 3.0, 1.0])).tolist() == [-5.0, 2.0, -2.0]
    assert leads_of(np.array([1.0, 1.0])).tolist() == [0.0, 0.0]


def test_pairs_vote_and_margins_break_ties() -> None:
    # 0 beats 1 by 1, 2 beats 0 by 2, 1 beats 2 by .5: a vote each. Sums of margins: 1 - 2 = -1,
    # -1 + .5 = -.5, 2 - .5 = 1.5, of which a part sum / (3 (|sum| + 1)) counts: -1/6, -1/9, 1.5 / 7.5.
    scores, leads = pair_scores(np.array([1.0, -2.0, 0.5]), 3)
    assert scores == pytest.approx([1 - 1 / 6, 1 - 1 / 9, 1.2])
    assert leads.tolist() == [-2.0, -1.0, -0.5]


def test_pair_scores_are_what_svc_makes_of_pairs() -> None:
    random = np.random.default_rng(7)
    features, labels = random.normal(size=(60, 5)), random.integers(0, 6, 60)
    svc = SVC(kernel="linear").fit(features, labels)
    wanted = svc.decision_function(features)
    svc.decision_function_shape = "ovo"
    for margins, scores in zip(svc.decision_function(features), wanted, strict=True):
        assert pair_scores(margins, 6)[0] == pytest.approx(scores)


@pytest.mark.parametrize("categories", [2, 4])
def test_smart_importer_answers_as_the_package_does(categories: int) -> None:
    items = [item for item in books(60) if item.labels["category"] in list(PAYEES.values())[:categories]]
    peer = SmartImporter(PeerSettings())
    peer.learn(items)
    for item in items:
        ranking = peer.rank(item.transaction)
        entry = peer._predictor.training_data[items.index(item)]
        # Its own answer, from its own pipeline; ties of votes apart, of which there are none here.
        assert ranking[0][0] == peer._predictor.pipeline.predict([entry])[0]
        assert [confidence > 0.5 for _, confidence in ranking] == [True] + [False] * (categories - 1)
    assert PEERS["smart_importer"].title == f"smart_importer {version('smart_importer')}"


def test_training_follows_growth_and_waits_for_a_question() -> None:
    items, sizes = books(60), list[int]()

    class Watched(SvmChar):
        growth = 0.5

        def _train(self, questions: Sequence[LinearQuestion], labels: Sequence[str]) -> None:
            sizes.append(len(labels))
            super()._train(questions, labels)

    peer = Watched(PeerSettings())
    peer.learn(items[:4])
    assert sizes == []
    for item in items[4:20]:
        peer.rank(item.transaction)
        peer.learn([item])
    # After 4: at 6, 9, and 13.5, which is 14.
    assert sizes == [4, 6, 9, 14]


@pytest.mark.parametrize("name", ["svm_char", "svm_char_amount", "smart_importer"])
def test_a_history_in_parts_is_one_history(name: str) -> None:
    items = books(40)
    whole, parts = PEERS[name].make(PeerSettings()), PEERS[name].make(PeerSettings())
    whole.learn(items)
    for item in items:
        parts.learn([item])
    for item in books(50)[40:]:
        assert whole.rank(item.transaction) == parts.rank(item.transaction)


def test_one_category_is_trusted_by_how_often_it_was_seen() -> None:
    peer = PEERS["svm_char"].make(PeerSettings())
    peer.learn([item for item in books(12) if item.labels["category"] == "food"])
    assert peer.rank(books(1)[0].transaction) == (("food", 3 / 4),)


def test_confidence_is_the_logistic_of_the_lead() -> None:
    peer = SvmChar(PeerSettings())
    peer.learn(books(40))
    asked = books(41)[40].transaction
    ranking = peer.rank(asked)
    judged = peer._judge(peer._question_of(asked))
    lead = float(judged.leads.max())
    assert ranking[0][1] == pytest.approx(1 / (1 + exp(-lead)))


def test_amounts_part_what_texts_cannot() -> None:
    items = []
    for row in range(40):
        label, amount = ("rent", "-900.00") if row % 2 else ("deposit", "25.5")
        asked = Transaction(id=str(row), payee="Landlord Ltd", amount=Decimal(amount))
        items.append(LabelledTransaction(asked, {"category": label}))
    peer = PEERS["svm_char_amount"].make(PeerSettings())
    peer.learn(items)
    assert [peer.rank(item.transaction)[0][0] for item in items[:2]] == ["deposit", "rent"]


def test_amount_tokens() -> None:
    # log2(8.5) = 3.09; log2(1) = 0. Equal amounts are one token, however many zeros they are written with.
    assert amount_tokens(Transaction(payee="x", amount=Decimal("-7.50"))) == ("-", "-2^3", "-7.5")
    assert amount_tokens(Transaction(payee="x", amount=Decimal(0))) == ("+", "+2^0", "+0")
    assert amount_tokens(Transaction(payee="x")) == ("none",)
