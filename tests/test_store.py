"""The store: durable when it says so, whole or not at all, and honest about damage."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_world import (
    KEY,
    Books,
    ask,
    bytes_on_disk,
    create_store,
    labelled,
    load_ledger,
    open_ledger,
    raw_store,
)
from likewise_engine import limits
from likewise_engine.chart import Category, Policy
from likewise_engine.errors import PreconditionFailed, StoreCorrupt, StoreFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.store import rows
from likewise_engine.store.base import Change, Correction, Entry, NewEntry, RequestRecord, TenantRecord
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.transaction import Authority, Direction, Transaction, decimal_of


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    create_store(tmp_path)
    with closing(SqliteStore(tmp_path / STORE_NAME, KEY)) as opened:
        yield opened


def new_entry(seq: int, transaction: Transaction, revision: int = 1) -> NewEntry:
    entry = Entry(seq, transaction, {"category": "food"}, {"category": Authority.PERSON}, revision)
    return NewEntry(entry, text=1, payee=1, order_day=738_000, categories=[(0, Authority.PERSON)])


def first_change(*transactions: Transaction) -> Change:
    return Change(
        revision=1,
        texts=[(1, "corner bakery")],
        vectors=np.eye(1, 8, dtype=np.float16),
        payees=[(1, "corner bakery")],
        categories=[(0, Category("food"))],
        entries=[new_entry(seq, transaction) for seq, transaction in enumerate(transactions, start=1)],
    )


def test_what_is_committed_comes_back_as_it_was(store: SqliteStore) -> None:
    full = Transaction(
        id="ключ 🔑",
        date=date(2024, 2, 29),
        amount=Decimal("-1234.56"),
        currency="EUR",
        payee='L\'Été\n"& fils"',
        description="d" * limits.DESCRIPTION_CHARS_MAX,
        account="giro",
        direction=Direction.OUT,
        fields={"über": "ß", "b": ""},
    )
    bare = Transaction(id="bare", payee="x")
    store.commit(first_change(full, bare))
    assert [entry.transaction for entry in store.entries_after(-1, 10)] == [full, bare]
    assert store.entries_by_id(["ключ 🔑", "nobody"])["ключ 🔑"].transaction == full
    snapshot = store.snapshot()
    assert (snapshot.texts, snapshot.payees) == (["corner bakery"], ["corner bakery"])
    assert snapshot.vectors.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0]]
    assert snapshot.entries.amount.tolist()[0] == -1234.56
    assert np.isnan(snapshot.entries.amount[1])
    assert snapshot.entries.day.tolist() == [date(2024, 2, 29).toordinal(), 0]


@given(st.decimals(-(10**12), 10**12, places=None, allow_nan=False, allow_infinity=False))
def test_any_allowed_amount_survives_a_column_of_floats(amount: Decimal) -> None:
    if not list(Transaction(payee="x", amount=amount).violations()):
        assert decimal_of(float(amount)) == amount


def test_a_commit_is_fsynced_before_it_returns(store: SqliteStore) -> None:
    store.commit(Change(revision=0))
    for connection in (store._writer, store._reader):
        assert connection is not None
        values = [connection.execute(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous")]
        assert values == ["wal", 2]


def test_little_is_kept_in_memory_between_uses_and_it_is_counted(tmp_path: Path) -> None:
    books = Books(seed=8)
    before = apsw.memory_used()
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([books.item(f"t{n}") for n in range(1_000)])
        ledger.learn([books.item("one")])
    with open_ledger(tmp_path) as ledger:
        asked = apsw.memory_used() - before
        assert asked < 1.2 * ledger.store.memory_bytes < 120_000
        ledger.import_batch([books.item(f"u{n}") for n in range(1_000)])
        ledger.store.snapshot()
        taught = apsw.memory_used() - before
        assert 2 * asked < taught < 1.2 * ledger.store.memory_bytes


def test_what_is_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    create_store(tmp_path)
    child = subprocess.Popen(
        [sys.executable, __file__, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(20)]
    child.send_signal(signal.SIGKILL)
    child.wait()
    acknowledged += child.stdout.read().split()
    child.stdout.close()
    with open_ledger(tmp_path) as ledger:
        kept = [entry.transaction.id for entry in ledger.store.entries_after(-1, 10_000)]
        # A last one may have been committed and not yet acknowledged.
        assert kept[: len(acknowledged)] == acknowledged
        assert len(kept) <= len(acknowledged) + 1
        assert ask(ledger, "Corner Bakery").neighbours


@pytest.mark.parametrize(
    "broken",
    [
        lambda change: replace(change, payees=[(1, "corner bakery"), (1, "again")]),
        lambda change: replace(change, entries=[*change.entries, change.entries[0]]),
        lambda change: replace(change, categories=[]),
        lambda change: replace(change, corrections=[Correction("a", "category", "x", None)]),  # type: ignore[arg-type]
        lambda change: replace(change, revision=3),
    ],
)
def test_a_change_that_fails_leaves_nothing(store: SqliteStore, broken: Callable[[Change], Change]) -> None:
    with pytest.raises(StoreFault):
        store.commit(broken(first_change(Transaction(id="a", payee="x"))))
    assert store.record().revision == 0
    assert (store.statistics().labels, store.statistics().texts, list(store.chart())) == (0, 0, [])
    store.commit(first_change(Transaction(id="a", payee="x")))


@contextmanager
def file_size_max(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: what a full disk is like."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_on_a_full_disk_nothing_is_learned_and_nothing_is_lost(tmp_path: Path) -> None:
    many = [
        labelled(f"m{position}", payee=f"Payee {position:x}", description="d" * 500)
        for position in range(500)
    ]
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a")])
        before = ask(ledger, "Corner Bakery")
        with file_size_max(150_000), pytest.raises(StoreFault):
            ledger.learn(many)
        assert ledger.view.revision == ledger.store.record().revision == 1
        assert ask(ledger, "Corner Bakery").answers == before.answers
        assert ledger.learn(many).created == 500
    with open_ledger(tmp_path) as ledger:
        assert ledger.store.statistics().labels == 501


def test_the_last_ten_thousand_requests_are_remembered(store: SqliteStore) -> None:
    kept = limits.REQUEST_IDS_KEPT_MAX
    with closing(raw_store(store._path.parent)) as connection, connection:
        connection.executemany(
            "INSERT INTO requests (request_id, digest, outcome) VALUES (?, x'00', '{}')",
            ((rows.request_key(f"r{position}"),) for position in range(kept)),
        )
    for position in (kept, kept + 1):
        store.commit(Change(revision=0, request=RequestRecord(f"r{position}", b"\1", "{}")))
    assert [store.request(r) is None for r in ("r0", "r1", "r2", f"r{kept + 1}")] == [
        True,
        True,
        False,
        False,
    ]
    assert store._reader.execute("SELECT count(*) FROM requests").fetchone() == (kept,)


def test_an_export_shows_one_revision_whatever_is_learned_meanwhile(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{position}") for position in range(25)])
        export = ledger.store.export(10)
        batches = [next(export)]
        ledger.learn([labelled("later"), labelled("t3", category="changed")])
        batches += export
        assert [revision for revision, _ in batches] == [1, 1, 1]
        shown = {entry.transaction.id: entry.labels for _, entries in batches for entry in entries}
        assert shown == {f"t{position}": {"category": "food"} for position in range(25)}


def test_a_look_up_does_not_wait_for_a_commit(store: SqliteStore) -> None:
    with ThreadPoolExecutor(1) as other, store.writing():
        store.write(Change(revision=0, display_name="not yet"))
        assert store.record().display_name == "not yet"
        assert other.submit(store.record).result(timeout=30).display_name == "Acme"
    assert store.record().display_name == "not yet"


def test_what_is_written_together_is_kept_together_without_what_failed(store: SqliteStore) -> None:
    with store.writing() as position:
        store.write(Change(revision=1, display_name="Acme Ltd"))
        with pytest.raises(StoreFault, match="does not follow"):
            store.write(Change(revision=3, display_name="Never"))
        store.write(Change(revision=2, policy=Policy(0.9)))
    record = store.record()
    assert (record.display_name, record.policy, record.revision) == ("Acme Ltd", Policy(0.9), 2)
    assert store.position() == position + 2
    with pytest.raises(ValueError, match="not writing"):
        store.write(Change(revision=3))


# --- Damage ------------------------------------------------------------------------------------


def test_a_missing_file_and_a_file_in_place_of_a_folder_are_faults_that_say_where(tmp_path: Path) -> None:
    with pytest.raises(StoreFault, match="unable to open"):
        SqliteStore(tmp_path / "nowhere" / STORE_NAME, KEY)
    record = TenantRecord("acme", "", Policy(), datetime.now(UTC), 0, "e")
    with pytest.raises(StoreFault, match="nowhere"):
        SqliteStore.create(tmp_path / "nowhere" / STORE_NAME, KEY, record)
    create_store(tmp_path)
    with pytest.raises(StoreFault, match="File exists"):
        SqliteStore.create(tmp_path / STORE_NAME, KEY, record)


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"this is no database, it is a letter" * 100,
        lambda content: content[: len(content) // 2],
        lambda _: b"",
        lambda content: content[:4096] + bytes(len(content) - 4096),
    ],
)
def test_a_damaged_file_is_said_to_be_corrupt(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{position}", payee=f"Payee {position:x}") for position in range(300)])
    path = tmp_path / STORE_NAME
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreCorrupt):
        load_ledger(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE texts SET vector = x'0102'",
        "UPDATE texts SET vector = x'010203' WHERE id = 1",
        "UPDATE texts SET vector = zeroblob(128)",
        "UPDATE texts SET text = CAST(x'ff' AS TEXT)",
        "UPDATE entries SET text = 99",
        "UPDATE entries SET payee = 99",
        "UPDATE labels SET category = 99",
        "UPDATE labels SET seq = 99 WHERE seq = 1",
        "UPDATE categories SET number = 7 WHERE number = 0",
        "UPDATE tenant SET created_at = 'yesterday'",
        "DELETE FROM tenant",
    ],
)
def test_damaged_values_are_said_to_be_corrupt(tmp_path: Path, damage: str) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a"), labelled("b", payee="Other", category="fun")])
    with closing(raw_store(tmp_path)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(StoreCorrupt):
        load_ledger(tmp_path)


@pytest.mark.parametrize(
    "damage",
    [
        "SET fields = '{'",
        "SET day = 99999999999",
        "SET direction = 9",
        "SET payee_wording = CAST(x'ff' AS TEXT)",
    ],
)
def test_damaged_entries_are_said_to_be_corrupt_when_they_are_read(tmp_path: Path, damage: str) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a")])
        with closing(raw_store(tmp_path)) as connection, connection:
            connection.execute(f"UPDATE entries {damage}")
        with pytest.raises(StoreCorrupt):
            ledger.entry("a")
        with pytest.raises(StoreCorrupt):
            list(ledger.store.export(10))


# --- Forgetting --------------------------------------------------------------------------------


def test_an_export_that_shows_what_is_forgotten_ends(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"row {position} of 25") for position in range(25)])
        export = ledger.store.export(10)
        next(export)
        ledger.forget(["row 24 of 25"])
        assert b"row 24 of 25" not in bytes_on_disk(tmp_path)
        with pytest.raises(PreconditionFailed, match="start it again"):
            next(export)
        assert sum(len(entries) for _, entries in ledger.store.export(10)) == 24


def test_forgetting_that_a_crash_cut_short_is_finished_when_it_is_asked_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("secret-id", payee="Very Private Clinic"), labelled("b")])
        with closing(raw_store(tmp_path)) as other:
            other.execute("SELECT * FROM tenant").fetchall()  # keeps the WAL from being emptied at close
            entry = ledger.store.entries_by_id(["secret-id"])["secret-id"]
            ledger.store.commit(
                Change(revision=2, forgotten_seqs=[entry.seq], orphaned_texts=[1], orphaned_payees=[1])
            )
            ledger.close()
            assert b"Very Private Clinic" in bytes_on_disk(tmp_path)
            again = load_ledger(tmp_path)
    with closing(again):
        outcome = again.forget(["secret-id"])
        assert (outcome.forgotten, outcome.missing, outcome.revision) == (0, 1, 2)
    assert b"Very Private Clinic" not in bytes_on_disk(tmp_path)


def test_forgetting_on_a_full_disk_is_not_acknowledged_and_can_be_finished(tmp_path: Path) -> None:
    many = [labelled(f"m{n}", payee=f"Payee {n:x}", description="d" * 500) for n in range(500)]
    with open_ledger(tmp_path) as ledger:
        ledger.learn([*many, labelled("secret-id", payee="Very Private Clinic")])
        with file_size_max(150_000), pytest.raises(StoreFault):
            ledger.forget(["secret-id"])
        ledger.forget(["secret-id"])
        assert b"Very Private Clinic" not in bytes_on_disk(tmp_path)
        assert ledger.store.statistics().labels == 500
        assert [n.transaction_id for n in ask(ledger, "Very Private Clinic").neighbours].count(
            "secret-id"
        ) == 0


def _teach_until_killed(folder: Path) -> None:
    with open_ledger(folder) as ledger:
        for position in range(10_000):
            ledger.learn([labelled(f"t{position}")])
            print(f"t{position}", flush=True)


if __name__ == "__main__":
    _teach_until_killed(Path(sys.argv[1]))
