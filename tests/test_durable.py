"""Files that hold secrets: nobody but their owner may read them, whatever lay where they are written."""

from pathlib import Path

import pytest

from likewise_engine.cache_file import aside_path, load, save
from likewise_engine.durable import create_private, write_whole
from likewise_engine.errors import StoreFault
from likewise_engine.keys import TenantKey


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def lay(path: Path, kind: str) -> Path:
    """Something that lies in the way; returns the file that a link leads to."""
    elsewhere = path.with_name("elsewhere")
    elsewhere.write_text("as it was")
    if kind == "file":
        path.write_text("x" * 100)
        path.chmod(0o644)
    else:
        path.symlink_to(elsewhere if kind == "link" else path.with_name("nowhere"))
    return elsewhere


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_what_lies_in_the_way_gives_neither_its_mode_nor_its_place(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "secret"
    elsewhere = lay(tmp_path / "secret.new", kind)
    write_whole(path, b"a key")
    assert path.read_bytes() == b"a key"
    assert mode_of(path) == 0o600
    assert not path.is_symlink()
    assert elsewhere.read_text() == "as it was"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["elsewhere", "secret"]


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_a_cache_is_its_owners_too(tmp_path: Path, kind: str) -> None:
    path, key = tmp_path / "cache", TenantKey.new("acme")
    elsewhere = lay(aside_path(path), kind)
    save(path, key, {"of": 1}, lambda: b"books")
    assert load(path, key, lambda stated: stated["of"] == 1, lambda found, _: bytes(found)) == b"books"
    assert mode_of(path) == 0o600
    assert elsewhere.read_text() == "as it was"


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "secret.new").mkdir()
    with pytest.raises(StoreFault, match="could not be written"):
        write_whole(tmp_path / "secret", b"a key")


def test_the_umask_takes_away_and_never_adds(tmp_path: Path) -> None:
    with create_private(tmp_path / "new") as file:
        file.write(b"content")
    assert mode_of(tmp_path / "new") == 0o600
