"""bench/crash.py: a few kills lose nothing, and what would lose something is found."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import grpc
import pytest
from rich.console import Console

import crash
from crash_side.cut import cut_power
from crash_side.deeds import Book, Deed, Fate, Kind
from crash_side.shim import CONTROL_VARIABLE, Control, NoCompiler, Op, Shim
from crash_side.zygote import Zygote
from fault_world import failing
from likewise.v1.ledger_service_pb2 import ForgetTransactionsRequest, LearnRequest


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Shim:
    try:
        return Shim(tmp_path_factory.mktemp("shim"))
    except NoCompiler as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def zygote(shim: Shim) -> Iterator[Zygote]:
    with Zygote(shim) as started:
        yield started


# --- Runs ---


@pytest.mark.usefixtures("shim")
def test_a_few_kills_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    counts = tmp_path / "counts.json"
    crash.main(["--kills", "8", "--lives", "4", "--folder", str(tmp_path / "eras"), "--json", str(counts)])
    document = json.loads(counts.read_text())
    assert document["kills"] == 8
    assert document["acknowledged"] > 0
    assert document["checks"] > 0
    assert sum(document["places"].values()) == 8
    assert [document[what] for what in ("lost", "phantom", "divergent", "failed")] == [0, 0, 0, 0]
    assert '"lost": 0' in capsys.readouterr().out
    assert list((tmp_path / "eras").glob("era-*")) == []


@pytest.mark.usefixtures("shim")
def test_a_disk_that_lies_is_found_to_lose_what_was_acknowledged(tmp_path: Path) -> None:
    arguments = ["--kills", "8", "--power-cuts", "1", "--drop-syncs", "--folder", str(tmp_path)]
    document = crash.crash(crash.arguments_of(arguments), Console(quiet=True))
    assert document["lost"] > 0
    assert all(Path(kept).is_dir() for kept in document["kept"])


# --- Power cuts ---

WRITER = """
import os, pathlib
folder = pathlib.Path(os.environ["FOLDER"])
def sync(path):
    descriptor = os.open(path, os.O_RDONLY); os.fsync(descriptor); os.close(descriptor)
