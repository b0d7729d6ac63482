"""One tenant's import beside the calls of others.

The import is the command that a user runs, ``likewise index TENANT FILE --server``, a process of its own on
the same cores. Calls of the others are sent in rounds of some seconds: before it, while it lasts, after it.
"""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from latency_load.generator import Samples
from latency_load.invented import InventedTenant
from overload_load.place import Place, errors_in, quantiles_ms
from scale_laws.bulk import write_books

_TENANT: Final = "imported"
_ROUND_S: Final = 5.0


class ImportFailed(Exception):
    """The command ended with an error."""


def measure(place: Place, rows: int, rate_hz: float, quiet_s: float, books: Path) -> dict[str, Any]:
    """The part of the document.

    Args:
        place: where calls go.
        rows: that are imported.
        rate_hz: of the others' calls.
        quiet_s: of them before the import and after it, each.
        books: folder for the rows; made if it is not there.

    Raises:
        ImportFailed: the import was cut off.
    """
    write_books([InventedTenant.of_size(_TENANT, rows, place.seed)], books)
    before = place.sent_at(rate_hz, quiet_s)
    started = time.perf_counter()
    command = ["index", _TENANT, str(books), "--server", place.server.address]
    process = subprocess.Popen([sys.executable, "-m", "likewise_server", *command], stdout=subprocess.DEVNULL)
    during: list[Samples] = []
    with process:
        while process.poll() is None:
            during.append(place.sent_at(rate_hz, min(_ROUND_S, quiet_s)))
    seconds = time.perf_counter() - started
    if process.returncode:
        raise ImportFailed(f"likewise index ended with exit status {process.returncode}")
    around = [before, place.sent_at(rate_hz, quiet_s)]
    place.note_lag("beside the import", [*around, *during])
    quiet, beside = quantiles_ms(around), quantiles_ms(during)
    is_known = quiet["p99_ms"] and beside["p99_ms"]
    return {
        "rows": rows,
        "seconds": seconds,
        "rows_per_s": rows / seconds,
        "rate_hz": rate_hz,
        "quiet": quiet,
        "beside": beside,
        "errors_by_code": errors_in(during),
        "p99_ratio": beside["p99_ms"] / quiet["p99_ms"] if is_known else None,
    }
