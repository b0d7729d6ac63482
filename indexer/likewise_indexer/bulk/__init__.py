"""History in bulk: files of many rows into the ledgers of one tenant or of many.

    files -> sources (reader, plan, conventions) -> rows -> one buffer a tenant -> sink, batch by batch

Batches are committed one by one and every row has an id, its own or one of its content, so an import may be
cut off anywhere and run again: what is there already is unchanged.
"""

from likewise_indexer.bulk.chart import TenantChart, read_chart
from likewise_indexer.bulk.engine_sink import EngineSink
from likewise_indexer.bulk.garbage import rare_collections
from likewise_indexer.bulk.job import AllRejected, BulkImport, Progress
from likewise_indexer.bulk.processes import (
    ImporterLost,
    ImportFailed,
    ImportFolder,
    ImportProcesses,
    SharedImport,
)
from likewise_indexer.bulk.rejects import REJECTS_SUFFIX, RejectedInOrder, RejectFile
from likewise_indexer.bulk.server_sink import ServerSink
from likewise_indexer.bulk.shares import Share, shares_of
from likewise_indexer.bulk.sink import CheckingSink, Sink
from likewise_indexer.bulk.source import Source, SourceOptions, open_source
from likewise_indexer.bulk.tally import Tally, TenantTally

__all__ = [
    "REJECTS_SUFFIX",
    "AllRejected",
    "BulkImport",
    "CheckingSink",
    "EngineSink",
    "ImportFailed",
    "ImportFolder",
    "ImportProcesses",
    "ImporterLost",
    "Progress",
    "RejectFile",
    "RejectedInOrder",
    "ServerSink",
    "Share",
    "SharedImport",
    "Sink",
    "Source",
    "SourceOptions",
    "Tally",
    "TenantChart",
    "TenantTally",
    "open_source",
    "rare_collections",
    "read_chart",
    "shares_of",
]
