"""Changing the encoder of all tenants: what is decided, and who does it."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from encoder_world import WAIT_S, follow_at_once, other_model, wait_for
from engine_world import ENCODER, KEY, Books, ask, essence, labelled, open_ledger
from likewise_engine import tenants as tenants_module
from likewise_engine.changer import Changer
from likewise_engine.encoder import load_encoder
from likewise_engine.encoder.at_hand import Encoders, model_folders
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.encoder_change import FOLDER_NAME, ChangeFile, Progress, Stage
from likewise_engine.errors import PreconditionFailed, StoreFault
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.news import News
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants
from likewise_engine.vote import KernelVote

NEXT = HashingEncoder(96)
OLD, NEW = ENCODER.fingerprint, NEXT.fingerprint


@pytest.fixture
def file(tmp_path: Path) -> ChangeFile:
    return ChangeFile(tmp_path)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    follow_at_once(monkeypatch)


# --- What is decided ---------------------------------------------------------------------------


def test_the_first_start_decides_for_its_own_encoder(file: ChangeFile) -> None:
    assert file.decision() is None
    decision = file.start("a", None)
    assert (decision.wanted, decision.previous, decision.stage) == ("a", "", Stage.RUNNING)
    file.finish("a")
    done = file.decision()
    assert done is not None
    assert done.stage is Stage.DONE
    assert file.start("a", None) == done


def test_what_was_said_last_holds(file: ChangeFile, tmp_path: Path) -> None:
    file.start("a", None)
    file.finish("a")
    assert file.change("b", tmp_path / "b").wanted == "b"
    # Restarted in the midst of it, with the option as it was.
    assert file.start("a", None).wanted == "b"
    file.finish("b")
    # The option says by now what was decided: nothing is to be done.
    assert file.start("b", tmp_path / "b").stage is Stage.DONE
    # And by an option alone.
    by_option = file.start("c", None)
    assert (by_option.wanted, by_option.previous, by_option.stage) == ("c", "b", Stage.RUNNING)
    assert by_option.folders == {"b": str(tmp_path / "b"), "c": ""}


def test_one_change_at_a_time_which_can_rest_and_go_back(file: ChangeFile) -> None:
    file.start("a", None)
    file.finish("a")
    with pytest.raises(PreconditionFailed, match="pause"):
        file.pause()
    with pytest.raises(PreconditionFailed, match="no encoder before"):
        file.roll_back()
    file.change("b", None)
    assert file.change("b", None).wanted == "b"
    with pytest.raises(PreconditionFailed, match="roll it back"):
        file.change("c", None)
    assert file.pause().stage is Stage.PAUSED
    assert file.start("a", None).stage is Stage.PAUSED
    assert file.resume().stage is Stage.RUNNING
    back = file.roll_back()
    assert (back.wanted, back.previous, back.stage) == ("a", "b", Stage.RUNNING)
    file.finish("b")  # by whoever had not heard
    assert file.decision() == back


def test_progress_of_another_change_is_none(file: ChangeFile, tmp_path: Path) -> None:
    file.start("a", None)
    file.tell(Progress("a", tenants=3, done=2))
    assert file.progress("a").done == 2
    assert file.progress("b") == Progress("b")
    (tmp_path / FOLDER_NAME / "progress.json").write_text("[")
    assert file.progress("a") == Progress("a")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"wanted": "a"}', json.dumps({"stage": "new"})])
def test_a_decision_that_is_damaged_is_said_to_be(content: str, file: ChangeFile, tmp_path: Path) -> None:
    file.start("a", None)
    (tmp_path / FOLDER_NAME / "decision.json").write_text(content)
    with pytest.raises(StoreFault, match="damaged"):
        file.decision()


def test_models_are_found_by_fingerprint_wherever_they_are(tmp_path: Path) -> None:
    other = other_model(tmp_path / "shelf" / "a")
    (tmp_path / "shelf" / "empty").mkdir()
    found = model_folders([None, tmp_path / "nowhere"], tmp_path / "shelf")
    assert list(found) == [load_encoder().fingerprint, load_encoder(other).fingerprint]
    encoders = Encoders(load_encoder(), lambda: found)
    assert encoders.of(load_encoder(other).fingerprint) is encoders.of(load_encoder(other).fingerprint)
    assert encoders.of("nobody") is None
    (other / "model.onnx").write_bytes(b"damaged")
    assert Encoders(load_encoder(), lambda: found).of(load_encoder_fingerprint(found)) is None


def load_encoder_fingerprint(found: dict[str, Path]) -> str:
    return list(found)[1]


# --- Who does it -------------------------------------------------------------------------------


@contextmanager
def changing(folder: Path, given: str = OLD) -> Iterator[tuple[Tenants, ChangeFile]]:
    """Tenants that are changed aside to what is decided."""
    data = DataFolder(folder)
    file = ChangeFile(folder)
    decision = file.start(given, None)
    encoders = Encoders(NEXT if decision.wanted == NEW else ENCODER, others=[ENCODER, NEXT])
    with Tenants(data, encoders, KernelVote()) as tenants:
        changer = Changer(tenants, encoders, file)
        try:
            yield tenants, file
        finally:
            changer.stop()


def taught(tenants: Tenants, count: int = 4) -> Books:
    books = Books(1)
    for number in range(count):
        tenants.create(f"t{number}")
        with tenants.use(f"t{number}") as ledger:
            ledger.learn([books.item(f"e{n}") for n in range(20)])
    return books


def is_done(file: ChangeFile) -> bool:
    decision = file.decision()
    return decision is not None and decision.stage is Stage.DONE


def encoders(tenants: Tenants) -> set[str]:
    return {tenants.record(tenant).encoder_fingerprint for tenant in tenants.ids()}


def test_all_tenants_are_changed_warm_and_cold(tmp_path: Path) -> None:
    with changing(tmp_path) as (tenants, file):
        taught(tenants)
        wait_for(lambda: is_done(file))
    with changing(tmp_path) as (tenants, file):
        with tenants.use("t0"):
            pass
        file.change(NEW, None)
        wait_for(lambda: is_done(file))
        assert encoders(tenants) == {NEW}
        # Cold ones are not kept loaded for it.
        assert tenants.loaded_count == 1
        tenants.create("later")
        assert tenants.record("later").encoder_fingerprint == NEW
        progress = file.progress(NEW)
        assert (progress.tenants, progress.done, progress.failed) == (4, 4, 0)
        assert progress.texts > 0
        file.roll_back()
        wait_for(lambda: is_done(file))
        assert encoders(tenants) == {OLD}


def test_a_restart_with_another_encoder_is_a_change_like_any_other(tmp_path: Path) -> None:
    with changing(tmp_path) as (tenants, file):
        taught(tenants)
        wait_for(lambda: is_done(file))
    with changing(tmp_path, given=NEW) as (tenants, file):
        wait_for(lambda: is_done(file))
        assert encoders(tenants) == {NEW}


def test_a_pause_holds_over_a_restart(tmp_path: Path) -> None:
    with changing(tmp_path) as (tenants, file):
        taught(tenants)
        wait_for(lambda: is_done(file))
        file.change(NEW, None)
        file.pause()
        with tenants.use("t0"):
            pass
    with changing(tmp_path) as (tenants, file):
        before = encoders(tenants)
        time.sleep(0.1)
        assert encoders(tenants) == before
        file.resume()
        wait_for(lambda: is_done(file))
        assert encoders(tenants) == {NEW}


def test_what_cannot_be_changed_holds_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with changing(tmp_path) as (tenants, file):
        books = taught(tenants)
        wait_for(lambda: is_done(file))
        use = Tenants.aside

        @contextmanager
        def refusing(self: Tenants, tenant: str) -> Iterator[object]:
            if tenant == "t1":
                raise StoreFault("the disk has a bad day")
            with use(self, tenant) as ledger:
                yield ledger

        monkeypatch.setattr(Tenants, "aside", refusing)
        file.change(NEW, None)
        wait_for(lambda: is_done(file))
        assert file.progress(NEW).failed == 1
        assert [tenants.record(f"t{n}").encoder_fingerprint for n in range(4)] == [NEW, OLD, NEW, NEW]
        with tenants.use("t1") as ledger:
            assert ask(ledger, books.payees[0]).encoder_fingerprint == OLD
        monkeypatch.undo()
    with changing(tmp_path) as (tenants, _), tenants.use("t1"):
        # It came with another encoder than is wanted, so it is changed once it is loaded.
        wait_for(lambda: tenants.record("t1").encoder_fingerprint == NEW)


def test_a_tenant_that_is_kept_up_just_then_is_changed_later(tmp_path: Path) -> None:
    with changing(tmp_path) as (tenants, file):
        taught(tenants, 2)
        wait_for(lambda: is_done(file))
        with tenants._folder.upkeep("t0") as is_ours:
            assert is_ours
            file.change(NEW, None)
            wait_for(lambda: tenants.record("t1").encoder_fingerprint == NEW)
            time.sleep(0.2)  # for many rounds
            assert not is_done(file)
            assert tenants.record("t0").encoder_fingerprint == OLD
        wait_for(lambda: is_done(file))
        assert encoders(tenants) == {NEW}
        assert file.progress(NEW).failed == 0


def test_a_tenant_is_deleted_in_the_midst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which takes as long as it may for one of a million texts: whoever deletes it does not wait for that."""
    begun = threading.Event()

    def encoding_for_ever(self: Ledger, _encoder: object, keep_on: Callable[[], bool], *_: object) -> bool:
        begun.set()
        deadline_s = time.monotonic() + WAIT_S
        while keep_on() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return False

    monkeypatch.setattr(Ledger, "_encode", encoding_for_ever)
    monkeypatch.setattr(tenants_module, "_DELETE_WAIT_S", WAIT_S / 4)
    with changing(tmp_path) as (tenants, file):
        taught(tenants, 1)
        wait_for(lambda: is_done(file))
        file.change(NEW, None)
        assert begun.wait(WAIT_S)
        tenants.delete("t0")
        wait_for(lambda: is_done(file))


