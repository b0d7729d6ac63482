"""Schema changes: steps are only ever added, each is taken once and whole, and a later file is refused."""

import hashlib
import threading
from contextlib import closing
from pathlib import Path

import pytest

from engine_world import ENCODER, KEY, ask, load_ledger, raw_store
from likewise_engine.errors import StoreFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.store import migrations
from likewise_engine.store.sqlite import SqliteStore

STEPS_SHA256 = (
    "d8667c2fe848c1b1f6984ce03173ee21f2ba92082a4b24fe92e92a2651215cae",
    "a732e5d3e582f19d8afabf596359b2dd479572dcf957bbe9fb55d8bd038e1655",
    "0f0b5a5c3a7ab5c773632cca1f79ec5442da6798ad1ae75e1a04b02e39fa08e4",
    "ccec9af7f5df5e900c3d8d440ff8c21c6ceeda7fc561bf4b77f80531ce89afe8",
    "d346d3d266c1153715d97942e8f668a8bc005fd68ccc9329b43c71b84c592dc2",
    "0fb6026bde901555cbec088de8e82396d885e7efbd0c52546cbf25ab2bfb7f0c",
    "d47711ffdf8ca60b2ecabb6e4ab8f448ff8c3fc5b536a19fd325b31d0874bf39",
    "1f86741f2e5a31c6870f248aaf24ae08ae31c4d12d57ad71395504c95575376b",
    "0f7354504f732640d089c4e54a7b1fdd5500d28342f3a0c27cb80ae5d83b19a0",
    "b5625b7352f0aaa5c4b69f18fef179c0b682545bdcd42fe0749da5ced1c3bc54",
)
"""Of the steps that data folders out there have taken: add to these, change none."""


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """A tenant's file as the first schema had it, with one entry."""
    path = tmp_path / STORE_NAME
    vector = ENCODER.encode(["corner bakery"])[0].astype("<f2").tobytes()
    with closing(raw_store(path.parent)) as connection, connection:
        connection.execute(migrations.STEPS[0])
        connection.execute(
            """
            INSERT INTO migrations VALUES (1, '2026-07-01T00:00:00+00:00');
            INSERT INTO categories VALUES (0, 'category', 'food', 'Food', '', 1);
            INSERT INTO payees VALUES (1, 'corner bakery');
            INSERT INTO entries VALUES
                (1, 'a', 1, 1, 738945, 738945, 12.5, 'EUR', 0, 3, 'Corner Bakery', '', '', NULL);
            INSERT INTO labels VALUES (1, 0, 2);
            PRAGMA user_version = 1;
            """
        )
        connection.execute("INSERT INTO texts VALUES (1, 'corner bakery', ?)", (vector,))
        connection.execute(
            "INSERT INTO tenant VALUES (1, 'acme', 'Acme', 0.9, 0, '2026-07-01T00:00:00+00:00', 3, ?)",
            (ENCODER.fingerprint,),
        )
    return path


def versions(path: Path) -> tuple[int, list[int]]:
    """The file's version, and the steps that it says were taken."""
    with closing(raw_store(path.parent)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        taken = [row[0] for row in connection.execute("SELECT version FROM migrations ORDER BY version")]
    return version, taken


def test_steps_that_were_taken_out_there_are_as_they_were() -> None:
    assert tuple(hashlib.sha256(step.encode()).hexdigest() for step in migrations.STEPS) == STEPS_SHA256


def test_a_file_of_the_first_version_is_brought_up_to_date_and_serves(old_file: Path) -> None:
    with closing(load_ledger(old_file.parent)) as ledger:
        assert ask(ledger, "Corner Bakery").neighbours[0].labels == {"category": "food"}
        assert ledger.forget(["a"]).revision == 4
    count = len(migrations.STEPS)
    assert versions(old_file) == (count, list(range(1, count + 1)))


def test_many_who_open_an_old_file_at_once_take_each_step_once(old_file: Path) -> None:
    together, failures = threading.Barrier(8), []

    def open_it() -> None:
        together.wait()
        try:
            SqliteStore(old_file, KEY).close()
        except StoreFault as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert versions(old_file)[0] == len(migrations.STEPS)


def test_a_step_that_fails_leaves_the_file_as_it_was(old_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = "CREATE TABLE half (done INTEGER) STRICT;\nINSERT INTO nowhere VALUES (1);\n"
    monkeypatch.setattr(migrations, "STEPS", (migrations.STEPS[0], broken))
    with pytest.raises(StoreFault, match="nowhere"):
        SqliteStore(old_file, KEY)
    assert versions(old_file) == (1, [1])
    with closing(raw_store(old_file.parent)) as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").fetchone() == (0,)


def test_a_file_of_a_later_version_is_refused_and_left_alone(old_file: Path) -> None:
    SqliteStore(old_file, KEY).close()
    later = len(migrations.STEPS) + 1
    with closing(raw_store(old_file.parent)) as connection:
        connection.execute(f"PRAGMA user_version = {later}")
    with pytest.raises(StoreFault, match=f"schema {later}; this one knows {later - 1}"):
        SqliteStore(old_file, KEY)
    assert versions(old_file)[0] == later
