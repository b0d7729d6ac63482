"""Pages of a store are authenticated: what was changed on disk is found when it is read. Plain files go."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from engine_world import ENCODER, KEY, ask, create_store, labelled, open_ledger, raw_store
from likewise_engine.cache_file import CACHE_NAMES, GRAPH_NAME, SNAPSHOT_NAME
from likewise_engine.errors import StoreCorrupt, StoreFault
from likewise_engine.folder import STORE_NAME, place_of
from likewise_engine.keys import KEY_NAME, KeyFile, TenantKey
from likewise_engine.store.connection import connect, is_plain, is_unused, translated
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants

PAGE_BYTES = 4096
LOG_NAME = f"{STORE_NAME}-wal"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store that nobody has open."""
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{number}", f"Payee {number:x}") for number in range(60)])
    return tmp_path / STORE_NAME


def read(path: Path) -> Sequence[object]:
    """All rows of a store. Raises StoreCorrupt."""
    with translated("read", path), closing(connect(path, KEY.of_pages())) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        rows = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in names]  # noqa: S608
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return rows


def test_a_flipped_byte_is_found_or_changes_nothing(store: Path) -> None:
    whole, expected = store.read_bytes(), read(store)
    rng = random.Random(5)
    unnoticed = []
    for position in [*range(100), *(rng.randrange(len(whole)) for _ in range(300))]:
        content = bytearray(whole)
        content[position] ^= 1 << rng.randrange(8)
        store.write_bytes(content)
        try:
            assert read(store) == expected
            unnoticed.append(position)
        except StoreCorrupt:
            pass
    # The salt, of which a key that is given as it is makes no use.
    assert set(unnoticed) <= set(range(16))


def test_a_page_in_the_place_of_another_is_found(store: Path) -> None:
    whole = store.read_bytes()
    first, second = (slice(n * PAGE_BYTES, (n + 1) * PAGE_BYTES) for n in (3, 4))
    content = bytearray(whole)
    content[first], content[second] = whole[second], whole[first]
    store.write_bytes(content)
    with pytest.raises(StoreCorrupt, match="likewise check"):
        read(store)


def test_another_key_reads_nothing(store: Path) -> None:
    with pytest.raises(StoreCorrupt):
        SqliteStore(store, TenantKey("acme", bytes(32)))


def test_nothing_shows_on_disk_while_it_is_in_use(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("secret-id", "Zanzibar Clinic")])
        files = list(tmp_path.glob(f"{STORE_NAME}*"))
        assert len(files) == 3
        content = b"".join(path.read_bytes() for path in files)
        assert b"anzibar" not in content
        assert b"secret-id" not in content


def test_whoever_has_a_store_open_is_seen(tmp_path: Path) -> None:
    create_store(tmp_path)
    path = tmp_path / STORE_NAME
    assert is_unused(path)
    with closing(SqliteStore(path, KEY)):
        assert not is_unused(path)
    assert is_unused(path)


def test_who_waits_in_vain_for_another_writer_is_told_so(tmp_path: Path) -> None:
    create_store(tmp_path)
    path = tmp_path / STORE_NAME
    with closing(raw_store(tmp_path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(StoreFault, match="in use by another process"),
            translated("write", path),
            closing(connect(path, KEY.of_pages(), wait_s=0.01)) as connection,
        ):
            connection.execute("BEGIN IMMEDIATE")


# --- Stores from before there were keys ----------------------------------------------------------


def plain_tenant(data: Path) -> Path:
    """A tenant as it was before there were keys, its last change in the log; the path of its store."""
    with Tenants.open_folder(data, ENCODER) as tenants:
        tenants.create("acme")
        with tenants.use("acme") as ledger:
            ledger.learn([labelled(f"t{number}", "Zanzibar Clinic") for number in range(20)])
    store = data / place_of("acme") / STORE_NAME
    key_file = KeyFile.read(store.parent)
    assert key_file is not None
    with closing(connect(store, TenantKey("acme", key_file.key).of_pages())) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA rekey = ''")
    (store.parent / KEY_NAME).unlink()
    assert is_plain(store)
    with closing(sqlite3.connect(store)) as plain:
        plain.execute("PRAGMA journal_mode = WAL")
        plain.execute("UPDATE tenant SET display_name = 'in the log'")
        plain.commit()
        kept = store.read_bytes(), store.with_name(LOG_NAME).read_bytes()
    store.write_bytes(kept[0])
    store.with_name(LOG_NAME).write_bytes(kept[1])
    return store


def test_a_plain_store_is_encrypted_when_first_opened_with_what_its_log_holds(tmp_path: Path) -> None:
    store = plain_tenant(tmp_path)
    assert b"Zanzibar" in store.read_bytes()
    with Tenants.open_folder(tmp_path, ENCODER) as tenants, tenants.use("acme") as ledger:
        assert ledger.store.record().display_name == "in the log"
        assert ask(ledger, "Zanzibar Clinic").answers[0].candidates[0].category == "food"
    assert not is_plain(store)
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Zanzibar" not in everything
    assert b"SQLite format 3" not in everything


def test_caches_from_before_there_were_keys_go_with_or_without_a_voucher(tmp_path: Path) -> None:
    store = plain_tenant(tmp_path)
    for name in CACHE_NAMES:
        for ending in ("", ".new", ".json", ".json.new"):
            store.with_name(name + ending).write_bytes(b"Zanzibar Clinic, in the clear")
    store.with_name(f"{SNAPSHOT_NAME}.json").unlink()
    store.with_name(GRAPH_NAME).unlink()
    with Tenants.open_folder(tmp_path, ENCODER) as tenants, tenants.use("acme"):
        left = [path for path in store.parent.iterdir() if b"Zanzibar" in path.read_bytes()]
    assert left == []


@pytest.mark.parametrize("renamed", [False, True])
def test_encrypting_that_a_crash_cut_short_is_finished(tmp_path: Path, *, renamed: bool) -> None:
    store = plain_tenant(tmp_path)
    if renamed:  # the store is encrypted, and its key file does not say so yet
        with Tenants.open_folder(tmp_path, ENCODER) as tenants, tenants.use("acme"):
            pass
        key_file = KeyFile.read(store.parent)
        assert key_file is not None
        KeyFile(key_file.master, key_file.key, is_store_plain=True).write(store.parent)
    else:  # the key is there, and half a copy
        KeyFile("", TenantKey.new("acme").secret, is_store_plain=True).write(store.parent)
        store.with_name(f"{STORE_NAME}.new").write_bytes(b"half a copy")
    with Tenants.open_folder(tmp_path, ENCODER) as tenants, tenants.use("acme") as ledger:
        assert ledger.store.statistics().labels == 20
    assert {path.name for path in store.parent.iterdir()} & {f"{STORE_NAME}.new", LOG_NAME} == set()


def test_a_damaged_plain_store_is_left_as_it_is(tmp_path: Path) -> None:
    store = plain_tenant(tmp_path)
    store.with_name(LOG_NAME).unlink()
    content = store.read_bytes()
    store.write_bytes(content[: 5 * PAGE_BYTES] + bytes(len(content) - 5 * PAGE_BYTES))
    with Tenants.open_folder(tmp_path, ENCODER) as tenants, pytest.raises(StoreFault), tenants.use("acme"):
        pass
    assert is_plain(store)