def test_of_two_servers_processes_one_works_at_a_time(tmp_path: Path) -> None:
    file = ChangeFile(tmp_path)
    with file.right() as mine, ChangeFile(tmp_path).right() as yours:
        assert (mine, yours) == (True, False)


def test_of_several_processes_one_changes_and_all_follow(tmp_path: Path) -> None:
    data, file, news = DataFolder(tmp_path), ChangeFile(tmp_path), News(2)
    file.start(OLD, None)
    with ExitStack() as stack:
        everybody, changers = [], []
        for number in range(2):
            at_hand = Encoders(ENCODER, others=[NEXT])
            folder = data if number == 0 else DataFolder(tmp_path, os.dup(data.lock))
            tenants = Tenants(folder, at_hand, KernelVote(), desk=news.desk(number))
            everybody.append(stack.enter_context(tenants))
            changers.append(Changer(tenants, at_hand, file))
            stack.callback(changers[-1].stop)
        books = taught(everybody[0])
        for tenants in everybody:
            with tenants.use("t0") as ledger:
                assert ask(ledger, books.payees[0]).encoder_fingerprint == OLD
        wait_for(lambda: is_done(file))
        file.change(NEW, None)
        wait_for(lambda: is_done(file))
        answers = []
        for tenants in everybody:
            with tenants.use("t0") as ledger:
                assert ask(ledger, books.payees[0]).encoder_fingerprint == NEW
                answers.append([essence(ask(ledger, payee)) for payee in books.payees])
        assert answers[0] == answers[1]


