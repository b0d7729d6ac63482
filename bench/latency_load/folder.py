"""The data folder that a load is put on: made once, kept where wanted, and copied for each run.

What a run teaches, and what upkeep it leaves undone, goes with its copy: all runs begin alike. A tenant that
is to be touched cold is touched once, and one whose graph is to be built has none; the copy has as many of
both as the run needs. They are copies of two tenants, under other ids.
"""

import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from rich.progress import track

from latency_load.invented import InventedTenant
from latency_load.workload import Workload, sizes, tenant_id
from likewise_engine import limits
from likewise_engine.cache_file import GRAPH_NAME
from likewise_engine.encoder import load_encoder
from likewise_engine.folder import DataFolder
from likewise_engine.keys import TenantKey
from likewise_engine.store.connection import connect
from likewise_engine.tenants import Tenants
from likewise_engine.vote import load_vote

COLD: Final = "cold"
BUILD: Final = "build"
_STATED: Final = "workload.json"
_BUILD_LASTS_S: Final = 15.0
"""By guess, to be on the safe side: the graph of the default 100,000 texts took 20 s and more wherever it was
built. So many seconds of a run get a tenant each that is due one."""


class OtherWorkload(Exception):
    """The folder was made for another workload, or is none of ours."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data folder that is ready for a run.

    Attributes:
        data: the folder to serve.
        cold: ids of tenants that nobody has touched.
        builds: ids of tenants that are due a graph as soon as they are loaded.
        graphs: where their graphs are cached once they are built.
    """

    data: Path
    cold: Sequence[str]
    builds: Sequence[str]
    graphs: Sequence[Path]


class BenchFolder:
    """A folder with the tenants of a workload, and what they were made from.

    Args:
        root: made if it is not there; filled where it is not: an hour for the canonical workload.
        workload: that it is for.

    Raises:
        OtherWorkload: it holds something else.
    """

    def __init__(self, root: Path, workload: Workload) -> None:
        self._stated = root / _STATED
        self._originals = root / "originals"
        self._data = root / "run"
        self._workload = workload
        self._check(root)
        if not self._state()["is_filled"]:
            self._fill()

    @contextmanager
    def prepared(self, cold: int, build_s: float) -> Iterator[Prepared]:
        """Make ready for one run. One at a time.

        Args:
            cold: tenants that will be touched cold.
            build_s: seconds in which graphs are to be built; 0 for none.
        """
        builds = math.ceil(build_s / _BUILD_LASTS_S) if self._workload.build_texts else 0
        cold_ids = [f"{COLD}-{number:05}" for number in range(cold)]
        build_ids = [f"{BUILD}-{number:05}" for number in range(builds)]
        copies = {**dict.fromkeys(cold_ids, COLD), **dict.fromkeys(build_ids, BUILD)}
        shutil.rmtree(self._data, ignore_errors=True)  # of a run that was killed
        shutil.copytree(self._originals, self._data)
        with closing(DataFolder(self._data)) as folder:
            for copy, original in copies.items():
                source = folder.store_path(original).parent
                copy_tenant(source, folder, copy, with_graph=original != BUILD)
            graphs = [folder.store_path(tenant).with_name(GRAPH_NAME) for tenant in build_ids]
        os.sync()  # so that writing them out does not slow down the run's own commits
        try:
            yield Prepared(self._data, cold_ids, build_ids, graphs)
        finally:
            shutil.rmtree(self._data)

    def _check(self, root: Path) -> None:
        if not self._stated.exists():
            if root.exists() and any(root.iterdir()):
                raise OtherWorkload(f"{root} is not empty, and was not made by this benchmark")
            root.mkdir(parents=True, exist_ok=True)
            self._write_state(is_filled=False)
        elif self._state()["workload"] != asdict(self._workload):
            raise OtherWorkload(
                f"{root} was made for {self._state()['workload']}: ask for that, or name another folder"
            )

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self._stated.read_text(encoding="utf-8"))
        return state

    def _write_state(self, *, is_filled: bool) -> None:
        state = {"workload": asdict(self._workload), "is_filled": is_filled}
        self._stated.write_text(json.dumps(state, indent=2), encoding="utf-8")

    def _fill(self) -> None:
        make_tenants(self._originals, list(_tenants_of(self._workload)))
        self._write_state(is_filled=True)


def _tenants_of(workload: Workload) -> Iterator[InventedTenant]:
    yield InventedTenant.of_size(COLD, workload.cold_labels, workload.seed)
    if workload.build_texts:
        yield InventedTenant(BUILD, workload.build_texts, workload.build_texts, workload.seed)
    for number, labels in enumerate(sizes(workload)):
        yield InventedTenant.of_size(tenant_id(number), labels, workload.seed)


def make_tenants(data: Path, wanted: Sequence[InventedTenant]) -> None:
    """Make the tenants that a data folder lacks, and go on with one whose making was interrupted."""
    with Tenants.open_folder(data, load_encoder(), vote=load_vote()) as tenants:
        for tenant in track(wanted, "making the data folder", transient=True):
            if not tenants.exists(tenant.id):
                tenants.create(tenant.id)
            if tenants.describe(tenant.id).statistics.labels < tenant.labels:
                _teach(tenants, tenant)


def copy_tenant(source: Path, folder: DataFolder, copy: str, *, with_graph: bool = True) -> None:
    """Put a tenant into a data folder under another id, with all that is cached of it.

    Args:
        source: the folder of the tenant itself.
        folder: where to.
        copy: the other id.
        with_graph: without it, the copy is due one.
    """

    def fill(store: Path, _key: TenantKey) -> None:
        # Among them the tenant's own key, in the place of the copy's: it lies in the clear.
        for path in source.iterdir():
            if with_graph or not path.name.startswith(GRAPH_NAME):
                shutil.copyfile(path, store.with_name(path.name))

    folder.create(copy, fill)
    store, key = folder.store_path(copy), folder.key_of(copy)
    with closing(connect(store, key.of_pages())) as connection:
        connection.execute("UPDATE tenant SET tenant = ?", (copy,))


def _teach(tenants: Tenants, tenant: InventedTenant) -> None:
    """All of its history, with the graph, the heads and the calibration that are due then."""
    history = tenant.history()
    with tenants.use(tenant.id) as ledger:
        while rows := list(islice(history, limits.IMPORT_BATCH_ROWS)):
            ledger.import_batch([row.of_engine() for row in rows])
    tenants.settle()
