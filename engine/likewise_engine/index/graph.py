"""A frozen HNSW graph over a tenant's first texts, and its cache file.

hnswlib 0.8.0 as it is: adding while querying is not safe, so a graph is built aside and never touched again;
saving writes in place and reports no error, and a damaged file loads silently, so the file is written aside,
fsynced, renamed, and its sha256 kept in a second file that is renamed last; ``ef`` is not saved; asking for
more neighbours than there are raises. Whatever is not beyond doubt is thrown away: the graph is a cache
(Malkov & Yashunin 2016, arXiv:1603.09320).
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import hnswlib
import numpy as np
from numpy.typing import NDArray

from likewise_engine.errors import StoreFault

_M: Final = 16
_EF_CONSTRUCTION: Final = 128
_EF_MIN: Final = 256
"""Recall of the 32 nearest to new texts: .992 of 22,000 real ones and .994 of 200,000 generated ones, in .23
and .44 ms. At 160 it is .981 and .987, at 96 .958 and .974 (``bench/recall.py``)."""
_SEED: Final = 20260701
_BUILD_CHUNK: Final = 256
_FORMAT: Final = 1
_READ_BYTES: Final = 1 << 20


class Graph:
    """An immutable HNSW graph over the rows 0 … count-1 of a matrix of unit vectors."""

    __slots__ = ("_index", "count", "dimensions")

    def __init__(self, index: Any, count: int, dimensions: int) -> None:
        self._index = index
        self.count = count
        self.dimensions = dimensions

    @classmethod
    def build(
        cls, matrix: NDArray[np.float32], keep_on: Callable[[], bool] = lambda: True, threads: int = 1
    ) -> "Graph | None":
        """Build a graph over all rows of a matrix.

        Args:
            matrix: float32 ``(count, dimensions)``, unit rows.
            keep_on: asked between chunks; when it says no, the build is given up.
            threads: with one, the same matrix always gives the same graph.

        Returns:
            The graph, or None when it was given up, and of no rows.
        """
        count, dimensions = matrix.shape
        if not count:
            return None
        index = hnswlib.Index(space="ip", dim=dimensions)
        index.init_index(max_elements=count, ef_construction=_EF_CONSTRUCTION, M=_M, random_seed=_SEED)
        for start in range(0, count, _BUILD_CHUNK):
            if not keep_on():
                return None
            chunk = matrix[start : start + _BUILD_CHUNK]
            index.add_items(chunk, np.arange(start, start + len(chunk)), num_threads=threads)
        return cls(index, count, dimensions)

    @property
    def nbytes(self) -> int:
        """Bytes of main memory: vectors, 2 M links at the bottom, labels, and the upper levels' share."""
        return self.count * (4 * self.dimensions + 8 * _M + 8 + 4 + 4 * _M // (_M - 1))

    def nearest(self, vector: NDArray[np.float32], count_max: int) -> NDArray[np.int64]:
        """Rows near a vector, at most ``count_max``, in no promised order.

        Args:
            vector: float32 ``(dimensions,)``.
            count_max: how many; fewer come when the graph has fewer, none when fewer can be reached.
        """
        wanted = min(count_max, self.count)
        # ef is per index and not per query. Only raising it is seen by others, and harms nobody.
        if self._index.ef < max(_EF_MIN, wanted):
            self._index.set_ef(max(_EF_MIN, wanted))
        try:
            rows, _ = self._index.knn_query(vector[np.newaxis], k=wanted, num_threads=1)
        except RuntimeError:  # Links lead to fewer than were asked for.
            return np.empty(0, dtype=np.int64)
        return rows[0].astype(np.int64)  # type: ignore[no-any-return]

    def save(self, path: Path, identity: str) -> None:
        """Write the cache file and, last, the file that vouches for it.

        Args:
            path: of the cache file; the voucher stands beside it.
            identity: of the rows; :meth:`load` wants the same.

        Raises:
            StoreFault: it could not be written whole. Nothing is left behind then.
        """
        discard(path)
        aside, voucher_aside = _aside(path), _aside(_voucher_path(path))
        try:
            self._index.save_index(str(aside))
            # hnswlib does not report a full disk: only what reads back at the expected size counts.
            digest = _sha256(aside)
            expected_bytes = self._index.index_file_size()
            if aside.stat().st_size != expected_bytes:
                raise OSError(f"{aside.stat().st_size} bytes were written instead of {expected_bytes}")
            _sync(aside)
            aside.replace(path)
            voucher = {"format": _FORMAT, "sha256": digest, "identity": identity, "count": self.count}
            voucher_aside.write_text(json.dumps(voucher))
            _sync(voucher_aside)
            voucher_aside.replace(_voucher_path(path))
            _sync(path.parent)
        except (OSError, RuntimeError) as error:
            discard(path)
            raise StoreFault(f"the index could not be cached in {path}: {error}") from error

    @classmethod
    def load(cls, path: Path, identity_of: Callable[[int], str], dimensions: int) -> "Graph | None":
        """Read a cache file that is beyond doubt.

        Args:
            path: of the cache file.
            identity_of: the identity of the first n rows as the store has them now.
            dimensions: of the vectors.

        Returns:
            The graph; None where there is none or anything about it is in doubt: then it is deleted.
        """
        try:
            voucher = json.loads(_voucher_path(path).read_text())
            count = int(voucher["count"])
            good = (
                voucher["format"] == _FORMAT
                and voucher["identity"] == identity_of(count)
                and voucher["sha256"] == _sha256(path)
            )
            if not good:
                discard(path)
                return None
            index = hnswlib.Index(space="ip", dim=dimensions)
            index.load_index(str(path))
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, ValueError, KeyError, TypeError):
            discard(path)
            return None
        return cls(index, count, dimensions)


def discard(path: Path) -> None:
    """Delete a cache file, its voucher first. Raises StoreFault where that fails."""
    voucher = _voucher_path(path)
    try:
        for doomed in (voucher, path, _aside(voucher), _aside(path)):
            doomed.unlink(missing_ok=True)
    except OSError as error:
        raise StoreFault(f"the index cached in {path} could not be deleted: {error.strerror}") from error


def _voucher_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
