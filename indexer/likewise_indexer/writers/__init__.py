"""Writers of file formats: answers and entries as tables in CSV, NDJSON and Parquet.

    messages of the contract -> AnswerTable or EntryTable -> frames -> TableWriter -> file

A table says which columns there are and makes frames of them; a writer knows the format, and neither what the
columns mean nor how many rows will come.
"""

from likewise_indexer.writers.answers import AnswerTable, AskedRow, decision_word
from likewise_indexer.writers.entries import EntryTable
from likewise_indexer.writers.files import (
    SUFFIXES,
    TableWriter,
    UnwritableFile,
    check_writable,
    open_ndjson_stream,
    open_table,
)

__all__ = [
    "SUFFIXES",
    "AnswerTable",
    "AskedRow",
    "EntryTable",
    "TableWriter",
    "UnwritableFile",
    "check_writable",
    "decision_word",
    "open_ndjson_stream",
    "open_table",
]
