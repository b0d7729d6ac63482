"""Shares of an import of many tenants, one for each process that takes part.

A tenant's rows are one process's, so that they are learned in the file's order. Tenants are hashed to parts,
and parts are dealt by the rows that they have, so that no process waits long for another; what is known of
them takes the same memory however many tenants there are.
"""

import heapq
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_indexer.bulk.source import Source
from likewise_indexer.readers import Batch, texts_of
from likewise_indexer.readers.headers import TENANT


@dataclass(frozen=True, slots=True)
class Share:
    """The rows of some tenants.

    Attributes:
        number: of the share, from 0. The first has the rows as well that are no tenant's, being malformed.
        count: how many shares there are.
        parts: that are this share's, by number.
    """

    number: int
    count: int
    parts: frozenset[int]

    def of(self, batch: Batch, column: str) -> Batch:
        """The rows of a batch that are this share's.

        Args:
            batch: some rows.
            column: which names the tenant.
        """
        part_of = _part_of
        mask = pl.Series(
            [part_of(tenant) in self.parts for tenant in texts_of(batch.frame[column])], dtype=pl.Boolean
        )
        rows = [batch.rows[position] for position in mask.arg_true()]
        malformed = () if self.number else batch.malformed
        return Batch(batch.frame.filter(mask), rows, malformed, batch.bytes_read)


def shares_of(sources: Sequence[Source], jobs: int | None) -> Sequence[Share]:
    """Deal out the rows of files whose rows name their tenants.

    Args:
        sources: the files.
        jobs: shares at most; None for as many as there are processor cores and it pays.

    Returns:
        One share a process; a single one where there is one tenant, or too few rows.

    Raises:
        UnreadableFile: a file cannot be read.
    """
    count_max = min(jobs or os.cpu_count() or 1, limits.IMPORT_PROCESSES_MAX)
    if count_max == 1:
        return _dealt(np.zeros(limits.IMPORT_PARTS, dtype=np.int64), 1)
    rows, is_all = _rows_of_parts(sources)
    if is_all:
        worth = count_max if jobs else int(rows.sum()) // limits.IMPORT_ROWS_PER_PROCESS_MIN
        count_max = max(1, min(count_max, worth, int(np.count_nonzero(rows))))
    return _dealt(rows, count_max)


def _rows_of_parts(sources: Sequence[Source]) -> tuple[NDArray[np.int64], bool]:
    """How many rows each part has among the first ones, int64 ``(IMPORT_PARTS,)``; whether these are all."""
    rows = np.zeros(limits.IMPORT_PARTS, dtype=np.int64)
    for source in sources:
        column = source.plan.columns[TENANT]
        for batch in source.reader.batches([column]):
            if rows.sum() >= limits.IMPORT_ROWS_DEALT_MAX:
                return rows, False
            parts = list(map(_part_of, texts_of(batch.frame[column])))
            rows += np.bincount(parts, minlength=limits.IMPORT_PARTS)
    return rows, True


def _dealt(rows: NDArray[np.int64], count: int) -> Sequence[Share]:
    """The parts in shares of about as many rows: the largest first, each to whom has fewest by then."""
    parts: list[list[int]] = [[] for _ in range(count)]
    dealt = [(0, number) for number in range(count)]
    for part in np.argsort(-rows, kind="stable").tolist():
        if not rows[part]:
            parts[part % count].append(part)
            continue
        has, number = heapq.heappop(dealt)
        parts[number].append(part)
        heapq.heappush(dealt, (has + int(rows[part]), number))
    return [Share(number, count, frozenset(own)) for number, own in enumerate(parts)]


@lru_cache(maxsize=65_536)
def _part_of(tenant: str) -> int:
    """The same in every process, which Python's own hash is not."""
    return zlib.crc32(tenant.encode()) % limits.IMPORT_PARTS