KILLED = """
import sys
from pathlib import Path
from encoder_world import changed_slowly
changed_slowly(Path(sys.argv[1]), sys.argv[2] == "forth")
"""


def test_whoever_is_killed_in_the_midst_goes_on_where_it_stopped(tmp_path: Path) -> None:
    rng = random.Random(6)
    with open_ledger(tmp_path) as ledger:
        books = Books(2)
        ledger.learn([books.item(f"t{n}") for n in range(60)])
        texts = sorted(ledger.view.texts)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = []
    for kill in range(6):
        direction = "forth" if kill % 2 == 0 else "back"
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), direction], stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        lines = rng.randrange(1, 12)
        for _ in range(lines):
            process.stdout.readline()
        process.kill()
        process.communicate()
        ended.append(process.returncode)
        store = SqliteStore(tmp_path / STORE_NAME, KEY)
        snapshot = store.snapshot()
        store.close()
        encoder = NEXT if snapshot.record.encoder_fingerprint == NEW else ENCODER
        assert sorted(snapshot.texts) == texts
        assert np.array_equal(snapshot.vectors, as_stored(encoder, snapshot.texts))
    assert -signal.SIGKILL in ended
    store = SqliteStore(tmp_path / STORE_NAME, KEY)
    with closing(Ledger(store, Encoders(NEXT, others=[ENCODER]), KernelVote(), tmp_path)) as ledger:
        assert ledger.change_encoder(NEXT)
        assert ask(ledger, books.payees[0]).encoder_fingerprint == NEW


def test_a_ledger_is_asked_the_same_before_and_after_a_restart_in_the_midst(tmp_path: Path) -> None:
    with changing(tmp_path) as (tenants, file):
        books = taught(tenants, 1)
        wait_for(lambda: is_done(file))
        with tenants.use("t0") as ledger:
            before = [essence(ask(ledger, payee)) for payee in books.payees]
            told: list[int] = []
            assert not ledger.change_encoder(NEXT, lambda: not told, told.append)
    with changing(tmp_path) as (tenants, _), tenants.use("t0") as ledger:
        assert [essence(ask(ledger, payee)) for payee in books.payees] == before
        ledger.learn([labelled("late", "Zebra Zoo", "animals")])
        assert ledger.change_encoder(NEXT)
        assert ask(ledger, "Zebra Zoo").neighbours[0].transaction_id == "late"
