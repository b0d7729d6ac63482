"""Readers of file formats: rows of CSV, NDJSON and Parquet as transactions.

    file -> Reader -> batches of raw rows -> ColumnPlan and Conventions -> transactions, and rows rejected

:func:`open_reader` tells the format by the file's content. A plan says which column means what, conventions
how the file writes dates and amounts; both are decided once a file, before the first row is taken.
"""

from likewise_indexer.readers.batches import Batch, Reader, RejectedRow
from likewise_indexer.readers.conventions import Conventions, find_conventions
from likewise_indexer.readers.dates import fault_of_pattern
from likewise_indexer.readers.errors import ColumnsUnclear, UnreadableFile
from likewise_indexer.readers.files import TextOptions, find_files, open_reader
from likewise_indexer.readers.identity import Occurrences
from likewise_indexer.readers.plan import MEANINGS, ColumnPlan, ColumnWishes, recognise
from likewise_indexer.readers.rows import RowConverter, Rows, rejection_of, texts_of

__all__ = [
    "MEANINGS",
    "Batch",
    "ColumnPlan",
    "ColumnWishes",
    "ColumnsUnclear",
    "Conventions",
    "Occurrences",
    "Reader",
    "RejectedRow",
    "RowConverter",
    "Rows",
    "TextOptions",
    "UnreadableFile",
    "fault_of_pattern",
    "find_conventions",
    "find_files",
    "open_reader",
    "recognise",
    "rejection_of",
    "texts_of",
]
