"""Predictions: recorded as they were given, replayed to the bit, tied to labels, bounded, and forgotten."""

import queue
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likewise_engine.answers import ClassifyOptions
from likewise_engine.audit import Action, Counts
from likewise_engine.errors import PreconditionFailed, StoreFault
from likewise_engine.feedback.codec import decoded_prediction, encoded
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.feedback.replay import replayed
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.ledger.reshape import Merge
from likewise_engine.store.predictions import Keeping, PredictionFile, Recorded
from likewise_engine.store.verdicts import Verdict
from likewise_engine.transaction import Authority
from likewise_engine.vote import KernelVote
from prediction_world import TENANT, World, labelled, prediction_world, shipped_vote, transaction


def _kept(world: World) -> list[Recorded]:
    world.flush()
    with world.tenants.predictions(TENANT) as file:
        return file.latest(100)


def _tallies(world: World) -> list[tuple[int, ...]]:
    world.flush()
    with world.tenants.predictions(TENANT) as file:
        return file.rows("SELECT answered, accepted, offered, corrected FROM tallies ORDER BY category")


def test_what_was_answered_is_kept_to_the_letter(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        asked = transaction("q1", "CAFFE ROASTERS", "-80.00")
        options = ClassifyOptions(target_precision=0.9, candidates_max=3)
        prediction_id, answer = world.ask(asked, options)
        (kept,) = _kept(world)
    assert kept.prediction.id == prediction_id != ""
    assert kept.prediction.transaction == asked
    assert kept.prediction.options == options
    assert kept.prediction.answer == answer
    assert kept.verdicts == {}


@pytest.mark.parametrize("payee", ["CAFFE ROASTERS", "TESCO STORES 9", "NOBODY KNOWS THIS", "café coffee"])
@pytest.mark.parametrize("target", [None, 0.6, 0.999])
def test_a_recorded_decision_is_made_again_to_the_bit(
    data_folder: Path, payee: str, target: float | None
) -> None:
    with prediction_world(data_folder) as world:
        _, answer = world.ask(transaction("", payee), ClassifyOptions(target_precision=target))
        # What is learned since changes nothing about it.
        world.teach(labelled(transaction("x", payee), "milk"))
        (kept,) = _kept(world)
    again = replayed(kept.prediction, shipped_vote())
    assert again == answer
    assert [g.judgement.voted.tolist() for g in again.grounds] == [
        g.judgement.voted.tolist() for g in answer.grounds
    ]


def test_a_replay_shows_what_was_tampered_with(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        (kept,) = _kept(world)
    (basis,) = kept.prediction.bases
    other = replace(basis, calibration=replace(basis.calibration, slope=basis.calibration.slope * 2))
    told = replayed(replace(kept.prediction, bases=[other]), shipped_vote())
    assert told != kept.prediction.answer


def test_another_vote_does_not_replay(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        (kept,) = _kept(world)
    with pytest.raises(PreconditionFailed, match="kernel-1"):
        replayed(kept.prediction, KernelVote())


def test_a_record_that_was_cut_or_grown_is_none(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        (kept,) = _kept(world)
    record = encoded(kept.prediction)
    read = decoded_prediction("x", record)
    assert read.answer == kept.prediction.answer
    assert np.array_equal(read.bases[0].evidence.features, kept.prediction.bases[0].evidence.features)
    for broken in (record[:-9], b"", b"\0" * 64, record[:20] + b"\xff" + record[21:]):
        with pytest.raises(ValueError, match="is no record"):
            decoded_prediction("x", broken)


def test_labels_are_tied_to_the_latest_answer_before_them(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.ask(transaction("q", "CAFFE ROASTERS", "-81.00"))
        world.teach(labelled(transaction("q", "CAFFE ROASTERS", "-81.00"), "coffee"))
        latest, earlier = _kept(world)
        assert [set(each.verdicts) for each in (latest, earlier)] == [{"category"}, set()]
        assert latest.verdicts["category"].position == 1
        assert _tallies(world) == [(2, 1, 0, 0)]


def test_an_id_ties_what_had_none(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        prediction_id, _ = world.ask(transaction("", "TESCO STORES"))
        world.ask(transaction("", "TESCO STORES"))
        world.teach(labelled(transaction("new", "TESCO STORES"), "coffee", prediction_id=prediction_id))
        latest, earlier = _kept(world)
    assert latest.verdicts == {}
    assert earlier.verdicts["category"] == Verdict(label=0, position=2)


def test_who_changes_their_mind_is_counted_once(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.teach(labelled(transaction("q", "CAFFE ROASTERS"), "coffee"))
        assert _tallies(world) == [(1, 1, 0, 0)]
        world.teach(labelled(transaction("q", "CAFFE ROASTERS"), "milk"))
        assert _tallies(world) == [(1, 0, 1, 1)]
        world.teach(labelled(transaction("q", "CAFFE ROASTERS"), "something new"))
        assert _tallies(world) == [(1, 0, 0, 1)]


def test_who_had_been_told_is_not_judged(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("c1", "CAFFE ROASTERS", "-84.20"))
        world.teach(labelled(transaction("c1", "CAFFE ROASTERS", "-84.20"), "milk"))
        (kept,) = _kept(world)
    assert kept.verdicts == {}


def test_a_machine_says_nothing_of_what_was_right(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.teach(labelled(transaction("q", "CAFFE ROASTERS"), "coffee", Authority.MACHINE))
        (kept,) = _kept(world)
    assert kept.verdicts == {}


def test_no_more_are_kept_than_are_wanted(data_folder: Path) -> None:
    with prediction_world(data_folder, keeping=Keeping(count_max=3)) as world:
        ids = [world.ask(transaction(f"q{n}", "CAFFE ROASTERS"))[0] for n in range(7)]
        assert [each.prediction.id for each in _kept(world)] == ids[:-4:-1]
        # What they come to outlives them.
        assert sum(answered for answered, *_ in _tallies(world)) == 7


def test_none_is_kept_longer_than_is_wanted(data_folder: Path) -> None:
    now_ns = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1e9)
    with prediction_world(data_folder, now_ns=lambda: now_ns) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        assert _kept(world) == []


def test_nothing_is_recorded_where_that_is_off(data_folder: Path) -> None:
    with prediction_world(data_folder, sampled=0.0) as world:
        prediction_id, _ = world.ask(transaction("q", "CAFFE ROASTERS"))
        world.teach(labelled(transaction("q", "CAFFE ROASTERS"), "coffee"))
        assert prediction_id == ""
        assert _kept(world) == []
    assert not list(data_folder.rglob("predictions*"))


def test_forgetting_erases_what_tells_of_it(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("of-coffee", "CAFFE ROASTERS"), ClassifyOptions(neighbours_max=2))
        world.ask(transaction("of-milk", "TESCO STORES"), ClassifyOptions(neighbours_max=2))
        world.ask(transaction("never-taught", "TESCO STORES"), ClassifyOptions(neighbours_max=2))
        world.flush()
        with world.tenants.use(TENANT) as ledger:
            ledger.forget(["c1", "never-taught"])
        assert [each.prediction.transaction.id for each in _kept(world)] == ["of-milk"]


def test_what_is_forgotten_is_gone_from_the_disk(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("secret-id", "SECRET PAYEE"))
        world.flush()
        with world.tenants.predictions(TENANT) as file:
            record = encoded(file.latest(1)[0].prediction)
        with world.tenants.use(TENANT) as ledger:
            ledger.forget(["secret-id"])
        with world.tenants.predictions(TENANT) as file:
            assert file.count() == 0
            assert file.rows("PRAGMA freelist_count") == [(0,)]
        assert record[:32] not in b"".join(p.read_bytes() for p in data_folder.rglob("predictions*"))


def test_what_was_only_asked_about_is_forgotten_with_a_receipt(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        for _ in range(2):
            world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        with world.tenants.use(TENANT) as ledger:
            before = ledger.view
            outcome = ledger.forget(["q"], actor="somebody")
            again = ledger.forget(["q"])
            (noted,) = ledger.store.audit_records(count_max=1)
            assert ledger.view.heads is before.heads  # nothing else is made anew for it
    assert (outcome.forgotten, outcome.missing, outcome.revision) == (0, 1, before.revision)
    assert outcome.receipt is not None
    assert outcome.receipt.erased == Counts(predictions=2)
    assert (noted.id, noted.actor, noted.action) == (outcome.receipt.record, "somebody", Action.FORGET)
    assert again.receipt is None


def test_receipts_count_recorded_answers(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "TESCO STORES"))
        world.flush()
        with world.tenants.use(TENANT) as ledger:
            milk = CategoryPurge("category", "milk")
            rehearsed = ledger.purge_category(milk, is_rehearsal=True)
            purged = ledger.purge_category(milk)
            assert rehearsed.erased == purged.erased
            assert purged.erased.predictions == 1
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        with world.tenants.use(TENANT) as ledger:
            forgotten = ledger.forget(["c1"]).receipt  # a neighbour of it
            assert forgotten is not None
            assert (forgotten.erased.entries, forgotten.erased.predictions) == (1, 1)
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        assert world.tenants.delete(TENANT).erased.predictions == 1


def test_an_answer_that_saw_the_forgotten_is_not_recorded_later(data_folder: Path) -> None:
    with prediction_world(data_folder) as world, world.tenants.use(TENANT) as ledger:
        asked, options = transaction("q", "CAFFE ROASTERS"), ClassifyOptions()
        answer = ledger.classify(asked, options)
        ledger.forget(["c1"])
        world.recorder.note(TENANT, ledger.store.key, asked, options, answer)
        assert _kept(world) == []
        assert world.recorder.counts().outdated == 1


def test_an_answer_of_a_tenant_that_was_deleted_is_not_its_successors(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        asked, options = transaction("q", "CAFFE ROASTERS"), ClassifyOptions()
        with world.tenants.use(TENANT) as ledger:
            answer, key = ledger.classify(asked, options), ledger.store.key
        world.tenants.delete(TENANT)
        world.tenants.create(TENANT)
        world.recorder.note(TENANT, key, asked, options, answer)
        assert _kept(world) == []


def test_a_purged_category_leaves_no_prediction_and_no_count(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "TESCO STORES"))
        world.flush()
        with world.tenants.use(TENANT) as ledger:
            ledger.purge_category(CategoryPurge("category", "milk"))
        assert _kept(world) == []
        assert _tallies(world) == []


def test_a_merge_makes_right_what_its_heir_was_proposed_for(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "TESCO STORES"))
        world.teach(labelled(transaction("d", "DAIRY FARM"), "dairy"))
        with world.tenants.use(TENANT) as ledger:
            ledger.reshape(Merge("category", ("milk",), "dairy"))
        world.teach(labelled(transaction("q", "TESCO STORES"), "dairy"))
        (kept,) = _kept(world)
    assert kept.verdicts["category"].position == 1


def test_labels_that_come_one_by_one_are_tied_in_one_commit(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, goes_on, given_at_once = PredictionFile.record, threading.Event(), list[int]()

    def recorded(file: PredictionFile, rows: Any, keeping: Keeping, given: Any = ()) -> Any:
        given_at_once.append(len(given))
        if len(given_at_once) == 2:
            assert goes_on.wait(30)
        return record(file, rows, keeping, given)

    with prediction_world(data_folder) as world:
        for number in range(30):
            world.ask(transaction(f"q{number}", "TESCO STORES"))
        world.flush()
        before = world.recorder.counts()
        monkeypatch.setattr(PredictionFile, "record", recorded)
        for number in range(30):
            world.teach(labelled(transaction(f"q{number}", "TESCO STORES"), "milk"))
        world.teach(labelled(transaction("nobody asked", "TESCO STORES"), "milk"))
        goes_on.set()
        world.flush()
        counts = world.recorder.counts()
    assert (counts.tied - before.tied, counts.untied - before.untied) == (30, 1)
    # Some before the second commit, then all that came meanwhile, and what is tried again.
    assert len(given_at_once) <= 6


def test_a_full_queue_drops_and_counts(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("likewise_engine.limits.PREDICTIONS_QUEUED_MAX", 0)
    with prediction_world(data_folder) as world:
        prediction_id, _ = world.ask(transaction("q", "CAFFE ROASTERS"))
        assert prediction_id == ""
        assert world.recorder.counts().dropped == 1


def test_a_damaged_file_does_not_keep_anybody_from_forgetting(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        (path,) = data_folder.rglob("predictions.sqlite3")
        path.with_name(path.name + "-wal").unlink()
        path.write_bytes(b"\xff" * 8192)
        with world.tenants.use(TENANT) as ledger:
            assert ledger.forget(["c1"]).forgotten == 1
        assert _kept(world) == []


def test_a_prediction_is_numbered_by_its_place(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        first, _ = world.ask(transaction("q", "CAFFE ROASTERS"))
        second, _ = world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        with world.tenants.predictions(TENANT) as file:
            of_id, of_transaction = file.get(first), file.latest_of("q")
            assert of_id is not None
            assert of_transaction is not None
            assert (of_id.prediction.id, of_transaction.prediction.id) == (first, second)
            assert file.latest(9, before=of_transaction.number)[0].prediction.id == first
            assert file.get("nobody's") is None


def test_each_tenant_is_looked_at_once_a_day(data_folder: Path) -> None:
    looked: queue.Queue[str] = queue.Queue()
    day_ns = 24 * 3_600 * 10**9
    now_ns = [20_000 * day_ns]
    with prediction_world(
        data_folder,
        now_ns=lambda: now_ns[0],
        keeping=Keeping(age_days_max=3_650),
        look=lambda tenant, _file: looked.put(tenant),
    ) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        assert looked.get(timeout=30) == TENANT
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.flush()
        assert looked.empty()
        now_ns[0] += day_ns
        assert looked.get(timeout=30) == TENANT


@pytest.mark.parametrize("failing", ["list", "look"])
def test_whatever_fails_once_a_day_answers_are_recorded_still(failing: str, data_folder: Path) -> None:
    failed = threading.Event()

    def tenants() -> list[str]:
        if failing == "list":
            failed.set()
            raise StoreFault("no such folder")
        return [TENANT]

    def look(_tenant: str, _file: PredictionFile) -> None:
        failed.set()
        raise ArithmeticError("no figures")

    with prediction_world(data_folder) as world:
        recorder = Recorder(world.tenants.predictions, tenants, look=look)
        answered = World(world.tenants, recorder)
        answered.ask(transaction("q", "CAFFE ROASTERS"))
        assert failed.wait(30)
        answered.ask(transaction("q", "CAFFE ROASTERS"))
        recorder.close()
        with world.tenants.predictions(TENANT) as file:
            assert file.count() == 2


def test_who_has_stopped_keeps_nobody_waiting(data_folder: Path) -> None:
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.recorder.close()
        world.ask(transaction("late", "CAFFE ROASTERS"))
        world.recorder.close()
        world.flush()
        with world.tenants.predictions(TENANT) as file:
            assert file.count() == 1
