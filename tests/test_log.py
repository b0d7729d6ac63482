"""The write-ahead log as it lies on disk: what SQLite would read of it, and what it would pass over."""

import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from likewise_engine.store.log import Log, read_log

HEADER_BYTES = 32
FRAME_BYTES = 24 + 4_096
COMMITS = 4


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of some commits, as a crash leaves it."""
    path = tmp_path / "db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a)")
        for _ in range(COMMITS - 1):
            connection.execute("INSERT INTO t VALUES (randomblob(9000))")
        return Path(shutil.copy(f"{path}-wal", tmp_path / "left-wal"))


def damage(log: Path, position: int) -> Log:
    content = bytearray(log.read_bytes())
    content[position] ^= 0x40
    log.write_bytes(content)
    return read_log(log)


def test_a_whole_log_is_whole(log: Path) -> None:
    frames = (log.stat().st_size - HEADER_BYTES) // FRAME_BYTES
    assert frames > COMMITS
    assert read_log(log) == Log(frames)
    assert not read_log(log).is_damaged


@pytest.mark.parametrize("within", [0, 5, 9, 13, 17, 21, 24, 3_000, FRAME_BYTES - 1])
def test_a_damaged_frame_shows_by_those_beyond_it(log: Path, within: int) -> None:
    frames = read_log(log).frames
    found = damage(log, HEADER_BYTES + FRAME_BYTES + within)
    assert found.frames == 1
    # A checksum that is damaged is also what the next frame's goes on from.
    assert found.frames_beyond in (frames - 2, frames - 3)
    assert found.commits_beyond >= COMMITS - 2
    assert found.is_damaged


def test_a_log_that_ends_early_is_no_damage(log: Path) -> None:
    frames = read_log(log).frames
    content = log.read_bytes()
    for missing in (1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 100):
        log.write_bytes(content[:-missing])
        assert read_log(log) == Log(frames - 1 - (missing > FRAME_BYTES))


@pytest.mark.parametrize("position", range(0, HEADER_BYTES, 3))
def test_a_damaged_header_is_damage(log: Path, position: int) -> None:
    found = damage(log, position)
    assert (found.frames, found.is_damaged) == (0, True)


@pytest.mark.parametrize("content", [b"", bytes(10), bytes(5_000)])
def test_a_log_that_was_never_written_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    assert read_log(tmp_path / "log") == read_log(tmp_path / "none") == Log(0)


def test_what_is_left_of_an_earlier_log_is_none_of_this_one(log: Path, tmp_path: Path) -> None:
    path = tmp_path / "db"
    with closing(apsw.Connection(str(path))) as connection:
        for _ in range(9):
            connection.execute("INSERT INTO t VALUES (randomblob(9000))")
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("INSERT INTO t VALUES (1)")  # over the beginning of what was
        found = read_log(Path(shutil.copy(f"{path}-wal", log)))
    assert 0 < found.frames < 5
    assert not found.is_damaged
