"""A replay: the categories it may name, the rows it asks about, and what is taught or changed meanwhile."""

from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from chart_world import deactivate, merge, split
from engine_world import ENCODER, KEY, create_store, labelled, open_ledger, raw_store
from likewise_engine.evidence import Evidence
from likewise_engine.folder import STORE_NAME
from likewise_engine.head import Heads
from likewise_engine.ledger import hindsight
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.reshape import Reshaping
from likewise_engine.ledger.view import View
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.transaction import LabelledTransaction
from likewise_engine.vote import KernelVote

JANUARY_1 = date(2025, 1, 1)
PAYEES = ["Harbour Cafe", "City Water Works", "Corner Bakery", "Train Tickets", "Office Paper"]


def bought(number: int, payee: str = "", category: str = "") -> LabelledTransaction:
    """One transaction a day; each payee has a category of its own."""
    habit = number % len(PAYEES)
    return labelled(
        f"t{number}",
        payee or PAYEES[habit],
        category or f"c{habit}",
        date=JANUARY_1 + timedelta(days=number),
    )


def outcomes(folder: Path) -> dict[str, tuple[str, float]]:
    """What the store has: predicted category and probability by transaction."""
    columns = "transaction_id, (SELECT id FROM categories WHERE number = predicted), probability"
    with closing(raw_store(folder)) as connection:
        rows = connection.execute(f"SELECT {columns} FROM outcomes").fetchall()  # noqa: S608 - constants
    return {transaction_id: (predicted, probability) for transaction_id, predicted, probability in rows}


def right(ledger: Ledger) -> NDArray[np.bool_]:
    """Whether each outcome was right."""
    memory = ledger._state.memory
    labels = memory.labels["category"].prefix(len(memory))
    return memory.track_record.outcomes(memory.is_of("category"), labels).right


def once(*changes: Callable[[], object]) -> Callable[[], bool]:
    """A ``keep_on`` that makes one change each time that it is asked, and goes on."""
    left = list(changes)

    def keep_on() -> bool:
        if left:
            left.pop(0)()
        return True

    return keep_on


class NameVote:
    """Goes by what categories are called."""

    fingerprint = "names-1"
    pooled = KernelVote.pooled

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        return np.clip(evidence.feature("name_similarity"), 0.01, 0.99)


def test_a_category_is_no_candidate_before_its_first_label(tmp_path: Path) -> None:
    """Its name is in the chart by now, and tells what it was made for."""
    early = [bought(n) for n in range(20)] + [bought(n, "Gym Membership", "c1") for n in range(20, 25)]
    found = []
    for later in ("c1", "Gym Membership"):
        folder = tmp_path / later
        folder.mkdir()
        create_store(folder)
        ledger = Ledger(SqliteStore(folder / STORE_NAME, KEY), ENCODER, NameVote(), folder)
        with closing(ledger):
            ledger.import_batch(
                [*early, bought(60, "Gym Membership", later), bought(61, "Gym Membership", later)]
            )
            assert ledger.calibrate()
        found.append(outcomes(folder))
    plain, planted = found
    assert len(plain) > 20
    assert {id_: one for id_, one in planted.items() if id_ != "t61"} == {
        id_: one for id_, one in plain.items() if id_ != "t61"
    }
    assert planted["t61"][0] == "Gym Membership"


def test_labels_of_categories_that_are_inactive_by_now_are_not_replayed(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(n) for n in range(50)])
        ledger.reshape(deactivate("c1"))
        assert ledger.calibrate()
        asked = set(outcomes(tmp_path))
        assert len(asked) >= 35
        assert asked.isdisjoint(f"t{n}" for n in range(1, 50, 5))
        assert right(ledger)[-30:].all()


@pytest.mark.parametrize("change", [split("c1", "new", payee_contains="water"), merge("c1", into="c2")])
def test_a_change_of_the_chart_during_a_replay_is_as_one_after_it(change: Reshaping, tmp_path: Path) -> None:
    found = []
    for is_during in (True, False):
        folder = tmp_path / str(is_during)
        folder.mkdir()
        with open_ledger(folder) as ledger:
            ledger.import_batch([bought(n) for n in range(50)])
            meanwhile = once(partial(ledger.reshape, change)) if is_during else once()
            assert ledger.calibrate(meanwhile)
            if not is_during:
                ledger.reshape(change)
            found.append((outcomes(folder), right(ledger).tolist()))
    assert found[0] == found[1]
    assert sum(found[0][1]) > 40


def test_a_lesson_during_a_replay_that_is_given_up_leaves_it_due(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(n) for n in range(20)])
        learn = once(lambda: ledger.learn([bought(40)]))
        assert not ledger.calibrate(lambda: learn() and "t40" not in outcomes(tmp_path))
        assert ledger.is_calibration_due
    with open_ledger(tmp_path) as again:
        assert again.is_calibration_due
        assert set(outcomes(tmp_path)) == {"t40"}
        assert again.calibrate()
        assert len(outcomes(tmp_path)) > 15


def test_a_lesson_during_a_replay_makes_no_other_due_but_a_lesson_in_bulk_does(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(n) for n in range(20)])
        learn = once(lambda: ledger.learn([bought(40)]))
        assert (ledger.calibrate(learn), ledger.is_calibration_due) == (True, False)
        ledger.import_batch([bought(41)])
        assert ledger.calibrate(
            once(lambda: ledger.import_batch([bought(42)]), lambda: ledger.learn([bought(43)]))
        )
        assert ledger.is_calibration_due
        assert "t42" not in outcomes(tmp_path)
    with open_ledger(tmp_path) as again:
        assert (again.is_calibration_due, again.calibrate()) == (True, True)
        assert {"t40", "t41", "t42", "t43"} <= set(outcomes(tmp_path))
    with open_ledger(tmp_path) as again:
        assert not again.is_calibration_due


def test_a_replay_trains_heads_as_of_then_at_each_quarter_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on: list[int] = []

    def noted(view: View, keep_on: Callable[[], bool]) -> Heads | None:
        trained_on.append(view.live_count)
        return train_heads(view, keep_on)

    monkeypatch.setattr(hindsight, "train_heads", noted)
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(n) for n in range(100)])
        assert ledger.calibrate()
    assert trained_on == [1, 2, 3, 4, 6, 8, 11, 14, 18, 23, 29, 37, 47, 59, 74, 93]
