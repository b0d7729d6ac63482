"""The data folder: one process, one folder a tenant, whole or not at all, whatever the tenant is called."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import limits
from likewise_engine.errors import DataFolderInUse, InvalidInput, StoreFault, TenantExists, TenantNotFound
from likewise_engine.folder import STORE_NAME, DataFolder, check_tenant_id, place_of
from likewise_engine.keys import TenantKey

HOSTILE = (
    "..",
    ".",
    "...",
    "../../etc/passwd",
    "a/b",
    "/",
    "\\",
    "a\\b",
    "~",
    "-rf",
    "aside",
    "lock",
    "Acme",
    "acme",
    "ACME",
    "%41cme",
    "a%2fb",
    "acme ltd",
    "acme+ltd",
    "café",
    "cafe\u0301",
    "ＡＣＭＥ",
    "株式会社",
    "🍞",
    "con",
    "nul.txt",
    ".hidden",
    "$(rm -rf)",
    "'; DROP TABLE tenant; --",
    "*",
    "?",
    "x" * limits.TENANT_ID_BYTES_MAX,
    "🍞" * (limits.TENANT_ID_BYTES_MAX // 4),
)
NO_IDS = ("", " ", "a ", " a", "a\nb", "a\x00b", "\x7f", "\ud800", "a\u2028b", "x" * 81, "🍞" * 20 + "a")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    with closing(DataFolder(tmp_path / "data")) as opened:
        yield opened


def touch(path: Path, _key: TenantKey | None = None) -> None:
    path.write_bytes(b"a store")


def test_hostile_names_get_folders_of_their_own_within_the_data_folder(folder: DataFolder) -> None:
    for tenant in HOSTILE:
        folder.create(tenant, touch)
    paths = [folder.store_path(tenant).resolve() for tenant in HOSTILE]
    # Even where a file system ignores case.
    assert len({str(path).lower() for path in paths}) == len(HOSTILE)
    tenants = (folder.root / "tenants").resolve()
    assert [path for path in paths if path.parent.parent.parent != tenants] == []
    assert sorted(folder.tenants()) == sorted(HOSTILE)
    for tenant in HOSTILE:
        folder.delete(tenant)
    assert list(folder.tenants()) == []


@pytest.mark.parametrize("tenant", NO_IDS)
def test_what_cannot_be_an_id_is_refused_everywhere(folder: DataFolder, tenant: str) -> None:
    with pytest.raises(InvalidInput):
        folder.create(tenant, touch)
    with pytest.raises(InvalidInput):
        folder.store_path(tenant)
    with pytest.raises(InvalidInput):
        folder.delete(tenant)


@given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
def test_two_ids_never_share_a_folder(first: str, second: str) -> None:
    for tenant in (first, second):
        with suppress(InvalidInput):
            check_tenant_id(tenant)
            assert len(tenant.encode()) <= limits.TENANT_ID_BYTES_MAX
    with suppress(InvalidInput):
        paths = [str(place_of(tenant)).lower() for tenant in (first, second)]
        assert (paths[0] == paths[1]) == (first == second)
        assert all(len(Path(path).name.encode()) <= 255 for path in paths)


def test_a_tenant_is_created_once_however_many_try(folder: DataFolder) -> None:
    def create(_: int) -> bool:
        try:
            folder.create("acme", touch)
        except TenantExists:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1
    assert list((folder.root / "aside").iterdir()) == []


def test_a_tenant_whose_making_fails_is_not_there(folder: DataFolder) -> None:
    def fail(path: Path, _key: TenantKey) -> None:
        touch(path)
        raise OSError(28, "No space left on device", str(path))

    with pytest.raises(StoreFault, match="could not create the tenant: No space left"):
        folder.create("acme", fail)
    with pytest.raises(TenantNotFound, match="create it first"):
        folder.store_path("acme")
    assert list((folder.root / "aside").iterdir()) == []


def test_what_is_deleted_is_gone_and_can_be_made_again(folder: DataFolder) -> None:
    folder.create("acme", touch)
    folder.delete("acme")
    with pytest.raises(TenantNotFound):
        folder.delete("acme")
    assert not list(folder.root.rglob(STORE_NAME))
    folder.create("acme", touch)


def test_what_a_crash_left_aside_goes_when_the_folder_is_opened(tmp_path: Path) -> None:
    with closing(DataFolder(tmp_path)) as folder:
        folder.create("acme", touch)
    left_over = tmp_path / "aside" / "half made"
    left_over.mkdir()
    touch(left_over / STORE_NAME)
    with closing(DataFolder(tmp_path)) as folder:
        assert list(folder.tenants()) == ["acme"]
        assert list((tmp_path / "aside").iterdir()) == []


def test_a_second_process_is_refused_and_let_in_when_the_first_is_done(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from likewise_engine.folder import DataFolder\n"
        "from likewise_engine.errors import DataFolderInUse\n"
        "try: DataFolder(Path(sys.argv[1])).close()\n"
        "except DataFolderInUse as error: sys.exit(str(error))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with closing(DataFolder(tmp_path)):
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "another process uses" in refused.stderr
        with pytest.raises(DataFolderInUse):
            DataFolder(tmp_path)
    assert subprocess.run(command, check=False).returncode == 0


def test_a_folder_that_cannot_be_made_is_a_fault_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreFault, match="could not open the data folder: Not a directory"):
        DataFolder(tmp_path / "file" / "data")


def test_a_folder_that_cannot_be_cleaned_is_not_kept_locked(tmp_path: Path) -> None:
    (tmp_path / "aside").mkdir()
    (tmp_path / "aside" / "a file").write_text("which nobody of ours put there")
    with pytest.raises(StoreFault):
        DataFolder(tmp_path)
    (tmp_path / "aside" / "a file").unlink()
    DataFolder(tmp_path).close()


def test_a_process_with_the_inherited_lock_uses_the_folder_until_it_closes_it(folder: DataFolder) -> None:
    other = DataFolder(folder.root, os.dup(folder.lock))
    other.create("acme", touch)
    assert list(folder.tenants()) == ["acme"]
    folder_again = DataFolder(folder.root, os.dup(folder.lock))
    other.close()
    folder_again.close()
    with pytest.raises(DataFolderInUse):
        DataFolder(folder.root)