(folder / "kept").write_bytes(b"a" * 10_000)
(folder / "replaced").write_bytes(b"old")
sync(folder / "kept"); sync(folder / "replaced"); sync(folder)
descriptor = os.open(folder / "kept", os.O_RDWR)
os.pwrite(descriptor, b"b" * 10_000, 5_000)
os.ftruncate(descriptor, 12_000)
(folder / "new").write_bytes(b"new")
(folder / "replaced.new").write_bytes(b"new")
sync(folder / "replaced.new")
(folder / "replaced.new").replace(folder / "replaced")
(folder / "made").mkdir()
(folder / "made" / "within").write_bytes(b"x")
"""


def written_and_cut(shim: Shim, folder: Path, seed: int) -> None:
    """Write as above, under the shim, and cut the power."""
    root, grave = folder / "root", folder / "grave"
    root.mkdir(parents=True)
    grave.mkdir()
    with Control(folder / "control", root) as control:
        control.block.is_logging = True
        control.block.log, control.block.grave = os.fsencode(folder / "log"), os.fsencode(grave)
        variables = {**shim.environment, CONTROL_VARIABLE: str(folder / "control"), "FOLDER": str(root)}
        subprocess.run([sys.executable, "-c", WRITER], env=variables, check=True)
    assert cut_power(root, folder / "log", grave, Random(seed)) > 0


def test_a_power_cut_undoes_what_was_not_made_durable_and_no_more(shim: Shim, tmp_path: Path) -> None:
    seen: dict[str, set[object]] = {"kept": set(), "new": set(), "replaced": set(), "made": set()}
    for seed in range(24):
        written_and_cut(shim, tmp_path / str(seed), seed)
        root = tmp_path / str(seed) / "root"
        kept = (root / "kept").read_bytes()
        assert kept[:5_000] == b"a" * 5_000
        assert len(kept) in (10_000, 12_000, 15_000)
        assert set(kept[5_000:10_000]) <= set(b"ab")
        assert (root / "replaced").read_bytes() in (b"old", b"new")
        seen["kept"].add(len(kept))
        seen["replaced"].add((root / "replaced").read_bytes())
        for name in ("new", "made"):
            seen[name].add((root / name).exists())
    assert seen["kept"] == {10_000, 12_000, 15_000}
    assert seen["replaced"] == {b"old", b"new"}
    assert seen["new"] == seen["made"] == {True, False}


def test_a_repeated_request_is_durable_by_its_answer(shim: Shim, zygote: Zygote, tmp_path: Path) -> None:
    """It had happened, before a kill, and nothing of it was fsynced; then it is asked for again."""
    for seed in range(3):
        folder = tmp_path / str(seed)
        data, grave = folder / "data", folder / "grave"
        grave.mkdir(parents=True)
        with failing(zygote, data) as served:
            served.create("acme")
            served.learn()
        with failing(zygote, data, served, log=folder / "log", grave=grave) as served:
            served.ask()
            served.control.block.match, served.control.block.kill_at = b"-wal", 1
            served.control.block.kill_ops = Op.SYNC
            with pytest.raises(grpc.RpcError):
                served.learn(request_id="once")
            logged = served.control.block.logged
        with failing(zygote, data, served, log=folder / "log", grave=grave, logged=logged) as again:
            again.repeat("once")
            os.killpg(again.group, signal.SIGKILL)
        cut_power(data, folder / "log", grave, Random(seed))
        with failing(zygote, data, again) as after:
            after.check()


# --- The journal ---


def learned(book: Book, anchor: str, fate: Fate, revision: int = 0) -> Deed:
    request = LearnRequest(tenant=book.tenant)
    request.transactions.add().transaction.id = anchor
    deed = book.begin(Kind.LEARN, request, anchor)
    deed.fate, deed.revision = fate, revision
    return deed


def found(book: Book, revision: int, entries: dict[str, int]) -> list[tuple[str, str]]:
    order = book.order(revision, entries)
    return [(finding.what, finding.message) for finding in order.findings] + [
        (finding.what, finding.message) for finding in book.check_presence(order, entries)
    ]


def test_what_was_acknowledged_has_to_be_there() -> None:
    book = Book("acme")
    learned(book, "a", Fate.ACKNOWLEDGED, 1)
    learned(book, "b", Fate.ACKNOWLEDGED, 2)
    assert found(book, 2, {"a": 1, "b": 2}) == []
    assert [what for what, _ in found(book, 1, {"a": 1})] == ["lost"]
    assert [what for what, _ in found(book, 2, {"a": 1})] == ["lost"]


def test_what_was_refused_must_not_be_there() -> None:
    book = Book("acme")
    learned(book, "a", Fate.REFUSED)
    assert found(book, 0, {}) == []
    assert [what for what, _ in found(book, 1, {"a": 1})] == ["phantom", "phantom"]


def test_what_was_not_answered_may_be_there() -> None:
    book = Book("acme")
    learned(book, "a", Fate.OPEN)
    assert found(book, 0, {}) == found(book, 1, {"a": 1}) == []
    book.settle(book.order(1, {"a": 1}), 1)
    forgetting = ForgetTransactionsRequest(tenant="acme", transaction_ids=["a"])
    book.begin(Kind.FORGET, forgetting)
    assert found(book, 1, {"a": 1}) == found(book, 2, {}) == []
    assert [what for what, _ in found(book, 2, {"a": 1})] == ["phantom"]
    assert [what for what, _ in found(book, 1, {})] == ["lost"]


def test_an_import_has_no_holes() -> None:
    book = Book("acme")
    for anchor in ("i#0", "i#1"):
        learned(book, anchor, Fate.OPEN).kind = Kind.PIECE
    assert found(book, 1, {"i#0": 1}) == []
    assert [what for what, _ in found(book, 1, {"i#1": 1})] == ["lost"]
