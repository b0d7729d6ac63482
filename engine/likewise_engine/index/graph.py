"""A frozen HNSW graph over a tenant's first texts, and its cache file.

hnswlib 0.8.0 as it is: adding while querying is not safe, so a graph is built aside and never touched again;
saving writes in place and reports no error, and a damaged file loads silently, so its file is a
:mod:`likewise_engine.cache_file`; ``ef`` is not saved; asking for more neighbours than there are raises
(Malkov & Yashunin 2016, arXiv:1603.09320).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import hnswlib
import numpy as np
from numpy.typing import NDArray

from likewise_engine import cache_file
from likewise_engine.keys import TenantKey

_M: Final = 16
_EF_CONSTRUCTION: Final = 128
_EF_MIN: Final = 256
"""Recall of the 32 nearest to new texts: .992 of 22,000 real ones and .994 of 200,000 generated ones, in .23
and .44 ms. At 160 it is .981 and .987, at 96 .958 and .974 (``bench/recall.py``)."""
_SEED: Final = 20260701
_BUILD_CHUNK: Final = 256
_FORMAT: Final = 2


class Graph:
    """An immutable HNSW graph over the rows 0 … count-1 of a matrix of unit vectors."""

    __slots__ = ("_index", "count", "dimensions")

    def __init__(self, index: Any, count: int, dimensions: int) -> None:
        self._index = index
        self.count = count
        self.dimensions = dimensions

    @classmethod
    def build(
        cls, matrix: NDArray[np.float16], keep_on: Callable[[], bool] = lambda: True, threads: int = 1
    ) -> "Graph | None":
        """Build a graph over all rows of a matrix.

        Args:
            matrix: float16 ``(count, dimensions)``, unit rows.
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
            chunk = matrix[start : start + _BUILD_CHUNK].astype(np.float32)
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

    def packed(self) -> bytes:
        """The graph for another process of ours, where :meth:`unpacked` makes it again."""
        with _file_in_memory() as path:
            self._write(path)
            return path.read_bytes()

    @classmethod
    def unpacked(cls, content: bytes | bytearray, dimensions: int) -> "Graph":
        """The graph that :meth:`packed` packed, of vectors of so many dimensions."""
        with _file_in_memory() as path:
            path.write_bytes(content)
            return cls._read(path, dimensions)

    def save(self, path: Path, key: TenantKey, identity: str, packed: bytes | None = None) -> None:
        """Cache the graph in a file.

        Args:
            path: of the cache file.
            key: of the tenant.
            identity: of the rows; :meth:`load` wants the same.
            packed: the graph, if it is at hand packed: hnswlib holds Python's lock for as long as it writes.

        Raises:
            StoreFault: it could not be written whole. Nothing is left behind then.
        """
        stated = {"format": _FORMAT, "identity": identity, "count": self.count}
        cache_file.save(path, key, stated, self.packed if packed is None else lambda: packed)

    @classmethod
    def load(
        cls, path: Path, key: TenantKey, identity_of: Callable[[int], str], dimensions: int
    ) -> "Graph | None":
        """Read a cache file that is beyond doubt.

        Args:
            path: of the cache file.
            key: of the tenant.
            identity_of: the identity of the first n rows as the store has them now.
            dimensions: of the vectors.

        Returns:
            The graph; None where there is none or anything about it is in doubt: then it is deleted.
        """

        def is_wanted(stated: Mapping[str, Any]) -> bool:
            is_known = stated["format"] == _FORMAT
            return bool(is_known and stated["identity"] == identity_of(int(stated["count"])))

        def read(content: bytearray, _stated: Mapping[str, Any]) -> Graph:
            return cls.unpacked(content, dimensions)

        return cache_file.load(path, key, is_wanted, read)

    def _write(self, path: Path) -> None:
        self._index.save_index(str(path))
        # hnswlib does not report a full disk: only what reads back at the expected size counts.
        expected_bytes = self._index.index_file_size()
        if path.stat().st_size != expected_bytes:
            raise OSError(f"{path.stat().st_size} bytes were written instead of {expected_bytes}")

    @classmethod
    def _read(cls, path: Path, dimensions: int) -> "Graph":
        index = hnswlib.Index(space="ip", dim=dimensions)
        index.load_index(str(path))
        return cls(index, int(index.element_count), dimensions)


@contextmanager
def _file_in_memory() -> Iterator[Path]:
    """A file for a library that knows nothing else: in memory alone on Linux, so nothing is left of it."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("graph")
        try:
            yield Path(f"/proc/self/fd/{descriptor}")
        finally:
            os.close(descriptor)
    else:
        with TemporaryDirectory() as folder:
            yield Path(folder) / "graph"
