"""A write-ahead log as it lies on disk, looked at without SQLite.

SQLite reads a log up to the first frame that is not whole, and takes that for its end; what lies beyond is
written over or deleted. Frames beyond it that are whole and of this very log are what tells damage from an
end. The format is SQLite's: https://sqlite.org/fileformat2.html#the_write_ahead_log
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MAGIC: Final = 0x377F0682
"""Its last bit says that checksums are of big-endian words."""
_HEADER: Final = struct.Struct(">8I")
_FRAME_HEADER_BYTES: Final = 24
_CHECKED_OF_HEADER_BYTES: Final = 8
_PAGE_BYTES_MIN: Final = 512
_PAGE_BYTES_MAX: Final = 65_536


@dataclass(frozen=True, slots=True)
class Log:
    """What a log holds.

    Attributes:
        frames: frames from the start that are whole: what SQLite reads.
        is_header_damaged: whether the header is: SQLite reads nothing then.
        frames_beyond: frames beyond those that are whole and of this very log.
        commits_beyond: commits among them.
    """

    frames: int
    is_header_damaged: bool = False
    frames_beyond: int = 0
    commits_beyond: int = 0

    @property
    def is_damaged(self) -> bool:
        """Whether SQLite would pass over frames in silence."""
        return self.is_header_damaged or self.frames_beyond > 0


def read_log(path: Path) -> Log:
    """Look at a log; one that is not there, or empty, holds nothing. Raises OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Log(0)
    if not content.strip(b"\0"):
        return Log(0)  # Made, and not yet written: a crash may leave room instead of what is in it.
    if len(content) < _HEADER.size:
        return Log(0, is_header_damaged=len(content) > 0)
    magic, _, page_bytes, _, salt_1, salt_2, *header_checksum = _HEADER.unpack_from(content)
    word = ">u4" if magic & 1 else "<u4"
    words = np.frombuffer(content, dtype=word, count=6).reshape(1, -1)
    computed = _checksums(words, np.zeros((1, 2), dtype=np.uint32))[0].tolist()
    is_sized = _PAGE_BYTES_MIN <= page_bytes <= _PAGE_BYTES_MAX
    if magic & ~1 != _MAGIC or computed != header_checksum or not is_sized:
        return Log(0, is_header_damaged=True)
    frame_bytes = _FRAME_HEADER_BYTES + page_bytes
    count = (len(content) - _HEADER.size) // frame_bytes
    if not count:
        return Log(0)
    frames = np.frombuffer(content, np.uint8, count * frame_bytes, _HEADER.size).reshape(count, -1)
    return _judged(frames, word, (salt_1, salt_2), header_checksum)


def _judged(frames: NDArray[np.uint8], word: str, salts: tuple[int, int], header_checksum: list[int]) -> Log:
    header = frames[:, :_FRAME_HEADER_BYTES].copy().view(">u4")
    stated = header[:, 4:6].astype(np.uint32)
    # Each checksum goes on from the one before. Taken from the file, a damaged frame spoils one more at most.
    seeds = np.concatenate((np.array([header_checksum], dtype=np.uint32), stated[:-1]))
    checked = np.hstack((frames[:, :_CHECKED_OF_HEADER_BYTES], frames[:, _FRAME_HEADER_BYTES:])).view(word)
    is_of_this_log = (header[:, 2] == salts[0]) & (header[:, 3] == salts[1])
    is_whole = is_of_this_log & (_checksums(checked, seeds) == stated).all(axis=1)
    first_bad = len(is_whole) if is_whole.all() else int(np.argmin(is_whole))
    beyond = is_whole[first_bad:]
    commits = int((header[first_bad:, 1][beyond] != 0).sum())
    return Log(first_bad, frames_beyond=int(beyond.sum()), commits_beyond=commits)


def _checksums(words: NDArray[np.uint32], seeds: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """SQLite's checksums of several rows of words at once, each with its seed: ``(rows, 2)``."""
    first, second = seeds[:, 0].astype(np.uint32), seeds[:, 1].astype(np.uint32)
    columns = np.ascontiguousarray(words.T).astype(np.uint32)
    for at in range(0, len(columns), 2):
        first = first + columns[at] + second
        second = second + columns[at + 1] + first
    return np.stack((first, second), axis=1)
